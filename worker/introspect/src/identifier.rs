//! How names are written in SQL, and how PostgreSQL makes up names.

use std::{collections::BTreeSet, sync::LazyLock};

/// Names are at most this long, in bytes. Source: `NAMEDATALEN`.
const MOST_BYTES: usize = 63;

/// What pg_get_keywords() answers: word, category, whether it is a bare label, and both in words.
pub fn keywords() -> &'static str {
    include_str!("../data/keywords.tsv")
}

/// Keywords that are no plain names.
static RESERVED: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    let word = |line: &'static str| match line.split('\t').collect::<Vec<_>>().as_slice() {
        [word, category, ..] if *category != "U" => Some(*word),
        _ => None,
    };
    keywords().lines().filter_map(word).collect()
});

/// A name with quotes where it needs some. Source: `quote_identifier` in PostgreSQL's `ruleutils.c`.
pub fn quote(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !RESERVED.contains(name);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// `schema.name`, each with quotes where it needs some.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote(schema), quote(name))
}

/// The name that an index gets from its table, its columns and a label, the longer part cut where all is too long.
///
/// Source: `makeObjectName` in PostgreSQL's `indexcmds.c`.
pub fn object_name(first: &str, second: &str, label: &str) -> String {
    let separators = if second.is_empty() { 1 } else { 2 };
    let room = MOST_BYTES.saturating_sub(label.len() + separators);
    let (mut first_bytes, mut second_bytes) = (first.len(), second.len());
    while first_bytes + second_bytes > room {
        if first_bytes > second_bytes { first_bytes -= 1 } else { second_bytes -= 1 }
    }
    let (first, second) = (clip(first, first_bytes), clip(second, second_bytes));
    if second.is_empty() { format!("{first}_{label}") } else { format!("{first}_{second}_{label}") }
}

fn clip(text: &str, mut bytes: usize) -> &str {
    while !text.is_char_boundary(bytes) {
        bytes -= 1;
    }
    &text[..bytes]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_made_up_as_postgresql_does() {
        for (name, quoted) in [
            ("orders", "orders"),
            ("_a1", "_a1"),
            ("order", "\"order\""),
            ("abort", "abort"),
            ("between", "\"between\""),
            ("Mixed Case", "\"Mixed Case\""),
            ("1a", "\"1a\""),
            ("a\"b", "\"a\"\"b\""),
            ("ä", "\"ä\""),
        ] {
            assert_eq!(quote(name), quoted);
        }
        assert_eq!(object_name("orders", "", "pkey"), "orders_pkey");
        assert_eq!(object_name("orders", "a_b", "idx"), "orders_a_b_idx");
        let long = "a".repeat(60);
        assert_eq!(object_name(&long, "", "pkey"), format!("{}_pkey", "a".repeat(58)));
        assert_eq!(
            object_name(&long, &"b".repeat(60), "idx"),
            format!("{}_{}_idx", "a".repeat(29), "b".repeat(29))
        );
    }
}
