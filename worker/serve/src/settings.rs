//! Session settings (PostgreSQL's run-time parameters): which there are, what they accept, how they are shown.
//!
//! A setting that would change how values are rendered is accepted only where the answer stays true (UTC, ISO, UTF8); anything else is
//! refused, never ignored. Settings that tune a planner or a lock manager that is not there are accepted, because they change no result.

use std::{collections::BTreeMap, time::Duration};

use offtake_contract::Lsn;
use offtake_introspect::Setting;

use crate::error::SqlError;

/// The major and minor version that clients are told: the dialect of the catalog queries that they send.
pub const SERVER_VERSION_NUM: &str = "150000";

/// The value of every setting of one session.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `offtake.lsn`: reads see at least this.
    pub lsn: Option<Lsn>,
    /// `offtake.wait_timeout`; `None` waits without end.
    pub wait_timeout: Option<Duration>,
    pub statement_timeout: Option<Duration>,
    pub idle_in_transaction_timeout: Option<Duration>,
    pub idle_timeout: Option<Duration>,
    search_path: String,
    application_name: String,
    extra_float_digits: i32,
    isolation: String,
    /// Settings that are kept and shown but change nothing.
    kept: BTreeMap<String, String>,
}

/// Shown, never set.
const FIXED: &[(&str, &str)] = &[
    ("block_size", "8192"),
    ("in_hot_standby", "off"),
    ("integer_datetimes", "on"),
    ("is_superuser", "off"),
    ("lc_collate", "C"),
    ("lc_ctype", "C.UTF-8"),
    ("max_connections", "1000"),
    ("max_identifier_length", "63"),
    ("max_index_keys", "32"),
    ("server_encoding", "UTF8"),
    ("server_version_num", SERVER_VERSION_NUM),
    ("transaction_read_only", "on"),
];

/// Accepted with one meaning only.
const ONLY: &[(&str, &str, &[&str])] = &[
    ("bytea_output", "hex", &["hex"]),
    ("client_encoding", "UTF8", &["utf8", "utf-8", "unicode"]),
    ("intervalstyle", "postgres", &["postgres"]),
    ("standard_conforming_strings", "on", &["on", "true", "1", "yes"]),
    (
        "timezone",
        "UTC",
        &[
            "utc",
            "etc/utc",
            "uct",
            "etc/uct",
            "gmt",
            "etc/gmt",
            "zulu",
            "universal",
            "0",
            "+00",
            "+00:00",
            "00:00",
        ],
    ),
];

/// Accepted and kept: they change no result here. The default is what `SHOW` says before anything was set.
const KEPT: &[(&str, &str)] = &[
    ("backslash_quote", "safe_encoding"),
    ("check_function_bodies", "on"),
    ("client_min_messages", "notice"),
    ("default_table_access_method", "heap"),
    ("default_tablespace", ""),
    ("default_transaction_deferrable", "off"),
    ("default_transaction_read_only", "on"),
    ("effective_cache_size", "4GB"),
    ("enable_hashjoin", "on"),
    ("enable_indexscan", "on"),
    ("enable_mergejoin", "on"),
    ("enable_nestloop", "on"),
    ("enable_seqscan", "on"),
    ("enable_sort", "on"),
    ("escape_string_warning", "on"),
    ("from_collapse_limit", "8"),
    ("geqo", "on"),
    ("jit", "off"),
    ("join_collapse_limit", "8"),
    ("lc_messages", "C"),
    ("lc_monetary", "C"),
    ("lc_numeric", "C"),
    ("lc_time", "C"),
    ("lock_timeout", "0"),
    ("log_min_duration_statement", "-1"),
    ("log_statement", "none"),
    ("max_parallel_workers_per_gather", "0"),
    ("password_encryption", "scram-sha-256"),
    ("plan_cache_mode", "auto"),
    ("quote_all_identifiers", "off"),
    ("random_page_cost", "4"),
    ("role", "none"),
    ("row_security", "on"),
    ("synchronize_seqscans", "on"),
    ("synchronous_commit", "on"),
    ("temp_tablespaces", ""),
    ("transaction_deferrable", "off"),
    ("work_mem", "4MB"),
    ("xmloption", "content"),
];

