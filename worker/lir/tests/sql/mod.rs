//! A reader of SQL expressions over literals, enough for the golden files: it resolves every operator, function and cast through
//! `offtake_lir::functions`, as a planner does.

pub mod calls;

use offtake_lir::{
    EvalError, Scalar,
    functions::{self, CastContext, ResolveError, apply_cast},
};
use offtake_row::Type;

/// An SQLSTATE, and whether Offtake refuses by name what PostgreSQL would answer.
#[derive(Debug)]
pub struct Failure {
    pub code: String,
    pub message: String,
    pub refused: bool,
}

impl Failure {
    /// Whether it is what a golden file has: `!` and the SQLSTATE, perhaps with the message behind.
    pub fn is(&self, golden: &str) -> bool {
        let (code, message) = golden.split_once(' ').unwrap_or((golden, &self.message));
        code.strip_prefix('!') == Some(&self.code) && message == self.message
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Failure {
        let refused = matches!(error, ResolveError::Refused { .. });
        Failure { code: error.sqlstate().to_owned(), message: error.to_string(), refused }
    }
}

impl From<EvalError> for Failure {
    fn from(error: EvalError) -> Failure {
        Failure { code: error.code.to_string(), message: error.message, refused: false }
    }
}

fn syntax(message: impl Into<String>) -> Failure {
    Failure { code: "42601".to_owned(), message: message.into(), refused: false }
}

/// An expression; a text or NULL of no known type yet has `None`.
pub struct Typed {
    pub expr: Scalar,
    pub ty: Option<Type>,
    text: Option<String>,
}

impl Typed {
    fn known(expr: Scalar, ty: Type) -> Typed {
        Typed { expr, ty: Some(ty), text: None }
    }

