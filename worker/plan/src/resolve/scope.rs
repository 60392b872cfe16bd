//! Scopes: which columns an expression can name.

use std::collections::BTreeSet;

use datafusion_sql::sqlparser::{ast::Expr, tokenizer::Span};

use crate::error::PlanError;

/// A column as its relation shows it, and the canonical expression that it is.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) expr: Expr,
}

/// A relation in FROM.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) alias: String,
    /// Set for a table without alias, which can be named with its schema.
    pub(crate) schema: Option<String>,
    pub(crate) columns: Vec<Column>,
    /// Positions of a table's primary key: grouped by it, a table's other columns are one value a group.
    pub(crate) key: Option<Vec<usize>>,
}

/// What a FROM clause, or a part of it, brings into sight.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub(crate) items: Vec<Item>,
    /// What `*` shows and unqualified names find: the items' columns, those of USING merged.
    pub(crate) visible: Vec<Column>,
}

impl Scope {
    pub(crate) fn of(item: Item) -> Scope {
        Scope { visible: item.columns.clone(), items: vec![item] }
    }

    /// Both scopes side by side.
    pub(crate) fn join(mut self, other: Scope) -> Result<Scope, PlanError> {
        for item in &other.items {
            if self.items.iter().any(|known| known.alias == item.alias && known.schema == item.schema) {
                return Err(PlanError::new(
                    "42712",
                    format!("table name \"{}\" specified more than once", item.alias),
                ));
            }
        }
        self.items.extend(other.items);
        self.visible.extend(other.visible);
        Ok(self)
    }

    /// Hides the columns of these names, and puts `merged` before the others.
    pub(crate) fn merge(&mut self, merged: Vec<Column>) {
        let names: BTreeSet<&str> = merged.iter().map(|column| column.name.as_str()).collect();
        self.visible.retain(|column| !names.contains(column.name.as_str()));
        self.visible.splice(0..0, merged);
    }

    /// The column of an unqualified name; `None` if there is none.
    pub(crate) fn unqualified(&self, name: &str, span: Span) -> Result<Option<&Column>, PlanError> {
        let mut found = self.visible.iter().filter(|column| column.name == name);
        let first = found.next();
        if found.next().is_some() {
            return Err(ambiguous(name, span));
        }
        Ok(first)
    }

    /// The column `table.name` or `schema.table.name`.
    pub(crate) fn qualified(
        &self,
        schema: Option<&str>,
        table: &str,
        name: &str,
        span: Span,
    ) -> Result<&Column, PlanError> {
        let item = self.item(schema, table, span)?;
        let mut found = item.columns.iter().filter(|column| column.name == name);
        let first = found.next();
        if found.next().is_some() {
            return Err(ambiguous(name, span));
        }
        first.ok_or_else(|| PlanError::new("42703", format!("column {table}.{name} does not exist")).at(span))
    }

    pub(crate) fn item(&self, schema: Option<&str>, table: &str, span: Span) -> Result<&Item, PlanError> {
        let mut found = self
            .items
            .iter()
            .filter(|item| item.alias == table && (schema.is_none() || item.schema.as_deref() == schema));
        match (found.next(), found.next()) {
            (Some(item), None) => Ok(item),
            (Some(_), Some(_)) => {
                Err(PlanError::new("42P09", format!("table reference \"{table}\" is ambiguous")).at(span))
            }
            (None, _) => {
                Err(PlanError::new("42P01", format!("missing FROM-clause entry for table \"{table}\""))
                    .at(span))
            }
        }
    }

    /// How a user would write the canonical column `expr`.
    pub(crate) fn describe(&self, expr: &Expr) -> String {
        for item in &self.items {
            if let Some(column) = item.columns.iter().find(|column| column.expr == *expr) {
                return format!("{}.{}", item.alias, column.name);
            }
        }
        expr.to_string()
    }
}

fn ambiguous(name: &str, span: Span) -> PlanError {
    PlanError::new("42702", format!("column reference \"{name}\" is ambiguous")).at(span)
}