/// Dates are printed and read in this one way.
const DATE_STYLE: &str = "ISO, MDY";

const DEFAULT_PATH: &str = "\"$user\", public";

impl Settings {
    pub fn new(wait_timeout: Duration, statement_timeout: Option<Duration>) -> Settings {
        Settings {
            lsn: None,
            wait_timeout: Some(wait_timeout),
            statement_timeout,
            idle_in_transaction_timeout: None,
            idle_timeout: None,
            search_path: DEFAULT_PATH.to_owned(),
            application_name: String::new(),
            extra_float_digits: 1,
            isolation: "repeatable read".to_owned(),
            kept: BTreeMap::new(),
        }
    }

    /// The schemas in which an unqualified name is looked for. There are no schemas of users, so `$user` names none; the schema
    /// `offtake` in particular is not the one of the user of that name.
    pub fn schemas(&self) -> Vec<String> {
        split_identifiers(&self.search_path).into_iter().filter(|schema| schema != "$user").collect()
    }

    /// Sets `name` from its text; `defaults` holds what RESET and DEFAULT go back to.
    pub fn set(&mut self, name: &str, value: Option<&str>, defaults: &Settings) -> Result<(), SqlError> {
        let name = canonical(name);
        let Some(value) = value else { return self.reset(&name, defaults) };
        match name.as_str() {
            "offtake.lsn" => {
                self.lsn = if value.is_empty() {
                    None
                } else {
                    Some(value.parse().map_err(|_| {
                        SqlError::new("22P02", format!("invalid input syntax for type pg_lsn: \"{value}\""))
                            .hint("An LSN is two hexadecimal numbers with a slash, as pg_current_wal_lsn() gives it upstream: 16/B374D848.")
                    })?)
                }
            }
            "offtake.wait_timeout" => self.wait_timeout = duration(&name, value)?,
            "statement_timeout" => self.statement_timeout = duration(&name, value)?,
            "idle_in_transaction_session_timeout" => {
                self.idle_in_transaction_timeout = duration(&name, value)?
            }
            "idle_session_timeout" => self.idle_timeout = duration(&name, value)?,
            "search_path" => self.search_path = value.to_owned(),
            "application_name" => {
                self.application_name =
                    value.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).collect()
            }
            "datestyle" => check_date_style(value)?,
            "extra_float_digits" => {
                let digits: i32 = value.parse().map_err(|_| invalid(&name, value))?;
                if !(1..=3).contains(&digits) {
                    return Err(SqlError::unsupported(
                        format!("extra_float_digits = {digits} is not supported"),
                        "Floats are always printed with the digits that read back as the same value: use 1, 2 or 3.",
                    ));
                }
                self.extra_float_digits = digits;
            }
            "transaction_isolation" | "default_transaction_isolation" => {
                let level = value.to_lowercase();
                if !["read uncommitted", "read committed", "repeatable read", "serializable"]
                    .contains(&level.as_str())
                {
                    return Err(invalid(&name, value));
                }
                self.isolation = level;
            }
            _ if ONLY.iter().any(|(only, ..)| *only == name) => only(&name, value)?,
            _ if FIXED.iter().any(|(fixed, _)| *fixed == name)
                || ["server_version", "session_authorization"].contains(&name.as_str()) =>
            {
                // Drivers say READ WRITE out of habit; writes are refused when they come.
                if name != "transaction_read_only" && name != "session_authorization" {
                    return Err(SqlError::new("55P02", format!("parameter \"{name}\" cannot be changed")));
                }
            }
            _ if KEPT.iter().any(|(kept, _)| *kept == name) || is_custom(&name) => {
                self.kept.insert(name, value.to_owned());
            }
            _ => return Err(unknown(&name)),
        }
        Ok(())
    }

    fn reset(&mut self, name: &str, defaults: &Settings) -> Result<(), SqlError> {
        match name {
            "offtake.lsn" => self.lsn = defaults.lsn,
            "offtake.wait_timeout" => self.wait_timeout = defaults.wait_timeout,
            "statement_timeout" => self.statement_timeout = defaults.statement_timeout,
            "idle_in_transaction_session_timeout" => {
                self.idle_in_transaction_timeout = defaults.idle_in_transaction_timeout
            }
            "idle_session_timeout" => self.idle_timeout = defaults.idle_timeout,
            "search_path" => self.search_path.clone_from(&defaults.search_path),
            "application_name" => self.application_name.clone_from(&defaults.application_name),
            "datestyle" => {}
            "extra_float_digits" => self.extra_float_digits = defaults.extra_float_digits,
            "transaction_isolation" | "default_transaction_isolation" => {
                self.isolation.clone_from(&defaults.isolation)
            }
            _ => {
                self.show(name)?;
                match defaults.kept.get(name) {
                    Some(value) => self.kept.insert(name.to_owned(), value.clone()),
                    None => self.kept.remove(name),
                };
            }
        }
        Ok(())
    }

    /// What `SHOW name` prints, but for what only the session knows (`offtake.lsn`, `server_version`, `session_authorization`).
    pub fn show(&self, name: &str) -> Result<String, SqlError> {
        let name = canonical(name);
        Ok(match name.as_str() {
            "offtake.lsn" => self.lsn.map(|lsn| lsn.to_string()).unwrap_or_default(),
            "offtake.wait_timeout" => print_duration(self.wait_timeout),
            "statement_timeout" => print_duration(self.statement_timeout),
            "idle_in_transaction_session_timeout" => print_duration(self.idle_in_transaction_timeout),
            "idle_session_timeout" => print_duration(self.idle_timeout),
            "search_path" => self.search_path.clone(),
            "application_name" => self.application_name.clone(),
            "datestyle" => DATE_STYLE.to_owned(),
            "extra_float_digits" => self.extra_float_digits.to_string(),
            "transaction_isolation" | "default_transaction_isolation" => self.isolation.clone(),
            _ => {
                if let Some(value) = self.kept.get(&name) {
                    return Ok(value.clone());
                }
                let fixed =
                    FIXED.iter().chain(KEPT).find(|(known, _)| *known == name).map(|(_, value)| *value);
                let only = ONLY.iter().find(|(known, ..)| *known == name).map(|(_, value, _)| *value);
                fixed.or(only).ok_or_else(|| unknown(&name))?.to_owned()
            }
        })
    }

    /// The names that `SHOW ALL` lists.
    pub fn names() -> Vec<&'static str> {
        let typed = [
            "DateStyle",
            "application_name",
            "default_transaction_isolation",
            "extra_float_digits",
            "idle_in_transaction_session_timeout",
            "idle_session_timeout",
            "offtake.lsn",
            "offtake.wait_timeout",
            "search_path",
            "server_version",
            "session_authorization",
            "statement_timeout",
            "transaction_isolation",
        ];
        let mut names: Vec<&str> = typed
            .into_iter()
            .chain(FIXED.iter().map(|(name, _)| *name))
            .chain(KEPT.iter().map(|(name, _)| *name))
            .chain(ONLY.iter().map(|(name, ..)| display_name(name)))
            .collect();
        names.sort_unstable_by_key(|name| name.to_lowercase());
        names
    }

    /// All settings with their values, what RESET goes back to, and what they are before anything is set. `own` are values that only the
    /// session knows.
    pub fn described(&self, defaults: &Settings, boot: &Settings, own: &[(&str, String)]) -> Vec<Setting> {
        let named = |name: &str| -> Option<Setting> {
            if let Some((_, value)) = own.iter().find(|(known, _)| *known == name) {
                let same = || value.clone();
                return Some(Setting {
                    name: name.to_owned(),
                    value: same(),
                    default: same(),
                    reset: same(),
                });
            }
            Some(Setting {
                name: name.to_owned(),
                value: self.show(name).ok()?,
                default: boot.show(name).unwrap_or_default(),
                reset: defaults.show(name).unwrap_or_default(),
            })
        };
        let custom = self.kept.keys().map(String::as_str).filter(|name| is_custom(name));
        Settings::names().into_iter().chain(custom).filter_map(named).collect()
    }

    pub fn application_name(&self) -> &str {
        &self.application_name
    }

    /// The settings that the protocol reports to the client whenever they change.
    ///
    /// Source: PostgreSQL documentation, section 55.2.7 (Asynchronous Operations).
    pub fn reported(&self) -> Vec<(&'static str, String)> {
        [
            "application_name",
            "client_encoding",
            "DateStyle",
            "default_transaction_read_only",
            "in_hot_standby",
            "integer_datetimes",
            "IntervalStyle",
            "is_superuser",
            "server_encoding",
            "standard_conforming_strings",
            "TimeZone",
        ]
        .into_iter()
        .map(|name| (name, self.show(name).unwrap_or_default()))
        .collect()
    }
}

