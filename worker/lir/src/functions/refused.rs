//! What PostgreSQL has and Offtake does not keep, with the reason and what to do instead.

use offtake_row::Type;

use super::ResolveError;

const CLOCK: &str = "its value changes without any change in the tables; keep the moment in a column, or filter when you read the view";
const RANDOM: &str = "it answers something else every time; keep the value in a column";
const SESSION: &str = "it depends on the session that asks; filter when you read the view";
const SEQUENCE: &str = "sequences are not replicated; keep the number in a column";
const REGEX: &str = "it is not kept yet; use substring(text FROM pattern), regexp_replace or split_part";
const NUMERIC_FUNCTION: &str = "it is kept for double precision only; cast the argument to double precision";
const JSON: &str = "this function of JSON is not kept; take values with ->, ->> or #>>";
const JSONPATH: &str =
    "JSON paths are not kept; take the value with -> and ->>, or filter when you read the view";
const ARRAY: &str = "it is not on the list yet; write the array as ARRAY[…]";
const ROWS: &str = "it makes rows: write it in FROM";
const ZONE: &str = "times with a time zone are not kept; use timestamptz";
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
        "similar_escape" => REGEX,
        "timezone" => ZONE,
        _ if super::table_functions::is_listed(name) => ROWS,
        "@?" | "@@" => JSONPATH,
        _ if name.starts_with("jsonb_path_") => JSONPATH,
        _ if is_aggregate(name) || matches!(name, "aclexplode" | "pg_options_to_table") => LATER,
        "grouping" | "to_ascii" | "normalize" | "hashtext" => LATER,
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

/// Whether it is an aggregate of PostgreSQL's that is not on the list.
pub(super) fn is_aggregate(name: &str) -> bool {
    matches!(name, "range_agg" | "range_intersect_agg" | "xmlagg")
}

/// Whether it is a function of PostgreSQL's that makes rows and is not on the list.
pub(super) fn is_table_function(name: &str) -> bool {
    matches!(
        name,
        "aclexplode"
            | "json_populate_recordset"
            | "json_to_recordset"
            | "jsonb_path_query"
            | "jsonb_path_query_tz"
            | "jsonb_populate_recordset"
            | "jsonb_to_recordset"
            | "pg_options_to_table"
    )
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

/// An operator that was resolved to one that PostgreSQL has and Offtake does not.
pub(super) fn operator(name: &str, args: &[Type], described: &str) -> ResolveError {
    let remedy = match (name, args) {
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
        ("date_trunc" | "timezone", _) => ZONE,
        (_, [Type::Numeric(_), ..]) => NUMERIC_FUNCTION,
        _ => reason(name).unwrap_or(LATER),
    };
    refused(format!("function {described}"), remedy)
}
