//! `COPY … TO STDOUT`: the rows of a query or a relation in text, CSV or binary form.
//!
//! Source: PostgreSQL documentation, COPY, "File Formats".

use bytes::{BufMut, Bytes, BytesMut};
use offtake_plan::{Query, Statement, parse};
use offtake_row::{Datum, Row, binary};

use crate::{error::SqlError, lexer::Token, shape::Shape};

/// A parsed `COPY … TO STDOUT`.
#[derive(Clone)]
pub struct CopyOut {
    pub query: Query,
    pub format: CopyFormat,
    pub header: bool,
    delimiter: char,
    null: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyFormat {
    Text,
    Csv,
    Binary,
}

impl CopyOut {
    /// `None` if the statement is no COPY, or one that writes (`FROM`): the planner names that one.
    pub fn parse(sql: &str, tokens: &[(usize, Token<'_>)]) -> Result<Option<CopyOut>, SqlError> {
        if !tokens.first().is_some_and(|(_, token)| token.is("copy")) {
            return Ok(None);
        }
        let mut depth = 0usize;
        let mut to = None;
        for (index, (_, token)) in tokens.iter().enumerate() {
            match token {
                Token::Symbol('(') => depth += 1,
                Token::Symbol(')') => depth = depth.saturating_sub(1),
                token if depth == 0 && token.is("from") => return Ok(None),
                token if depth == 0 && token.is("to") => {
                    to = Some(index);
                    break;
                }
                _ => {}
            }
        }
        let Some(to) = to else { return Ok(None) };
        if !tokens.get(to + 1).is_some_and(|(_, token)| token.is("stdout")) {
            return Err(SqlError::unsupported(
                "COPY to a file or a program is not supported",
                "Use COPY … TO STDOUT, or \\copy in psql.",
            ));
        }
        let subject = sql[tokens[1].0..tokens[to].0].trim();
        let select = match subject.strip_prefix('(') {
            Some(inner) => inner.trim_end().strip_suffix(')').unwrap_or(inner).to_owned(),
            None => match subject.split_once('(') {
                Some((relation, columns)) => {
                    format!("SELECT {} FROM {relation}", columns.trim_end().trim_end_matches(')'))
                }
                None => format!("SELECT * FROM {subject}"),
            },
        };
        let query = match parse(&select)?.pop() {
            Some(Statement::Query(query)) => query,
            _ => return Err(SqlError::unsupported("COPY needs a SELECT or the name of a relation", "")),
        };
        let mut copy = CopyOut {
            query,
            format: CopyFormat::Text,
            header: false,
            delimiter: '\t',
            null: "\\N".to_owned(),
        };
        copy.options(&tokens[to + 2..])?;
        Ok(Some(copy))
    }

    fn options(&mut self, tokens: &[(usize, Token<'_>)]) -> Result<(), SqlError> {
        let mut delimiter = None;
        let mut null = None;
        let mut rest = tokens.iter().map(|(_, token)| *token).peekable();
        while let Some(token) = rest.next() {
            let Some(name) = token.identifier() else { continue };
            match name.as_str() {
                "with" | "format" | "as" => {}
                "text" => self.format = CopyFormat::Text,
                "csv" => self.format = CopyFormat::Csv,
                "binary" => self.format = CopyFormat::Binary,
                "header" => {
                    self.header = true;
                    if let Some(value) = rest
                        .peek()
                        .filter(|token| ["true", "false", "on", "off"].iter().any(|word| token.is(word)))
                    {
                        self.header = value.is("true") || value.is("on");
                        rest.next();
                    }
                }
                "delimiter" | "null" => {
                    if rest.peek().is_some_and(|token| token.is("as")) {
                        rest.next();
                    }
                    let Some(Token::String(value)) = rest.next() else {
                        return Err(SqlError::new("42601", format!("COPY option {name} needs a string")));
                    };
                    let value = unquote(value);
                    if name == "null" { null = Some(value) } else { delimiter = value.chars().next() }
                }
                "encoding" => {
                    if !matches!(rest.next(), Some(Token::String(value)) if unquote(value).to_lowercase().starts_with("utf"))
                    {
                        return Err(SqlError::unsupported(
                            "COPY knows encoding UTF8 only",
                            "Convert in the client.",
                        ));
                    }
                }
                _ => {
                    return Err(SqlError::unsupported(
                        format!("COPY option \"{name}\" is not supported"),
                        "FORMAT, HEADER, DELIMITER, NULL and ENCODING are.",
                    ));
                }
            }
        }
        if self.format == CopyFormat::Csv {
            self.delimiter = ',';
            self.null = String::new();
        }
        self.delimiter = delimiter.unwrap_or(self.delimiter);
        self.null = null.unwrap_or_else(|| self.null.clone());
        Ok(())
    }

    /// The format code of every column, as CopyOutResponse tells it.
    pub fn code(&self) -> i16 {
        i16::from(self.format == CopyFormat::Binary)
    }

    /// What comes before the first row.
    pub fn start(&self, shape: &Shape) -> Option<Bytes> {
        match self.format {
            CopyFormat::Binary => Some(Bytes::from_static(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0")),
            _ if self.header => {
                let mut line = String::new();
                for (index, column) in shape.columns.iter().enumerate() {
                    self.field(index, Some(&column.name), &mut line);
                }
                line.push('\n');
                Some(line.into())
            }
            _ => None,
        }
    }

    /// What comes after the last row.
    pub fn end(&self) -> Option<Bytes> {
        (self.format == CopyFormat::Binary).then(|| Bytes::from_static(&[0xff, 0xff]))
    }

    pub fn row(&self, shape: &Shape, row: &Row) -> Bytes {
        let mut datums = row.iter();
        let mut next = || datums.next().unwrap_or(Datum::Null);
        if self.format == CopyFormat::Binary {
            let mut out = BytesMut::new();
            out.put_i16(shape.columns.len() as i16);
            for column in &shape.columns {
                let datum = next();
                let start = out.len();
                out.put_i32(-1);
                if !datum.is_null() {
                    binary::write(column.ty, datum, &mut out);
                    let length = (out.len() - start - 4) as i32;
                    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
                }
            }
            return out.freeze();
        }
        let mut line = String::new();
        let mut value = String::new();
        for (index, column) in shape.columns.iter().enumerate() {
            let datum = next();
            value.clear();
            if !datum.is_null() {
                shape.write(column.ty, datum, &mut value);
            }
            self.field(index, (!datum.is_null()).then_some(value.as_str()), &mut line);
        }
        line.push('\n');
        line.into()
    }

    fn field(&self, index: usize, value: Option<&str>, line: &mut String) {
        if index > 0 {
            line.push(self.delimiter);
        }
        let Some(value) = value else {
            line.push_str(&self.null);
            return;
        };
        if self.format == CopyFormat::Csv {
            let quote = value == self.null
                || value == "\\."
                || value.chars().any(|c| c == self.delimiter || ['"', '\n', '\r'].contains(&c));
            if quote {
                line.push('"');
                line.push_str(&value.replace('"', "\"\""));
                line.push('"');
            } else {
                line.push_str(value);
            }
            return;
        }
        for c in value.chars() {
            match c {
                '\\' => line.push_str("\\\\"),
                '\n' => line.push_str("\\n"),
                '\r' => line.push_str("\\r"),
                '\t' => line.push_str("\\t"),
                '\u{8}' => line.push_str("\\b"),
                '\u{c}' => line.push_str("\\f"),
                '\u{b}' => line.push_str("\\v"),
                c if c == self.delimiter => {
                    line.push('\\');
                    line.push(c);
                }
                c => line.push(c),
            }
        }
    }
}

fn unquote(literal: &str) -> String {
    let escaped = literal.starts_with(['e', 'E']);
    let body = literal.trim_start_matches(['e', 'E']).trim_matches('\'').replace("''", "'");
    if escaped { body.replace("\\t", "\t").replace("\\\\", "\\") } else { body }
}

#[cfg(test)]
mod tests {
    use offtake_row::{Column, Type};

    use super::*;
    use crate::lexer::tokens;

    fn copy(sql: &str) -> CopyOut {
        CopyOut::parse(sql, &tokens(sql)).expect("parses").expect("is a COPY TO")
    }

    #[test]
    fn lines_are_as_postgresql_writes_them() {
        let columns = vec![Column::new("a", Type::Int4, true), Column::new("b", Type::Text, true)];
        let columns = Shape::new(columns);
        let row = Row::pack([Datum::Int(1), Datum::Text("x\ty\\,\"z\"")]);
        let nulls = Row::pack([Datum::Null, Datum::Text("")]);
        let line =
            |sql: &str, row: &Row| String::from_utf8(copy(sql).row(&columns, row).to_vec()).expect("is text");
        assert_eq!(line("COPY (SELECT 1) TO STDOUT", &row), "1\tx\\ty\\\\,\"z\"\n");
        assert_eq!(line("COPY t TO STDOUT", &nulls), "\\N\t\n");
        let csv = "COPY (SELECT 1) TO STDOUT WITH (FORMAT csv, HEADER)";
        assert_eq!(line(csv, &row), "1,\"x\ty\\,\"\"z\"\"\"\n");
        assert_eq!(line(csv, &nulls), ",\"\"\n");
        assert_eq!(copy(csv).start(&columns).as_deref(), Some(&b"a,b\n"[..]));
        assert_eq!(line("COPY t (a, b) TO STDOUT (DELIMITER '|', NULL 'nil')", &nulls), "nil|\n");
    }

    #[test]
    fn what_is_not_copied_out_is_refused_or_left_to_the_planner() {
        let parse = |sql: &str| CopyOut::parse(sql, &tokens(sql)).map(|copy| copy.is_some());
        assert_eq!(parse("COPY t FROM STDIN").ok(), Some(false));
        assert_eq!(parse("SELECT 1").ok(), Some(false));
        assert_eq!(parse("COPY t TO '/tmp/x'").err().map(|error| error.sqlstate).as_deref(), Some("0A000"));
        assert_eq!(
            parse("COPY t TO STDOUT (FORCE_QUOTE *)").err().map(|error| error.sqlstate).as_deref(),
            Some("0A000")
        );
    }
}
