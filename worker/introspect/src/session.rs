//! One state of the catalog, and the queries on it.

use std::{collections::BTreeMap, pin::Pin, sync::Arc};

use datafusion::{
    catalog::{CatalogProvider, MemoryCatalogProvider, SchemaProvider},
    dataframe::DataFrame,
    prelude::{SessionConfig, SessionContext},
    sql::{
        parser::Statement as DfStatement,
        sqlparser::{
            dialect::PostgreSqlDialect,
            tokenizer::{Token, Tokenizer},
        },
    },
};
use datafusion_pg_catalog::{
    pg_catalog::context::EmptyContextProvider, setup_pg_catalog, sql::PostgresCompatibilityParser,
};
use offtake_row::{Column, Row};

use crate::{
    RelationInfo, convert, error::IntrospectError, functions, information_schema, pg_catalog::Overlay,
    rewrite,
};

/// The catalog over a set of relations. Making one takes some milliseconds; queries do not change it.
pub struct Introspection {
    context: SessionContext,
    parser: PostgresCompatibilityParser,
}

/// The schemas and their OIDs.
pub struct Schemas(BTreeMap<String, i32>);

/// PostgreSQL's own OIDs of the schemas that every database has.
const FIXED: [(&str, i32); 2] = [("pg_catalog", 11), ("public", 2200)];

impl Schemas {
    fn new(relations: &[RelationInfo]) -> Schemas {
        let mut schemas: BTreeMap<String, i32> =
            FIXED.iter().map(|(name, oid)| ((*name).to_owned(), *oid)).collect();
        schemas.insert("information_schema".to_owned(), 13_000);
        for relation in relations {
            if !schemas.contains_key(&relation.schema) {
                // A hash of the name keeps the OID the same when other schemas come and go.
                let mut oid = hash(&relation.schema);
                while schemas.values().any(|taken| *taken == oid) {
                    oid += 1;
                }
                schemas.insert(relation.schema.clone(), oid);
            }
        }
        Schemas(schemas)
    }

    pub fn oid(&self, name: &str) -> i32 {
        self.0.get(name).copied().unwrap_or_default()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, i32)> {
        self.0.iter().map(|(name, oid)| (name.as_str(), *oid))
    }
}

/// FNV-1a, folded into the OIDs between two thousand million and the end of the signed integers.
fn hash(name: &str) -> i32 {
    let hash =
        name.bytes().fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    2_000_000_000 + (hash % 100_000_000) as i32
}

/// An answer to come. Boxed, because an `async fn` is compiled by the crate that awaits it: DataFusion would be compiled once more there.
type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, IntrospectError>> + Send + 'a>>;

impl Introspection {
    /// Builds the catalog of `database` with these relations.
    ///
    /// # Errors
    /// Only by a fault of ours or of DataFusion's: nothing in the relations is refused.
    pub fn new(
        database: &str,
        server_version: &str,
        relations: &[RelationInfo],
    ) -> Result<Introspection, IntrospectError> {
        let setup = |error: &dyn std::fmt::Display| IntrospectError::Setup(error.to_string());
        let config = SessionConfig::new()
            .with_default_catalog_and_schema(database, "public")
            .with_target_partitions(1)
            .with_information_schema(false);
        let context = SessionContext::new_with_config(config);
        setup_pg_catalog(&context, database, EmptyContextProvider).map_err(|error| setup(&error))?;
        let base = context
            .catalog(database)
            .and_then(|catalog| catalog.schema("pg_catalog"))
            .ok_or_else(|| setup(&"pg_catalog was not registered"))?;
        let schemas = Schemas::new(relations);
        let overlay = Overlay::new(database, &schemas, relations, base).map_err(|error| setup(&error))?;
        let information =
            information_schema::provider(database, &schemas, relations).map_err(|error| setup(&error))?;
        let catalog = MemoryCatalogProvider::new();
        let all: [(&str, Arc<dyn SchemaProvider>); 2] =
            [("pg_catalog", Arc::new(overlay)), ("information_schema", information)];
        for (name, schema) in all {
            catalog.register_schema(name, schema).map_err(|error| setup(&error))?;
        }
        context.register_catalog(database, Arc::new(catalog));
        functions::register(&context, server_version, relations);
        Ok(Introspection { context, parser: PostgresCompatibilityParser::new() })
    }