/// The name under which a setting is looked up; names are case-insensitive.
pub fn canonical(name: &str) -> String {
    let name = name.to_lowercase();
    match name.as_str() {
        "time zone" => "timezone".to_owned(),
        "names" => "client_encoding".to_owned(),
        "transaction isolation level" => "transaction_isolation".to_owned(),
        "session authorization" => "session_authorization".to_owned(),
        _ => name,
    }
}

/// The spelling that `SHOW` puts over the column.
pub fn display_name(name: &str) -> &str {
    match name {
        "datestyle" => "DateStyle",
        "intervalstyle" => "IntervalStyle",
        "timezone" => "TimeZone",
        _ => name,
    }
}

/// PostgreSQL lets an extension's settings (`prefix.name`) be set before the extension is there.
fn is_custom(name: &str) -> bool {
    name.contains('.') && !name.starts_with("offtake.")
}

/// The order that a DateStyle names, if it names one. Styles of printing other than ISO are refused.
fn date_order(value: &str) -> Result<Option<&'static str>, SqlError> {
    let mut order = None;
    for part in value.split(',') {
        match part.trim().to_lowercase().as_str() {
            "iso" | "default" => {}
            "mdy" | "us" | "noneuro" | "noneuropean" => order = Some("MDY"),
            "dmy" | "euro" | "european" => order = Some("DMY"),
            "ymd" => order = Some("YMD"),
            "sql" | "postgres" | "german" => {
                return Err(SqlError::unsupported(
                    format!("DateStyle \"{value}\" is not supported"),
                    "Dates are always printed in ISO style: use DateStyle = 'ISO'.",
                ));
            }
            _ => return Err(invalid("DateStyle", value)),
        }
    }
    Ok(order)
}