    /// Casts to what a resolved call takes.
    pub fn coerce(self, to: Type) -> Result<Scalar, Failure> {
        match (self.ty, self.text) {
            (Some(from), _) => Ok(apply_cast(self.expr, from, to)),
            (None, Some(text)) => Ok(functions::literal(&text, to)?),
            (None, None) => Ok(Scalar::null(to)),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(String),
    Text(String),
    Word(String),
    Symbol(String),
}

fn tokens(sql: &str) -> Result<Vec<Token>, Failure> {
    let chars: Vec<char> = sql.chars().collect();
    let mut at = 0;
    let mut tokens = Vec::new();
    while at < chars.len() {
        let c = chars[at];
        let start = at;
        if c.is_whitespace() {
            at += 1;
        } else if c == '\'' {
            let mut text = String::new();
            at += 1;
            loop {
                match chars.get(at) {
                    Some('\'') if chars.get(at + 1) == Some(&'\'') => {
                        text.push('\'');
                        at += 2;
                    }
                    Some('\'') => break,
                    Some(c) => {
                        text.push(*c);
                        at += 1;
                    }
                    None => return Err(syntax("a text does not end")),
                }
            }
            at += 1;
            tokens.push(Token::Text(text));
        } else if c.is_ascii_digit() {
            while at < chars.len() && (chars[at].is_ascii_digit() || chars[at] == '.') {
                at += 1;
            }
            if chars.get(at) == Some(&'e') {
                at += 1;
                if chars.get(at) == Some(&'-') {
                    at += 1;
                }
                while at < chars.len() && chars[at].is_ascii_digit() {
                    at += 1;
                }
            }
            tokens.push(Token::Number(chars[start..at].iter().collect()));
        } else if c.is_alphabetic() || c == '_' {
            while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                at += 1;
            }
            tokens.push(Token::Word(chars[start..at].iter().collect::<String>().to_lowercase()));
        } else if c == '"' {
            let end = chars[at + 1..]
                .iter()
                .position(|c| *c == '"')
                .ok_or_else(|| syntax("a name does not end"))?;
            at += end + 2;
            tokens.push(Token::Word(chars[start..at].iter().collect()));
        } else if "(),[]".contains(c) {
            at += 1;
            tokens.push(Token::Symbol(c.to_string()));
        } else if c == ':' {
            let cast = chars.get(at + 1) == Some(&':');
            at += if cast { 2 } else { 1 };
            tokens.push(Token::Symbol(if cast { "::" } else { ":" }.to_owned()));
        } else {
            // As in PostgreSQL, a sign ends an operator that holds no special character.
            while at < chars.len() && "+-*/%<>=!~@#&|^?".contains(chars[at]) {
                at += 1;
            }
            let mut symbol: String = chars[start..at].iter().collect();
            if symbol.len() > 1
                && symbol.ends_with(['-', '+'])
                && !symbol.contains(['~', '!', '@', '#', '%', '^', '&', '|', '?'])
            {
                symbol.pop();
                at -= 1;
            }
            if symbol.is_empty() {
                return Err(syntax(format!("what is {c}?")));
            }
            tokens.push(Token::Symbol(symbol));
        }
    }
    Ok(tokens)
}

/// Reads an expression.
pub fn parse(sql: &str) -> Result<Typed, Failure> {
    let mut parser = Parser { tokens: tokens(sql)?, at: 0, columns: &[] };
    let typed = parser.expression(0)?;
    match parser.tokens.get(parser.at) {
        None => Ok(typed),
        Some(token) => Err(syntax(format!("left over: {token:?}"))),
    }
}

struct Parser<'c> {
    tokens: Vec<Token>,
    at: usize,
    /// Names that stand for columns, with their types.
    columns: &'c [(String, Type)],
}

const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const IS: u8 = 4;
const COMPARE: u8 = 5;
const LIKE: u8 = 6;
const OTHER: u8 = 7;
const SUM: u8 = 8;
const PRODUCT: u8 = 9;
const POWER: u8 = 10;
const SIGN: u8 = 11;
const CAST: u8 = 12;

fn precedence(symbol: &str) -> u8 {
    match symbol {
        "=" | "<" | ">" | "<=" | ">=" | "<>" | "!=" => COMPARE,
        "+" | "-" => SUM,
        "*" | "/" | "%" => PRODUCT,
        "^" => POWER,
        "::" | "[" => CAST,
        _ => OTHER,
    }
}

impl Parser<'_> {
    fn word(&self, ahead: usize) -> Option<&str> {
        match self.tokens.get(self.at + ahead) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|(column, _)| column == name)
    }

    fn symbol(&self) -> Option<&str> {
        match self.tokens.get(self.at) {
            Some(Token::Symbol(symbol)) => Some(symbol),
            _ => None,
        }
    }

    fn accept(&mut self, token: &str) -> bool {
        let found = self.word(0) == Some(token) || self.symbol() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), Failure> {
        if self.accept(token) { Ok(()) } else { Err(syntax(format!("expected {token}"))) }
    }

    fn expression(&mut self, least: u8) -> Result<Typed, Failure> {
        let mut left = self.prefix()?;
        loop {
            if let Some(symbol) = self.symbol().map(str::to_owned) {
                if matches!(symbol.as_str(), ")" | "," | "]" | ":") {
                    return Ok(left);
                }
                let strength = precedence(&symbol);
                if strength <= least {
                    return Ok(left);
                }
                self.at += 1;
                if symbol == "[" {
                    left = self.subscripts(left)?;
                } else if symbol == "::" {
                    let ty = self.type_name()?.ok_or_else(|| syntax("expected a type"))?;
                    left = explicit_cast(left, ty)?;
                } else {
                    left = match self.word(0) {
                        Some("any" | "all") => self.quantified(&symbol, left)?,
                        _ => {
                            let right = self.expression(strength)?;
                            operate(&symbol, vec![left, right])?
                        }
                    };
                }
                continue;
            }
            let Some(word) = self.word(0).map(str::to_owned) else { return Ok(left) };
            let strength = match (word.as_str(), self.word(1)) {
                ("or", _) => OR,
                ("and", _) => AND,
                ("is", _) => IS,
                ("like" | "ilike", _) | ("not", Some("like" | "ilike")) => LIKE,
                _ => return Ok(left),
            };
            if strength <= least {
                return Ok(left);
            }
            self.at += 1;
            left = match word.as_str() {
                "or" => connect(Scalar::Or, left, self.expression(OR)?)?,
                "and" => connect(Scalar::And, left, self.expression(AND)?)?,
                "is" => self.test(left)?,
                "not" => {
                    let name = if self.word(0) == Some("like") { "NOT LIKE" } else { "NOT ILIKE" };
                    self.at += 1;
                    if matches!(self.word(0), Some("any" | "all")) {
                        self.quantified(name, left)?
                    } else {
                        let right = self.expression(LIKE)?;
                        operate(name, vec![left, right])?
                    }
                }
                word => {
                    let name = word.to_uppercase();
                    if matches!(self.word(0), Some("any" | "all")) {
                        self.quantified(&name, left)?
                    } else {
                        let right = self.expression(LIKE)?;
                        operate(&name, vec![left, right])?
                    }
                }
            };
        }
    }

    fn test(&mut self, left: Typed) -> Result<Typed, Failure> {
        let not = if self.accept("not") { "NOT " } else { "" };
        if self.accept("distinct") {
            self.expect("from")?;
            let right = self.expression(IS)?;
            return operate(&format!("IS {not}DISTINCT FROM"), vec![left, right]);
        }
        let word = self.word(0).ok_or_else(|| syntax("IS what?"))?.to_uppercase();
        self.at += 1;
        operate(&format!("IS {not}{word}"), vec![left])
    }

    fn prefix(&mut self) -> Result<Typed, Failure> {
        let token = self.tokens.get(self.at).cloned().ok_or_else(|| syntax("nothing there"))?;
        self.at += 1;
        match token {
            Token::Number(text) => number(&text),
            Token::Text(text) => Ok(Typed { expr: Scalar::null(Type::Text), ty: None, text: Some(text) }),
            Token::Symbol(symbol) if symbol == "(" => {
                let inner = self.expression(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            // PostgreSQL's grammar makes a signed constant of it, so that the smallest integer is one.
            Token::Symbol(symbol)
                if symbol == "-"
                    && matches!(self.tokens.get(self.at), Some(Token::Number(_)))
                    && !matches!(self.tokens.get(self.at + 1), Some(Token::Symbol(next)) if next == "::" || next == "^") =>
            {
                let Some(Token::Number(text)) = self.tokens.get(self.at).cloned() else {
                    return Err(syntax("a number"));
                };
                self.at += 1;
                number(&format!("-{text}"))
            }
            Token::Symbol(symbol) => {
                let strength = if symbol == "-" || symbol == "+" { SIGN } else { OTHER };
                let operand = self.expression(strength)?;
                operate(&symbol, vec![operand])
            }
            Token::Word(word) => match word.as_str() {
                "null" => Ok(Typed { expr: Scalar::null(Type::Text), ty: None, text: None }),
                "true" | "false" => Ok(Typed::known(
                    Scalar::literal(offtake_row::Datum::Bool(word == "true"), Type::Bool),
                    Type::Bool,
                )),
                "not" => {
                    let operand = self.expression(NOT)?;
                    operate("NOT", vec![operand])
                }
                "array" if self.symbol() == Some("[") => self.array(),
                _ if self.symbol() == Some("(") => self.call(&word),
                _ if self.column(&word).is_some() => {
                    let column = self.column(&word).unwrap_or(0);
                    Ok(Typed::known(Scalar::Column(column), self.columns[column].1))
                }
                _ => {
                    self.at -= 1;
                    match (self.type_name()?, self.tokens.get(self.at).cloned()) {
                        (Some(ty), Some(Token::Text(text))) => {
                            self.at += 1;
                            Ok(Typed::known(functions::literal(&text, ty)?, ty))
                        }
                        _ => Err(syntax(format!("what is {word}?"))),
                    }
                }
            },
        }
    }

    /// From the bracket on; inner arrays may go without their word.
    fn array(&mut self) -> Result<Typed, Failure> {
        self.expect("[")?;
        let mut elements = Vec::new();
        while !self.accept("]") {
            elements.push(if self.symbol() == Some("[") { self.array()? } else { self.expression(0)? });
            self.accept(",");
        }
        let types: Vec<Option<Type>> = elements.iter().map(|element| element.ty).collect();
        apply(functions::array_constructor(&types)?, elements)
    }

    /// Behind the first bracket of `[i][j]` or `[i:j][:k]`.
    fn subscripts(&mut self, base: Typed) -> Result<Typed, Failure> {
        let ty = base.ty.ok_or_else(|| syntax("of what?"))?;
        let (mut args, mut given, mut slices) = (vec![base], Vec::new(), false);
        loop {
            let mut bounds = (false, false);
            if !matches!(self.symbol(), Some(":")) {
                args.push(self.expression(0)?);
                bounds.0 = true;
            }
            if self.accept(":") {
                slices = true;
                if self.symbol() != Some("]") {
                    args.push(self.expression(0)?);
                    bounds.1 = true;
                }
            }
            given.push(bounds);
            self.expect("]")?;
            if !self.accept("[") {
                break;
            }
        }
        let resolved = if slices {
            functions::array_slice(ty, &given)?
        } else {
            functions::array_subscript(ty, given.len())?
        };
        apply(resolved, args)
    }

    fn quantified(&mut self, name: &str, left: Typed) -> Result<Typed, Failure> {
        let all = self.accept("all");
        if !all {
            self.expect("any")?;
        }
        self.expect("(")?;
        let right = self.expression(0)?;
        self.expect(")")?;
        apply(functions::quantified(name, all, left.ty, right.ty)?, vec![left, right])
    }

    fn call(&mut self, name: &str) -> Result<Typed, Failure> {
        self.expect("(")?;
        let mut args = Vec::new();
        if name == "extract" {
            let field = match self.tokens.get(self.at) {
                Some(Token::Word(text) | Token::Text(text)) => text.clone(),
                _ => return Err(syntax("extract what?")),
            };
            self.at += 1;
            self.expect("from")?;
            args.push(Typed { expr: Scalar::null(Type::Text), ty: None, text: Some(field) });
        }
        while !self.accept(")") {
            args.push(self.expression(0)?);
            if self.accept("in") {
                let text = self.expression(0)?;
                args.insert(0, text);
            }
            if !self.accept(",") {
                self.accept("from");
            }
        }
        let types: Vec<Option<Type>> = args.iter().map(|arg| arg.ty).collect();
        if name == "coalesce" {
            let ty = functions::common_type(&types)?;
            let args = args.into_iter().map(|arg| arg.coerce(ty)).collect::<Result<_, _>>()?;
            return Ok(Typed::known(Scalar::Coalesce(args), ty));
        }
        let resolved = functions::function(name, &types)?;
        let args = args.into_iter().zip(&resolved.args).map(|(arg, ty)| arg.coerce(*ty));
        let args: Vec<Scalar> = args.collect::<Result<_, _>>()?;
        Ok(Typed::known(Scalar::call(resolved.func, args), resolved.result))
    }

    fn type_name(&mut self) -> Result<Option<Type>, Failure> {
        let Some(word) = self.word(0).map(str::to_owned) else { return Ok(None) };
        self.at += 1;
        let mut modifiers: Vec<i64> = Vec::new();
        if matches!(word.as_str(), "numeric" | "varchar" | "char") && self.accept("(") {
            while !self.accept(")") {
                let negative = self.accept("-");
                match self.tokens.get(self.at) {
                    Some(Token::Number(text)) => {
                        let value: i64 = text.parse().map_err(|_| syntax("a modifier"))?;
                        modifiers.push(if negative { -value } else { value });
                    }
                    _ => return Err(syntax("expected a modifier")),
                }
                self.at += 1;
                self.accept(",");
            }
        }
        let ty = match (word.as_str(), modifiers.as_slice()) {
            ("bool", _) => Type::Bool,
            ("int2", _) => Type::Int2,
            ("int4" | "int", _) => Type::Int4,
            ("int8", _) => Type::Int8,
            ("float4" | "real", _) => Type::Float4,
            ("float8", _) => Type::Float8,
            ("numeric", []) => Type::Numeric(None),
            ("numeric", [p]) => Type::Numeric(Some((*p as u16, 0))),
            ("numeric", [p, s]) => Type::Numeric(Some((*p as u16, *s as i16))),
            ("text", _) => Type::Text,
            ("varchar", []) => Type::Varchar(None),
            ("varchar", [n, ..]) => Type::Varchar(Some(*n as u32)),
            ("bpchar", _) => Type::Bpchar(None),
            ("char", []) => Type::Bpchar(Some(1)),
            ("char", [n, ..]) => Type::Bpchar(Some(*n as u32)),
            ("date", _) => Type::Date,
            ("time", _) => Type::Time,
            ("timestamp", _) => Type::Timestamp,
            ("timestamptz", _) => Type::Timestamptz,
            ("uuid", _) => Type::Uuid,
            ("bytea", _) => Type::Bytea,
            ("json", _) => Type::Json,
            ("jsonb", _) => Type::Jsonb,
            ("interval", _) => Type::Interval,
            ("oid", _) => Type::Oid,
            ("name", _) => Type::Name,
            ("\"char\"", _) => Type::Char,
            ("xid", _) => Type::Xid,
            ("regclass", _) => Type::Regclass,
            ("regtype", _) => Type::Regtype,
            ("int2vector", _) => Type::Int2Vector,
            ("oidvector", _) => Type::OidVector,
            _ => {
                self.at -= 1;
                return Ok(None);
            }
        };
        if self.symbol() == Some("[")
            && matches!(self.tokens.get(self.at + 1), Some(Token::Symbol(next)) if next == "]")
        {
            self.at += 2;
            return Ok(ty.array());
        }
        Ok(Some(ty))
    }
}

fn number(text: &str) -> Result<Typed, Failure> {
    let ty = if text.contains(['.', 'e']) {
        Type::Numeric(None)
    } else if text.parse::<i32>().is_ok() {
        Type::Int4
    } else if text.parse::<i64>().is_ok() {
        Type::Int8
    } else {
        Type::Numeric(None)
    };
    Ok(Typed::known(functions::literal(text, ty)?, ty))
}

fn explicit_cast(operand: Typed, to: Type) -> Result<Typed, Failure> {
    if let Some(from) = operand.ty {
        functions::cast(from, to, CastContext::Explicit)?;
    }
    Ok(Typed::known(operand.coerce(to)?, to))
}

fn operate(name: &str, operands: Vec<Typed>) -> Result<Typed, Failure> {
    let types: Vec<Option<Type>> = operands.iter().map(|operand| operand.ty).collect();
    apply(functions::operator(name, &types)?, operands)
}

fn apply(resolved: functions::Resolved, operands: Vec<Typed>) -> Result<Typed, Failure> {
    let args = operands.into_iter().zip(&resolved.args).map(|(operand, ty)| operand.coerce(*ty));
    let args: Vec<Scalar> = args.collect::<Result<_, _>>()?;
    Ok(Typed::known(Scalar::call(resolved.func, args), resolved.result))
}

fn connect(make: fn(Vec<Scalar>) -> Scalar, left: Typed, right: Typed) -> Result<Typed, Failure> {
    Ok(Typed::known(make(vec![left.coerce(Type::Bool)?, right.coerce(Type::Bool)?]), Type::Bool))
}
