//! From a string to something that can be described, bound and run.

use std::sync::Arc;

use offtake_plan::{PlanError, Query, QueryPlan, Statement, parse, plan_query};
use offtake_row::{Column, Type};
use parking_lot::Mutex;

use crate::{
    error::SqlError,
    lexer::{self, Token},
    published::{DATABASE, Published},
    sql::copy::CopyOut,
};

/// A statement as it was parsed.
#[derive(Clone)]
pub enum Body {
    Empty,
    Command(Statement),
    Query(Query),
    /// A query on pg_catalog or information_schema, as text.
    Introspect(String),
    Copy(CopyOut),
    /// `SELECT set_config(…)` or `SELECT current_setting(…)`.
    Setting(Setting),
    /// Accepted and nothing to do: the command tag.
    Done(&'static str),
}

/// A session setting that is set or shown by a function call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    Set { name: String, value: String, local: bool },
    Show { name: String, missing_ok: bool },
}

impl Setting {
    /// The name of the one column of the answer.
    pub fn column(&self) -> &'static str {
        match self {
            Setting::Set { .. } => "set_config",
            Setting::Show { .. } => "current_setting",
        }
    }

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
                Some(Setting::Set { name: string(name)?, value: string(value)?, local: local.is("true") })
            }
            [select, function, Token::Symbol('('), name, Token::Symbol(')')]
                if select.is("select") && function.is("current_setting") =>
            {
                Some(Setting::Show { name: string(name)?, missing_ok: false })
            }
            [select, function, Token::Symbol('('), name, a, missing, Token::Symbol(')')]
                if select.is("select") && function.is("current_setting") && *a == comma =>
            {
                Some(Setting::Show { name: string(name)?, missing_ok: missing.is("true") })
            }
            _ => None,
        }
    }
}

/// A statement that was parsed and, if it answers rows, planned.
pub struct Prepared {
    pub body: Body,
    /// The types that the client declared for its parameters.
    pub declared: Vec<Option<Type>>,
    /// The parameters' types, as Describe tells them and Bind reads them.
    pub parameters: Vec<Type>,
    /// The columns of the answer; `None` for a command that has none.
    pub columns: Option<Arc<Vec<Column>>>,
    /// The newest plan and what it was made from.
    pub planned: Mutex<Option<Planned>>,
}

/// A plan, and the facts that it holds for.
#[derive(Clone)]
pub struct Planned {
    pub plan: Arc<QueryPlan>,
    published: Arc<Published>,
    search_path: Vec<String>,
}

