//! Text as an identifier or a literal of SQL. Source: `quote_identifier` in `ruleutils.c`, `quote_literal_internal` in `quote.c`.

/// The keywords that are quoted when they are names: all but the unreserved ones. Source: `pg_get_keywords()` of PostgreSQL 15.
const KEYWORDS: &str = " all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast \
     char character check coalesce collate collation column concurrently constraint create cross current_catalog current_date current_role \
     current_schema current_time current_timestamp current_user dec decimal default deferrable desc distinct do else end except exists \
     extract false fetch float for foreign freeze from full grant greatest group grouping having ilike in initially inner inout int integer \
     intersect interval into is isnull join lateral leading least left like limit localtime localtimestamp national natural nchar none \
     normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay placing position precision primary real \
     references returning right row select session_user setof similar smallint some substring symmetric table tablesample then time timestamp \
     to trailing treat trim true union unique user using values varchar variadic verbose when where window with xmlattributes xmlconcat \
     xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable ";

/// As an identifier, in double quotes where it needs them.
pub(super) fn ident(text: &str) -> String {
    let starts = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let plain = text.bytes().next().is_some_and(starts)
        && text.bytes().all(|byte| starts(byte) || byte.is_ascii_digit())
        && !KEYWORDS.split_ascii_whitespace().any(|keyword| keyword == text);
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

/// As a literal, with `E` before it where it has backslashes.
pub(super) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}