fn check_date_style(value: &str) -> Result<(), SqlError> {
    match date_order(value)? {
        None | Some("MDY") => Ok(()),
        Some(order) => Err(SqlError::unsupported(
            format!("DateStyle \"{value}\" is not supported: {order} is another way to read dates"),
            "Ambiguous dates are always read as month, day, year: write them as 2024-12-31, which is read the same everywhere.",
        )),
    }
}

/// Whether a DateStyle differs from what is there in the order of day, month and year alone.
pub fn is_other_date_order(value: &str) -> bool {
    matches!(date_order(value), Ok(Some("DMY" | "YMD")))
}

fn only(name: &str, value: &str) -> Result<(), SqlError> {
    let (_, shown, accepted) = ONLY.iter().find(|(only, ..)| *only == name).expect("the caller found it");
    if accepted.contains(&value.trim().trim_matches('\'').to_lowercase().as_str()) {
        return Ok(());
    }
    Err(SqlError::unsupported(
        format!("{} = \"{value}\" is not supported", display_name(name)),
        format!("Offtake knows {} = '{shown}' only; convert in the client.", display_name(name)),
    ))
}

fn unknown(name: &str) -> SqlError {
    let error = SqlError::new("42704", format!("unrecognized configuration parameter \"{name}\""));
    if name.starts_with("offtake.") {
        error.hint("Offtake's own settings are offtake.lsn and offtake.wait_timeout.")
    } else {
        error
    }
}

fn invalid(name: &str, value: &str) -> SqlError {
    SqlError::new("22023", format!("invalid value for parameter \"{name}\": \"{value}\""))
}

