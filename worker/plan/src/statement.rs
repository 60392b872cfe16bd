//! Statements: what a client can send.

use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use crate::{error::PlanError, syntax, utility};

/// One SQL statement.
#[derive(Clone, Debug)]
pub enum Statement {
    /// SELECT, VALUES, WITH or TABLE.
    Query(Query),
    Explain(Explained),
    /// The setting's name in lower case: `offtake.lsn`, `transaction_isolation`, `timezone`.
    Show(String),
    ShowAll,
    /// `value: None` is DEFAULT; values of a list are joined by `, `.
    Set {
        name: String,
        value: Option<String>,
        local: bool,
    },
    /// `SET TRANSACTION …` or, with `session`, `SET SESSION CHARACTERISTICS AS TRANSACTION …`; modes in lower case.
    SetTransaction {
        modes: Vec<String>,
        session: bool,
    },
    Reset(String),
    ResetAll,
    /// BEGIN or START TRANSACTION, with its modes in lower case: `isolation level serializable`, `read only`.
    Begin {
        modes: Vec<String>,
    },
    Commit,
    Rollback,
    Savepoint(String),
    ReleaseSavepoint(String),
    RollbackToSavepoint(String),
    /// `all`, `plans`, `sequences` or `temp`.
    Discard(String),
    /// `None` is ALL.
    Deallocate(Option<String>),
    Declare {
        name: String,
        query: Query,
        hold: bool,
    },
    Fetch {
        name: String,
        count: FetchCount,
    },
    /// `None` is ALL.
    Close(Option<String>),
    /// A statement that changes data or definitions: `INSERT`, `CREATE TABLE`, `COPY FROM`.
    Write {
        verb: String,
    },
    /// A statement of PostgreSQL's that Offtake does not have.
    Unsupported {
        what: String,
    },
}

/// How far FETCH goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchCount {
    Forward(u64),
    All,
}

/// What EXPLAIN is asked about.
#[derive(Clone, Debug)]
pub enum Explained {
    /// A view (or table): the plan by which it is kept.
    Relation {
        schema: Option<String>,
        name: String,
    },
    Query(Query),
}

/// A query that parses. Nothing is known yet of what it names.
///
/// It is kept as text: syntax trees are as deep as statements are long, and are only held on stacks that fit them.
#[derive(Clone, Debug)]
pub struct Query {
    sql: String,
    /// [`syntax::way`].
    way: usize,
    /// Where `sql` begins within the text given to [`parse`], in characters.
    offset: usize,
    parameter_count: usize,
}

impl Query {
    /// This statement's own text.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The highest parameter number: 2 for `$1 + $2`.
    pub fn parameter_count(&self) -> usize {
        self.parameter_count
    }

    pub(crate) fn way(&self) -> usize {
        self.way
    }

    /// Gives an error that is located within this query its position within the whole text.
    pub(crate) fn positioned(&self, error: PlanError) -> PlanError {
        let mut error = error.positioned(&self.sql);
        error.position = error.position.map(|position| position + self.offset);
        error
    }

    pub(crate) fn parse(text: &str, tokens: &[TokenWithSpan]) -> Result<Query, PlanError> {
        syntax::query(tokens.to_vec())?;
        let (sql, offset) = slice(text, tokens);
        Ok(Query { sql, way: syntax::way(tokens), offset, parameter_count: parameters(tokens) })
    }
}

/// The text that the tokens cover, and the characters before it.
fn slice(text: &str, tokens: &[TokenWithSpan]) -> (String, usize) {
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return (String::new(), 0) };
    let (start, end) = (first.span.start, last.span.end);
    let mut at = Location::new(1, 1);
    let (mut from, mut to, mut offset) = (text.len(), text.len(), 0);
    for (characters, (byte, character)) in text.char_indices().enumerate() {
        if at == start && from == text.len() {
            (from, offset) = (byte, characters);
        }
        if at == end {
            to = byte;
            break;
        }
        at = if character == '\n' {
            Location::new(at.line + 1, 1)
        } else {
            Location::new(at.line, at.column + 1)
        };
    }
    (text.get(from..to).unwrap_or_default().to_owned(), offset)
}

/// The highest parameter number: 2 for `$1 + $2`.
fn parameters(tokens: &[TokenWithSpan]) -> usize {
    let numbers = tokens.iter().filter_map(|token| match &token.token {
        Token::Placeholder(text) => text.strip_prefix('$')?.parse().ok(),
        _ => None,
    });
    numbers.max().unwrap_or(0)
}

/// Splits SQL text at semicolons and tells what each statement is. A text without statements gives an empty list.
///
/// # Errors
///
/// 42601 with the position where the text is not SQL, 54000 and 54001 where it is too long or too deeply nested.
pub fn parse(sql: &str) -> Result<Vec<Statement>, PlanError> {
    let read = || {
        let statements = syntax::statements(sql)?;
        let way = statements.iter().map(|tokens| syntax::way(tokens)).max().unwrap_or(0);
        let read = |tokens: &Vec<TokenWithSpan>| utility::statement(sql, tokens);
        syntax::on_large_stack(way, || statements.iter().map(read).collect())
    };
    read().map_err(|error: PlanError| error.positioned(sql))
}

impl Statement {
    /// The first words of the command tag.
    pub fn tag(&self) -> &'static str {
        match self {
            Statement::Query(_) => "SELECT",
            Statement::Explain(_) => "EXPLAIN",
            Statement::Show(_) | Statement::ShowAll => "SHOW",
            Statement::Set { .. } | Statement::SetTransaction { .. } => "SET",
            Statement::Reset(_) | Statement::ResetAll => "RESET",
            Statement::Begin { .. } => "BEGIN",
            Statement::Commit => "COMMIT",
            Statement::Rollback | Statement::RollbackToSavepoint(_) => "ROLLBACK",
            Statement::Savepoint(_) => "SAVEPOINT",
            Statement::ReleaseSavepoint(_) => "RELEASE",
            Statement::Discard(_) => "DISCARD",
            Statement::Deallocate(_) => "DEALLOCATE",
            Statement::Declare { .. } => "DECLARE CURSOR",
            Statement::Fetch { .. } => "FETCH",
            Statement::Close(_) => "CLOSE CURSOR",
            Statement::Write { .. } | Statement::Unsupported { .. } => "",
        }
    }
}
