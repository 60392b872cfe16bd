//! What PostgreSQL has and Offtake does not keep, with the reason and what to do instead.

use offtake_row::Type;

use super::ResolveError;

const CLOCK: &str = "its value changes without any change in the tables; keep the moment in a column, or filter when you read the view";
const RANDOM: &str = "it answers something else every time; keep the value in a column";
const SESSION: &str = "it depends on the session that asks; filter when you read the view";
const SEQUENCE: &str = "sequences are not replicated; keep the number in a column";
const REGEX: &str = "regular expressions are not kept yet; use LIKE, starts_with, position or split_part";
const FORMAT: &str = "formatting by pattern is not kept yet; cast to text, or format when you read the view";
const INTERVAL: &str =
    "intervals are not kept yet; extract(epoch FROM …) of both sides gives seconds, date - date gives days";
const NUMERIC_FUNCTION: &str = "it is kept for double precision only; cast the argument to double precision";
const JSON: &str =
    "json and jsonb are kept as text only; extract the field upstream, for instance in a generated column";
const ARRAY: &str = "arrays are not kept yet";
const ZONE: &str = "time zones other than UTC are not kept yet; store what you need in a column";
const LATER: &str = "it is not on the list yet; compute it upstream or when you read the view";

fn reason(name: &str) -> Option<&'static str> {
    Some(match name {
        "now"
        | "current_timestamp"
        | "current_date"
        | "current_time"
        | "localtime"
        | "localtimestamp"
        | "transaction_timestamp"
        | "statement_timestamp"
        | "clock_timestamp"
        | "timeofday"
        | "age" => CLOCK,
        "random" | "setseed" | "gen_random_uuid" | "uuid_generate_v4" | "uuidv4" | "uuidv7"
        | "random_normal" => RANDOM,
        "current_user" | "session_user" | "user" | "current_role" | "current_schema" | "current_schemas"
        | "current_database" | "current_catalog" | "current_setting" | "set_config" | "pg_backend_pid"
        | "version" | "inet_client_addr" | "txid_current" | "pg_current_xact_id" | "pg_sleep" => SESSION,
        "nextval" | "currval" | "lastval" | "setval" => SEQUENCE,
        "regexp_replace"
        | "regexp_match"
        | "regexp_matches"
        | "regexp_like"
        | "regexp_count"
        | "regexp_instr"
        | "regexp_substr"
        | "regexp_split_to_array"
        | "regexp_split_to_table"
        | "similar_to_escape"
        | "similar_escape"
        | "~"
        | "~*"
        | "!~"
        | "!~*" => REGEX,
        "to_char" | "to_date" | "to_number" | "format" => FORMAT,
        "make_interval" | "justify_days" | "justify_hours" | "justify_interval" | "date_bin" => INTERVAL,
        "timezone" => ZONE,
        "array_length" | "unnest" | "array_agg" | "array_to_string" | "string_to_array" | "cardinality"
        | "generate_series" | "any" | "all" => ARRAY,
        "->" | "->>" | "#>" | "#>>" | "@>" | "<@" | "?" | "?|" | "?&" | "#-" | "@?" | "@@" => JSON,
        "string_agg" | "json_agg" | "jsonb_agg" | "json_object_agg" | "jsonb_object_agg" | "stddev"
        | "stddev_pop" | "stddev_samp" | "variance" | "var_pop" | "var_samp" | "bit_and" | "bit_or"
        | "bit_xor" | "corr" | "covar_pop" | "covar_samp" | "regr_slope" | "regr_intercept" | "regr_r2"
        | "percentile_cont" | "percentile_disc" | "mode" | "any_value" | "grouping" | "initcap" | "md5"
        | "sha256" | "encode" | "decode" | "overlay" | "quote_ident" | "quote_literal" | "quote_nullable"
        | "width_bucket" | "sin" | "cos" | "tan" | "asin" | "acos" | "atan" | "atan2" | "pi"
        | "factorial" | "make_time" | "make_timestamp" | "make_timestamptz" | "to_ascii" | "convert_from"
        | "convert_to" | "normalize" | "unistr" | "parse_ident" | "hashtext" => LATER,
        _ if name.starts_with("json") || name.starts_with("to_json") || name.starts_with("row_to_json") => {
            JSON
        }
        _ if name.starts_with("array_") => ARRAY,
        _ => return None,
    })
}

fn refused(what: String, remedy: &str) -> ResolveError {
    ResolveError::Refused { what, remedy: remedy.to_owned() }
}

/// A function whose name is known to be refused, whatever its arguments.
pub(super) fn function_name(name: &str) -> Option<ResolveError> {
    reason(name).map(|reason| refused(format!("function {name}"), reason))
}

/// An operator whose name is known to be refused, whatever its operands.
pub(super) fn operator_name(name: &str) -> Option<ResolveError> {
    reason(name).map(|reason| refused(format!("operator {name}"), reason))
}

/// An aggregate whose name is known to be refused, whatever its arguments.
pub(super) fn aggregate_name(name: &str) -> Option<ResolveError> {
    reason(name).map(|reason| refused(format!("aggregate {name}"), reason))
}

/// An operator one of whose operands is an interval.
pub(super) fn interval(described: &str) -> ResolveError {
    refused(format!("operator {described}"), INTERVAL)
}

/// An operator that was resolved to one that PostgreSQL has and Offtake does not.
pub(super) fn operator(name: &str, args: &[Type], described: &str) -> ResolveError {
    let remedy = match (name, args) {
        ("-", [Type::Timestamp | Type::Timestamptz | Type::Time, _]) => INTERVAL,
        ("^", _) => NUMERIC_FUNCTION,
        (_, [Type::Jsonb | Type::Json, ..]) => JSON,
        (_, [Type::Bytea, ..]) => LATER,
        _ => reason(name).unwrap_or(LATER),
    };
    refused(format!("operator {described}"), remedy)
}

/// A function that was resolved to one that PostgreSQL has and Offtake does not.
pub(super) fn function(name: &str, args: &[Type], described: &str) -> ResolveError {
    let remedy = match (name, args) {
        ("substring", [Type::Text, Type::Text, ..]) => REGEX,
        ("date_trunc" | "timezone", _) => ZONE,
        (_, [Type::Numeric(_), ..]) => NUMERIC_FUNCTION,
        _ => reason(name).unwrap_or(LATER),
    };
    refused(format!("function {described}"), remedy)
}
