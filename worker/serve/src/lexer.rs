//! Just enough of PostgreSQL's lexical rules to split a string into statements and to see which names it mentions.
//!
//! Source: PostgreSQL documentation, section 4.1. Planning does its own parsing; nothing here decides what a query means.

/// A piece of SQL text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// An unquoted identifier or keyword, as written.
    Word(&'a str),
    /// A quoted identifier, without its outer quotes; inner ones are still doubled.
    Quoted(&'a str),
    /// A string constant of any kind, with its quotes.
    String(&'a str),
    Number(&'a str),
    /// `$1`.
    Parameter(&'a str),
    Symbol(char),
}

impl Token<'_> {
    /// Whether it is this keyword.
    pub fn is(&self, keyword: &str) -> bool {
        matches!(self, Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// The identifier it names: folded to lower case unless quoted.
    pub fn identifier(&self) -> Option<String> {
        match self {
            Token::Word(word) => Some(word.to_lowercase()),
            Token::Quoted(name) => Some(name.replace("\"\"", "\"")),
            _ => None,
        }
    }
}

/// The tokens of `sql` with the byte offset where each starts. Comments and blanks are left out; an unterminated quote runs to the end.
pub fn tokens(sql: &str) -> Vec<(usize, Token<'_>)> {
    let bytes = sql.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b if b.is_ascii_whitespace() => at += 1,
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                at += bytes[at..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - at);
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = comment_end(bytes, at),
            b'\'' => {
                at = quote_end(bytes, at, b'\'', false);
                tokens.push((start, Token::String(&sql[start..at])));
            }
            b'"' => {
                at = quote_end(bytes, at, b'"', false);
                let end = if at > start + 1 && bytes[at - 1] == b'"' { at - 1 } else { at };
                tokens.push((start, Token::Quoted(&sql[start + 1..end])));
            }
            b'e' | b'E' if bytes.get(at + 1) == Some(&b'\'') => {
                at = quote_end(bytes, at + 1, b'\'', true);
                tokens.push((start, Token::String(&sql[start..at])));
            }
            b'$' => {
                let digits = bytes[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
                if digits > 0 {
                    at += 1 + digits;
                    tokens.push((start, Token::Parameter(&sql[start..at])));
                } else if let Some(end) = dollar_end(sql, at) {
                    at = end;
                    tokens.push((start, Token::String(&sql[start..at])));
                } else {
                    at += 1;
                    tokens.push((start, Token::Symbol('$')));
                }
            }
            b if b.is_ascii_digit() => {
                at += bytes[at..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'.').count();
                tokens.push((start, Token::Number(&sql[start..at])));
            }
            b if is_word(b) => {
                at += bytes[at..]
                    .iter()
                    .take_while(|b| is_word(**b) || b.is_ascii_digit() || **b == b'$')
                    .count();
                tokens.push((start, Token::Word(&sql[start..at])));
            }
            b => {
                at += 1;
                tokens.push((start, Token::Symbol(char::from(b))));
            }
        }
    }
    tokens
}

/// Letters, underscore and everything beyond ASCII.
fn is_word(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b >= 0x80
}

fn comment_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0usize;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'/', Some(b'*')) => {
                depth += 1;
                at += 2;
            }
            (b'*', Some(b'/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

fn quote_end(bytes: &[u8], mut at: usize, quote: u8, escapes: bool) -> usize {
    at += 1;
    while at < bytes.len() {
        if escapes && bytes[at] == b'\\' {
            at += 2;
        } else if bytes[at] == quote {
            if bytes.get(at + 1) != Some(&quote) {
                return at + 1;
            }
            at += 2;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// The end of a dollar-quoted string that starts at `at`.
fn dollar_end(sql: &str, at: usize) -> Option<usize> {
    let tag_length = sql[at + 1..].bytes().take_while(|b| is_word(*b) || b.is_ascii_digit()).count();
    let tag_end = at + 1 + tag_length;
    if sql.as_bytes().get(tag_end) != Some(&b'$') {
        return None;
    }
    let tag = &sql[at..=tag_end];
    Some(sql[tag_end + 1..].find(tag).map_or(sql.len(), |found| tag_end + 1 + found + tag.len()))
}

/// The statements of `sql`, each with the byte offset where it starts; empty ones are left out.
pub fn statements(sql: &str) -> Vec<(usize, &str)> {
    let mut statements = Vec::new();
    let mut start: Option<usize> = None;
    let mut end = 0;
    for (at, token) in tokens(sql) {
        if token == Token::Symbol(';') {
            if let Some(start) = start.take() {
                statements.push((start, sql[start..at].trim_end()));
            }
        } else {
            start.get_or_insert(at);
        }
        end = sql.len();
    }
    if let Some(start) = start {
        statements.push((start, sql[start..end].trim_end()));
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_split_outside_quotes_and_comments_only() {
        let sql =
            "SELECT ';', \"a;b\", $$;$$, $x$ ; $$ $x$, E'\\';' -- ; no\n; /* ; /* ; */ */ ;; SET a = 'b'";
        let found: Vec<&str> = statements(sql).into_iter().map(|(_, text)| text).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("SELECT") && found[0].contains("$x$ ; $$ $x$"));
        assert_eq!(found[1], "SET a = 'b'");
        assert!(statements("  ; -- nothing\n").is_empty());
    }

    #[test]
    fn odd_ends_do_not_panic() {
        for sql in [
            "'", "\"", "$", "$a", "$a$", "/*", "e'", "e'\\", "--", "é", "$é$x", "''''", "\"\"", "1e", "E'\\é",
        ] {
            tokens(sql);
            statements(sql);
        }
    }

    #[test]
    fn identifiers_fold_like_postgresql() {
        let names: Vec<String> = tokens("Foo \"Bar\"\"x\" $1 3 'y'")
            .into_iter()
            .filter_map(|(_, token)| token.identifier())
            .collect();
        assert_eq!(names, ["foo", "bar\"x".replace("bar", "Bar").as_str()]);
    }
}