/// A time as PostgreSQL reads it: a number with a unit, milliseconds without; 0 is no limit.
fn duration(name: &str, value: &str) -> Result<Option<Duration>, SqlError> {
    let value = value.trim();
    let digits = value.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let number: f64 = value[..digits].parse().map_err(|_| invalid(name, value))?;
    let milliseconds = match value[digits..].trim() {
        "us" => 0.001,
        "" | "ms" => 1.0,
        "s" => 1e3,
        "min" => 60e3,
        "h" => 3_600e3,
        "d" => 86_400e3,
        _ => {
            return Err(
                invalid(name, value).hint("Valid units are \"us\", \"ms\", \"s\", \"min\", \"h\" and \"d\".")
            );
        }
    };
    let total = (number * milliseconds).round();
    if total > f64::from(i32::MAX) {
        return Err(invalid(name, value).hint("The largest value is 2147483647 milliseconds."));
    }
    Ok((total > 0.0).then(|| Duration::from_millis(total as u64)))
}

fn print_duration(duration: Option<Duration>) -> String {
    let Some(duration) = duration else { return "0".to_owned() };
    let milliseconds = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms")];
    let (size, unit) =
        units.into_iter().find(|(size, _)| milliseconds % size == 0).expect("1 divides everything");
    format!("{}{unit}", milliseconds / size)
}

/// The identifiers of a comma-separated list, unquoted and folded.
fn split_identifiers(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = list.trim();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"').unwrap_or(quoted.len());
            names.push(quoted[..end].to_owned());
            rest = quoted.get(end + 1..).unwrap_or_default();
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let name = rest[..end].trim().trim_matches('\'').to_lowercase();
            if !name.is_empty() {
                names.push(name);
            }
            rest = &rest[end..];
        }
        rest = rest.trim_start().trim_start_matches(',').trim_start();
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new(Duration::from_secs(30), None)
    }

    #[test]
    fn what_would_change_the_rendering_is_refused_and_the_rest_is_kept() {
        let defaults = settings();
        let mut session = settings();
        let state = |result: Result<(), SqlError>| result.err().map(|error| error.sqlstate);
        for (name, value, expected) in [
            ("TimeZone", "utc", None),
            ("timezone", "Europe/Berlin", Some("0A000")),
            ("DateStyle", "ISO, DMY", Some("0A000")),
            ("DateStyle", "YMD", Some("0A000")),
            ("DateStyle", "ISO", None),
            ("DateStyle", "us, iso", None),
            ("DateStyle", "ISO, nonsense", Some("22023")),
            ("datestyle", "German", Some("0A000")),
            ("client_encoding", "UTF8", None),
            ("client_encoding", "latin1", Some("0A000")),
            ("extra_float_digits", "3", None),
            ("extra_float_digits", "0", Some("0A000")),
            ("statement_timeout", "2s", None),
            ("statement_timeout", "2 weeks", Some("22023")),
            ("offtake.lsn", "0/1G", Some("22P02")),
            ("offtake.lsn", "0/1F", None),
            ("offtake.foo", "1", Some("42704")),
            ("myapp.user", "7", None),
            ("nonsense", "1", Some("42704")),
            ("server_version", "1", Some("55P02")),
            ("jit", "off", None),
        ] {
            assert_eq!(
                state(session.set(name, Some(value), &defaults)).as_deref(),
                expected,
                "{name} = {value}"
            );
        }
        assert_eq!(session.show("statement_timeout").as_deref(), Ok("2s"));
        assert_eq!(session.show("DATESTYLE").as_deref(), Ok("ISO, MDY"));
        assert_eq!(session.show("myapp.user").as_deref(), Ok("7"));
        assert_eq!(session.lsn, Some(Lsn(0x1f)));
        session.set("offtake.lsn", None, &defaults).expect("resets");
        assert_eq!(session.lsn, None);
        for name in Settings::names() {
            if !["server_version", "session_authorization"].contains(&name) {
                session.show(name).expect(name);
            }
        }
    }

    #[test]
    fn search_path_is_split_like_identifiers() {
        assert_eq!(split_identifiers("\"$user\", public"), ["$user", "public"]);
        assert_eq!(split_identifiers("V1,\"Mixed, Case\" , x"), ["v1", "Mixed, Case", "x"]);
        assert!(split_identifiers("").is_empty());
    }
}
