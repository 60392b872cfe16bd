//! The words for rights: what everybody may do here, which is to read.

use offtake_row::Datum;
use serde::{Deserialize, Serialize};

use super::eval::Value;
use crate::error::EvalError;

/// What a right is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Privilege {
    Table,
    Column,
    Sequence,
    Database,
    Function,
    Language,
    Schema,
    Tablespace,
    Type,
    ForeignDataWrapper,
    ForeignServer,
    Role,
    Parameter,
}

impl Privilege {
    /// The words that there are, and of them the ones that everybody has. Source: the `convert_…_priv_string` functions in PostgreSQL's
    /// `acl.c`.
    fn words(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Privilege::Table => (
                &["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "RULE"],
                &["SELECT"],
            ),
            Privilege::Column => (&["SELECT", "INSERT", "UPDATE", "REFERENCES"], &["SELECT"]),
            Privilege::Sequence => (&["USAGE", "SELECT", "UPDATE"], &[]),
            Privilege::Database => (&["CREATE", "TEMPORARY", "TEMP", "CONNECT"], &["CONNECT"]),
            Privilege::Function => (&["EXECUTE"], &["EXECUTE"]),
            Privilege::Language => (&["USAGE"], &["USAGE"]),
            Privilege::Schema => (&["CREATE", "USAGE"], &["USAGE"]),
            Privilege::Tablespace => (&["CREATE"], &[]),
            Privilege::Type => (&["USAGE"], &["USAGE"]),
            Privilege::ForeignDataWrapper | Privilege::ForeignServer => (&["USAGE"], &[]),
            // Of a role itself.
            Privilege::Role => (&["USAGE", "MEMBER"], &["USAGE", "MEMBER"]),
            Privilege::Parameter => (&["SET", "ALTER SYSTEM"], &["SET"]),
        }
    }

    /// How EXPLAIN calls the check.
    pub(super) fn name(self) -> &'static str {
        match self {
            Privilege::Table => "table_privilege",
            Privilege::Column => "column_privilege",
            Privilege::Sequence => "sequence_privilege",
            Privilege::Database => "database_privilege",
            Privilege::Function => "function_privilege",
            Privilege::Language => "language_privilege",
            Privilege::Schema => "schema_privilege",
            Privilege::Tablespace => "tablespace_privilege",
            Privilege::Type => "type_privilege",
            Privilege::ForeignDataWrapper => "foreign_data_wrapper_privilege",
            Privilege::ForeignServer => "server_privilege",
            Privilege::Role => "role_privilege",
            Privilege::Parameter => "parameter_privilege",
        }
    }
}

/// Whether one of the rights in the list (words with commas between them) is everybody's. A word that is none is an error, as in
/// `convert_any_priv_string`.
pub(super) fn granted<'a>(privilege: Privilege, list: &str) -> Value<'a> {
    let (known, everybodys) = privilege.words();
    let mut granted = false;
    for word in list.split(',').map(|word| word.trim_matches(|c: char| c.is_ascii_whitespace())) {
        let upper = word.to_ascii_uppercase();
        let options: &[&str] = match privilege {
            Privilege::Role => &[" WITH GRANT OPTION", " WITH ADMIN OPTION"],
            _ => &[" WITH GRANT OPTION"],
        };
        let bare = options.iter().find_map(|option| upper.strip_suffix(option));
        if !known.contains(&bare.unwrap_or(&upper)) {
            return Err(EvalError::invalid_parameter(format!("unrecognized privilege type: \"{word}\"")));
        }
        granted |= bare.is_none() && everybodys.contains(&upper.as_str());
    }
    Ok(Datum::Bool(granted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_is_everybodys_and_unknown_words_are_errors() {
        let check = |privilege, list| granted(privilege, list).map_err(|error| error.message);
        assert_eq!(check(Privilege::Table, "select"), Ok(Datum::Bool(true)));
        assert_eq!(check(Privilege::Table, "INSERT, Select "), Ok(Datum::Bool(true)));
        assert_eq!(check(Privilege::Table, "INSERT"), Ok(Datum::Bool(false)));
        assert_eq!(check(Privilege::Table, "SELECT WITH GRANT OPTION"), Ok(Datum::Bool(false)));
        assert_eq!(check(Privilege::Schema, "CREATE"), Ok(Datum::Bool(false)));
        assert_eq!(check(Privilege::Schema, "read"), Err("unrecognized privilege type: \"read\"".to_owned()));
        assert_eq!(check(Privilege::Table, ""), Err("unrecognized privilege type: \"\"".to_owned()));
    }
}