    /// Runs one catalog query. `parameters` are the values of `$1`, `$2`, … as text; `None` is NULL.
    ///
    /// It computes for milliseconds: call it where that holds nothing up.
    pub fn query<'a>(
        &'a self,
        sql: &'a str,
        parameters: &'a [Option<String>],
    ) -> Answering<'a, (Vec<Column>, Vec<Row>)> {
        Box::pin(async move {
            let frame = self.plan(sql, parameters).await?;
            let columns = convert::columns(frame.schema().as_arrow());
            let mut rows = Vec::new();
            for batch in frame.collect().await? {
                convert::rows(&batch, &mut rows)?;
            }
            Ok((columns, rows))
        })
    }

    /// The columns that the query answers.
    pub fn describe<'a>(
        &'a self,
        sql: &'a str,
        parameters: &'a [Option<String>],
    ) -> Answering<'a, Vec<Column>> {
        Box::pin(async move {
            let frame = self.plan(sql, parameters).await?;
            Ok(convert::columns(frame.schema().as_arrow()))
        })
    }

    async fn plan(&self, sql: &str, parameters: &[Option<String>]) -> Result<DataFrame, IntrospectError> {
        let sql = bind(sql, parameters)?;
        let mut statements = self.parser.parse(&sql)?;
        let (Some(mut statement), true) = (statements.pop(), statements.is_empty()) else {
            return Err(IntrospectError::NotOne);
        };
        rewrite::rewrite(&mut statement);
        let state = self.context.state();
        let plan = state.statement_to_plan(DfStatement::Statement(Box::new(statement))).await?;
        Ok(self.context.execute_logical_plan(plan).await?)
    }
}

/// Writes the parameters' values into the text as constants (numbers bare, everything else quoted), and takes the schema off
/// functions with a syntax of their own: `pg_catalog.substring(x, 1, 3)` does not parse.
fn bind(sql: &str, parameters: &[Option<String>]) -> Result<String, IntrospectError> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql)
        .with_unescape(false)
        .tokenize()
        .map_err(|error| IntrospectError::Syntax(error.to_string()))?;
    let mut bound = String::with_capacity(sql.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            Token::Placeholder(name) => {
                let number: usize = name.trim_start_matches('$').parse().unwrap_or_default();
                let value = number
                    .checked_sub(1)
                    .and_then(|index| parameters.get(index))
                    .ok_or(IntrospectError::NoParameter(number))?;
                match value {
                    None => bound.push_str("NULL"),
                    Some(value) if value.parse::<i64>().is_ok() => bound.push_str(value),
                    Some(value) => {
                        bound.push('\'');
                        bound.push_str(&value.replace('\'', "''"));
                        bound.push('\'');
                    }
                }
            }
            Token::Word(word) if word.value.eq_ignore_ascii_case("pg_catalog") && is_call(&tokens[at..]) => {
                at += 1
            }
            other => bound.push_str(&other.to_string()),
        }
    }
    Ok(bound)
}

/// `.name(` of a function that the parser knows by name. Others keep their schema, for `datafusion-pg-catalog` recognises some of
/// psql's queries word by word.
fn is_call(tokens: &[Token]) -> bool {
    const KNOWN: [&str; 5] = ["extract", "overlay", "position", "substring", "trim"];
    matches!(tokens, [Token::Period, Token::Word(word), Token::LParen, ..] if KNOWN.contains(&word.value.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_constants_outside_strings_only() {
        let bound =
            bind("SELECT '$1', $1, $2, $3 -- $1", &[Some("it's".to_owned()), Some("7".to_owned()), None]);
        assert_eq!(bound.expect("binds"), "SELECT '$1', 'it''s', 7, NULL -- $1");
        let bound = bind(
            "SELECT pg_catalog.substring('pg_catalog.f(', 1), pg_catalog.pg_class.oid FROM pg_catalog.pg_class",
            &[],
        );
        assert_eq!(
            bound.expect("binds"),
            "SELECT substring('pg_catalog.f(', 1), pg_catalog.pg_class.oid FROM pg_catalog.pg_class"
        );
        assert!(matches!(bind("SELECT $2", &[None]), Err(IntrospectError::NoParameter(2))));
    }
}
