//! Reading a utility statement token by token.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::{error::PlanError, statement::Statement, syntax};

/// An unquoted word in lower case.
pub(super) fn word(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_lowercase()),
        _ => None,
    }
}

/// A place within a statement's tokens.
pub(super) struct Cursor<'t> {
    pub(super) tokens: &'t [TokenWithSpan],
    pub(super) next: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn rest(&self) -> &'t [TokenWithSpan] {
        self.tokens.get(self.next..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<&'t Token> {
        self.rest().first().map(|token| &token.token)
    }

    pub(super) fn back(&mut self) -> &mut Self {
        self.next = self.next.saturating_sub(1);
        self
    }

    /// A syntax error at the next token.
    pub(super) fn error(&self) -> PlanError {
        match self.rest().first() {
            Some(token) => syntax::near(&token.token, token.span),
            None => PlanError::syntax("syntax error at end of input"),
        }
    }

    pub(super) fn unsupported(&mut self, what: &str) -> Result<Statement, PlanError> {
        self.next = self.tokens.len();
        Ok(Statement::Unsupported { what: what.to_owned() })
    }

    pub(super) fn finish(&self) -> Result<(), PlanError> {
        if self.rest().is_empty() { Ok(()) } else { Err(self.error()) }
    }

    /// The next word in lower case, whatever it is. Moves on even if there is none, so that [`Cursor::back`] names it.
    pub(super) fn word(&mut self) -> Option<String> {
        let word = self.peek().and_then(word);
        self.next += 1;
        word
    }

    pub(super) fn take(&mut self, expected: &str) -> bool {
        let found = self.peek().and_then(word).is_some_and(|word| word == expected);
        self.next += usize::from(found);
        found
    }

    pub(super) fn symbol(&mut self, expected: &Token) -> bool {
        let found = self.peek() == Some(expected);
        self.next += usize::from(found);
        found
    }

    pub(super) fn name(&mut self) -> Result<String, PlanError> {
        match self.peek() {
            Some(Token::Word(word)) => {
                self.next += 1;
                Ok(if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() })
            }
            _ => Err(self.error()),
        }
    }

    pub(super) fn name_or_all(&mut self) -> Result<Option<String>, PlanError> {
        if self.take("all") { Ok(None) } else { self.name().map(Some) }
    }

    /// A setting's name, in lower case: settings are not case-sensitive even when quoted.
    pub(super) fn setting(&mut self) -> Result<String, PlanError> {
        let mut name = self.name()?.to_lowercase();
        while self.symbol(&Token::Period) {
            name.push('.');
            name.push_str(&self.name()?.to_lowercase());
        }
        Ok(name)
    }

    pub(super) fn number(&mut self) -> Result<Option<u64>, PlanError> {
        let Some(Token::Number(digits, _)) = self.peek() else { return Ok(None) };
        let number = digits.parse().map_err(|_| self.error())?;
        self.next += 1;
        Ok(Some(number))
    }

    /// A list of values up to the end of the statement; `None` is DEFAULT.
    pub(super) fn values(&mut self) -> Result<Option<String>, PlanError> {
        if self.take("default") {
            return Ok(None);
        }
        let mut values = Vec::new();
        loop {
            let sign = if self.symbol(&Token::Minus) { "-" } else { "" };
            let value = match self.peek() {
                Some(Token::Word(word)) if word.quote_style.is_some() => word.value.clone(),
                Some(Token::Word(word)) => word.value.to_lowercase(),
                Some(Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text)) => text.clone(),
                Some(Token::DollarQuotedString(text)) => text.value.clone(),
                Some(Token::Number(digits, _)) => format!("{sign}{digits}"),
                _ => return Err(self.error()),
            };
            self.next += 1;
            values.push(value);
            if !self.symbol(&Token::Comma) {
                return Ok(Some(values.join(", ")));
            }
        }
    }

    /// Transaction modes up to the end of the statement.
    pub(super) fn modes(&mut self) -> Result<Vec<String>, PlanError> {
        let mut modes = Vec::new();
        while !self.rest().is_empty() {
            self.symbol(&Token::Comma);
            let mode = match self.word().as_deref() {
                Some("isolation") if self.take("level") => match self.word().as_deref() {
                    Some("serializable") => "isolation level serializable",
                    Some("repeatable") if self.take("read") => "isolation level repeatable read",
                    Some("read") if self.take("committed") => "isolation level read committed",
                    Some("read") if self.take("uncommitted") => "isolation level read uncommitted",
                    _ => return Err(self.back().error()),
                },
                Some("read") if self.take("only") => "read only",
                Some("read") if self.take("write") => "read write",
                Some("deferrable") => "deferrable",
                Some("not") if self.take("deferrable") => "not deferrable",
                _ => return Err(self.back().error()),
            };
            modes.push(mode.to_owned());
        }
        Ok(modes)
    }
}
