//! Quoting for the statements that take no parameters: replication commands, COPY and remedies.

/// A quoted identifier: `"a""b"`.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `"schema"."name"`.
pub(crate) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}

/// A string literal. A backslash makes it an escape string, so that the literal means the same whatever
/// `standard_conforming_strings` says.
pub(crate) fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

/// An identifier as a person writes it in a remedy: quoted only where PostgreSQL needs it.
pub(crate) fn shown(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if plain { name.to_owned() } else { identifier(name) }
}

/// A qualified name as a person writes it.
pub(crate) fn shown_table(schema: &str, name: &str) -> String {
    format!("{}.{}", shown(schema), shown(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_survive() {
        assert_eq!(qualified("a\"b", "C"), "\"a\"\"b\".\"C\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\'b"), "E'a\\\\''b'");
        assert_eq!(shown_table("public", "Orders"), "public.\"Orders\"");
    }
}