impl Planned {
    /// Plans a query. Runs on a query thread.
    pub fn new(
        query: &Query,
        published: Arc<Published>,
        session: &offtake_plan::Session,
        declared: &[Option<Type>],
    ) -> Result<Planned, SqlError> {
        let plan = plan_query(query, &published.relations, session, declared)?;
        Ok(Planned { plan: Arc::new(plan), published, search_path: session.search_path.clone() })
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

/// Functions about the catalog: a query without a FROM that calls one of them is answered by introspection.
const CATALOG_FUNCTIONS: &[&str] = &[
    "array_to_string",
    "col_description",
    "current_schemas",
    "format_type",
    "has_any_column_privilege",
    "has_database_privilege",
    "has_schema_privilege",
    "has_table_privilege",
    "obj_description",
    "parse_ident",
    "pg_encoding_to_char",
    "pg_get_constraintdef",
    "pg_get_expr",
    "pg_get_indexdef",
    "pg_get_userbyid",
    "pg_get_viewdef",
    "pg_relation_size",
    "pg_table_is_visible",
    "pg_total_relation_size",
    "quote_ident",
    "shobj_description",
    "to_regclass",
];

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
    let mut statements = match parse(text) {
        Ok(statements) => statements,
        // Clients' catalog queries use more of PostgreSQL's syntax than a view may.
        Err(_) if is_select(&tokens) && mentions_catalog(&tokens) => {
            return Ok(Body::Introspect(text.to_owned()));
        }
        Err(error) => return Err(error.into()),
    };
    match (statements.pop(), statements.is_empty()) {
        (None, _) => Ok(Body::Empty),
        (Some(Statement::Query(query)), true) => {
            if wants_catalog(&query) || (query.relations().is_empty() && casts_to_regclass(&tokens)) {
                Ok(Body::Introspect(text.to_owned()))
            } else {
                Ok(Body::Query(query))
            }
        }
        (Some(Statement::Unsupported { .. }), true) if is_select(&tokens) && mentions_catalog(&tokens) => {
            Ok(Body::Introspect(text.to_owned()))
        }
        (Some(statement), true) => Ok(Body::Command(statement)),
        (Some(_), false) => {
            Err(SqlError::new("42601", "cannot insert multiple commands into a prepared statement"))
        }
    }
}

fn wants_catalog(query: &Query) -> bool {
    let relations = query.relations();
    if relations.is_empty() {
        return query.functions().iter().any(|function| CATALOG_FUNCTIONS.contains(&function.as_str()));
    }
    relations.iter().any(|(schema, name)| match schema.as_deref() {
        Some("pg_catalog" | "information_schema") => true,
        Some(_) => false,
        None => name.starts_with("pg_"),
    })
}

fn is_select(tokens: &[(usize, Token<'_>)]) -> bool {
    tokens.first().is_some_and(|(_, token)| token.is("select") || token.is("with"))
}

fn mentions_catalog(tokens: &[(usize, Token<'_>)]) -> bool {
    tokens.iter().any(|(_, token)| match token.identifier() {
        Some(name) => name == "pg_catalog" || name == "information_schema" || name.starts_with("pg_"),
        None => false,
    })
}

fn casts_to_regclass(tokens: &[(usize, Token<'_>)]) -> bool {
    ["regclass", "regtype", "regproc", "regnamespace", "regrole"]
        .iter()
        .any(|alias| tokens.iter().any(|(_, token)| token.is(alias)))
}

/// The parameters' types as the client declared them in Parse: 0 and `unknown` leave it to us.
pub fn declared_types(oids: &[u32]) -> Result<Vec<Option<Type>>, SqlError> {
    const UNKNOWN: u32 = 705;
    oids.iter()
        .enumerate()
        .map(|(index, oid)| match *oid {
            0 | UNKNOWN => Ok(None),
            // `name`, `oid` and `regclass` come with catalog queries, as the text and the number that they are.
            19 => Ok(Some(Type::Text)),
            26 | 2205 => Ok(Some(Type::Int8)),
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

/// The session as the planner wants to know it.
pub fn plan_session(
    search_path: Vec<String>,
    user: &str,
    server_version: &str,
    pid: i32,
    now: i64,
) -> offtake_plan::Session {
    offtake_plan::Session {
        search_path,
        database: DATABASE.to_owned(),
        user: user.to_owned(),
        server_version: format!("PostgreSQL {server_version}"),
        backend_pid: pid,
        now: Some(now),
    }
}

/// Whether a plan of this query holds values of its session and must not be kept.
pub fn asks_session(query: &Query) -> bool {
    const SESSION: &[&str] = &[
        "clock_timestamp",
        "current_date",
        "current_schema",
        "current_time",
        "current_timestamp",
        "localtime",
        "localtimestamp",
        "now",
        "statement_timestamp",
        "transaction_timestamp",
    ];
    query.functions().iter().any(|function| SESSION.contains(&function.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_the_catalog_goes_to_introspection() {
        let introspected = |sql: &str| matches!(parse_one(sql), Ok(Body::Introspect(_)));
        for sql in [
            "SELECT * FROM pg_catalog.pg_class",
            "select typname from pg_type where oid = 25",
            "SELECT table_name FROM information_schema.tables",
            "SELECT c.relname FROM pg_catalog.pg_class c WHERE c.relname OPERATOR(pg_catalog.~) '^(x)$' COLLATE pg_catalog.default",
            "SELECT pg_catalog.format_type(23, -1)",
            "SELECT 'public.orders'::regclass",
        ] {
            assert!(introspected(sql), "{sql}");
        }
        for sql in ["SELECT 1", "SELECT version()", "SELECT a FROM public.pages", "SELECT 'pg_class' AS x"] {
            assert!(!introspected(sql), "{sql}");
        }
        assert!(matches!(parse_one(" -- nothing"), Ok(Body::Empty)));
        assert!(matches!(
            parse_one("SELECT pg_catalog.set_config('search_path', '', false)"),
            Ok(Body::Setting(Setting::Set { .. }))
        ));
        assert!(matches!(parse_one("COPY (SELECT 1) TO STDOUT"), Ok(Body::Copy(_))));
    }
}
