//! From a string to something that can be described, bound and run.

use std::sync::Arc;

use offtake_plan::{PlanError, Query, QueryPlan, Statement, parse, plan_query};
use offtake_row::{Column, Type};
use parking_lot::Mutex;

use crate::{
    error::SqlError,
    lexer::{self, Token},
    published::Published,
    shape::Shape,
    sql::{copy::CopyOut, witness::Witness},
};

/// A statement as it was parsed.
#[derive(Clone)]
pub enum Body {
    Empty,
    Command(Statement),
    Query(Query),
    Copy(CopyOut),
    /// `SELECT set_config(…)`.
    Setting(Setting),
    /// Accepted and nothing to do: the command tag.
    Done(&'static str),
}

/// A session setting that is set by a function call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub name: String,
    pub value: String,
    pub local: bool,
}

impl Setting {
    /// Source: PostgreSQL documentation, section 9.27.1. Only calls with constants, alone in their SELECT, are taken.
    fn parse(tokens: &[(usize, Token<'_>)]) -> Option<Setting> {
        let mut tokens: Vec<Token<'_>> = tokens.iter().map(|(_, token)| *token).collect();
        if tokens.get(1).is_some_and(|token| token.is("pg_catalog"))
            && tokens.get(2) == Some(&Token::Symbol('.'))
        {
            tokens.drain(1..3);
        }
        let string = |token: &Token<'_>| match token {
            Token::String(text) if text.starts_with('\'') => Some(text.trim_matches('\'').replace("''", "'")),
            _ => None,
        };
        let comma = Token::Symbol(',');
        match tokens.as_slice() {
            [select, function, Token::Symbol('('), name, a, value, b, local, Token::Symbol(')')]
                if select.is("select") && function.is("set_config") && *a == comma && *b == comma =>
            {
                Some(Setting { name: string(name)?, value: string(value)?, local: local.is("true") })
            }
            _ => None,
        }
    }
}

/// A statement that was parsed and, if it answers rows, planned.
pub struct Prepared {
    pub text: String,
    /// When, in microseconds since 2000-01-01.
    pub at: i64,
    pub body: Body,
    /// The types that the client declared for its parameters.
    pub declared: Vec<Option<Type>>,
    /// The parameters' types, as Describe tells them and Bind reads them.
    pub parameters: Vec<Type>,
    /// What the answer looks like; `None` for a command that answers no rows.
    pub shape: Option<Arc<Shape>>,
    /// The newest plan and what it was made from.
    pub planned: Mutex<Option<Planned>>,
}

/// A plan, and the facts that it holds for.
#[derive(Clone)]
pub struct Planned {
    pub plan: Arc<QueryPlan>,
    pub shape: Arc<Shape>,
    published: Arc<Published>,
    search_path: Vec<String>,
}

impl Planned {
    /// Plans a query. Runs on a query thread.
    pub fn new(
        query: &Query,
        published: Arc<Published>,
        witness: Witness,
        declared: &[Option<Type>],
    ) -> Result<Planned, SqlError> {
        let search_path = witness.search_path();
        let mut session = witness.plan_session();
        let functions = witness.functions(&published);
        session.catalog = Some(Arc::new(functions.clone()));
        let plan = plan_query(query, &published.relations, &session, declared)?;
        let shape = Arc::new(Shape::of_plan(&plan, &published, &functions));
        Ok(Planned { plan: Arc::new(plan), shape, published, search_path })
    }

    /// What it was planned over.
    pub fn published(&self) -> &Arc<Published> {
        &self.published
    }

    /// Whether the plan is what planning now would give.
    pub fn holds(&self, published: &Arc<Published>, search_path: &[String]) -> bool {
        Arc::ptr_eq(&self.published, published) && self.search_path == search_path
    }
}

impl From<PlanError> for SqlError {
    fn from(error: PlanError) -> SqlError {
        let mut converted = SqlError::new(error.sqlstate, error.message);
        converted.hint = error.hint;
        converted.position = error.position;
        converted
    }
}

/// Parses one statement's text.
pub fn parse_one(text: &str) -> Result<Body, SqlError> {
    let tokens = lexer::tokens(text);
    if tokens.is_empty() {
        return Ok(Body::Empty);
    }
    if let Some(copy) = CopyOut::parse(text, &tokens)? {
        return Ok(Body::Copy(copy));
    }
    if let Some(setting) = Setting::parse(&tokens) {
        return Ok(Body::Setting(setting));
    }
    // Poolers and drivers reset sessions with it; there is nothing to listen to.
    if tokens[0].1.is("unlisten") {
        return Ok(Body::Done("UNLISTEN"));
    }
    let mut statements = parse(text)?;
    match (statements.pop(), statements.is_empty()) {
        (None, _) => Ok(Body::Empty),
        (Some(Statement::Query(query)), true) => Ok(Body::Query(query)),
        (Some(statement), true) => Ok(Body::Command(statement)),
        (Some(_), false) => {
            Err(SqlError::new("42601", "cannot insert multiple commands into a prepared statement"))
        }
    }
}

/// The parameters' types as the client declared them in Parse: 0 and `unknown` leave it to us.
pub fn declared_types(oids: &[u32]) -> Result<Vec<Option<Type>>, SqlError> {
    const UNKNOWN: u32 = 705;
    oids.iter()
        .enumerate()
        .map(|(index, oid)| match *oid {
            0 | UNKNOWN => Ok(None),
            oid => Type::from_oid(oid, -1).map(Some).ok_or_else(|| {
                SqlError::unsupported(
                    format!("the type with OID {oid} of parameter ${} is not supported", index + 1),
                    "Pass the value as text and cast it in the query.",
                )
            }),
        })
        .collect()
}

/// The columns that a command answers with; `None`: it answers none.
pub fn command_columns(statement: &Statement) -> Option<Vec<Column>> {
    let text = |name: &str| Column::new(name, Type::Text, false);
    match statement {
        Statement::Show(name) => {
            Some(vec![text(crate::settings::display_name(&crate::settings::canonical(name)))])
        }
        Statement::ShowAll => Some(vec![text("name"), text("setting"), text("description")]),
        Statement::Explain(_) => Some(vec![text("QUERY PLAN")]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_apart() {
        assert!(matches!(parse_one(" -- nothing"), Ok(Body::Empty)));
        assert!(matches!(
            parse_one("SELECT pg_catalog.set_config('search_path', '', false)"),
            Ok(Body::Setting(Setting { local: false, .. }))
        ));
        assert!(matches!(parse_one("SELECT current_setting('x')"), Ok(Body::Query(_))));
        assert!(matches!(parse_one("COPY (SELECT 1) TO STDOUT"), Ok(Body::Copy(_))));
    }
}
