//! Scopes: which columns an expression can name, those of outer queries included.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
};

use offtake_lir::Scalar;
use sqlparser::tokenizer::Span;

use super::typed::Known;
use crate::{error::PlanError, rel::OUTER};

/// A column as its relation shows it.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) known: Known,
}

/// A relation in FROM.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) alias: String,
    /// Set for a table without alias, which can be named with its schema.
    pub(crate) schema: Option<String>,
    pub(crate) columns: Vec<Column>,
    /// Columns that can be named, but are not shown by `*`.
    pub(crate) system: Vec<Column>,
    /// Positions of a table's primary key: grouped by it, a table's other columns are one value a group.
    pub(crate) key: Option<Vec<usize>>,
    /// A function that gives one column: its alias alone names the value.
    pub(crate) is_scalar: bool,
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

    /// Both scopes side by side; the other's columns stand `shift` further on.
    pub(crate) fn join(mut self, mut other: Scope, shift: usize) -> Result<Scope, PlanError> {
        for item in &other.items {
            if self.items.iter().any(|known| known.alias == item.alias && known.schema == item.schema) {
                return Err(PlanError::new(
                    "42712",
                    format!("table name \"{}\" specified more than once", item.alias),
                ));
            }
        }
        other.each(&mut |known| known.scalar.remap(&|column| column + shift));
        self.items.extend(other.items);
        self.visible.extend(other.visible);
        Ok(self)
    }

    /// Calls `f` for every column.
    pub(crate) fn each(&mut self, f: &mut impl FnMut(&mut Known)) {
        let of_items = self.items.iter_mut().flat_map(|item| item.columns.iter_mut().chain(&mut item.system));
        of_items.chain(&mut self.visible).for_each(|column| f(&mut column.known));
    }

    /// An outer join may leave this side out.
    pub(crate) fn made_nullable(mut self) -> Scope {
        self.each(&mut |known| known.nullable = true);
        self
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
            return Err(PlanError::new("42702", format!("column reference \"{name}\" is ambiguous")).at(span));
        }
        if first.is_some() {
            return Ok(first);
        }
        let mut found = self.items.iter().flat_map(|item| &item.system).filter(|column| column.name == name);
        match (found.next(), found.next()) {
            (column, None) => Ok(column),
            (_, Some(_)) => {
                Err(PlanError::new("42702", format!("column reference \"{name}\" is ambiguous")).at(span))
            }
        }
    }

    /// The relation of a name; `None` if there is none.
    pub(crate) fn item(
        &self,
        schema: Option<&str>,
        table: &str,
        span: Span,
    ) -> Result<Option<&Item>, PlanError> {
        let mut found = self
            .items
            .iter()
            .filter(|item| item.alias == table && (schema.is_none() || item.schema.as_deref() == schema));
        match (found.next(), found.next()) {
            (item, None) => Ok(item),
            (_, Some(_)) => {
                Err(PlanError::new("42P09", format!("table reference \"{table}\" is ambiguous")).at(span))
            }
        }
    }

    /// How a user would write the column at a position.
    pub(crate) fn describe(&self, column: usize) -> String {
        for item in &self.items {
            if let Some(named) =
                item.columns.iter().find(|named| named.known.scalar == Scalar::Column(column))
            {
                return format!("{}.{}", item.alias, named.name);
            }
        }
        format!("#{column}")
    }
}

/// Numbers for outer parameters, of one statement.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers(Rc<Cell<usize>>);

impl Numbers {
    pub(crate) fn next(&self) -> usize {
        let number = self.0.get();
        self.0.set(number + 1);
        OUTER + number
    }
}

/// A value of an outer query that a subquery reads.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    pub(crate) parameter: usize,
    /// Over the outer query's columns.
    pub(crate) value: Known,
}

/// The query around a subquery, and what the subquery has read of it so far.
#[derive(Debug)]
pub(crate) struct Outer<'e> {
    pub(crate) env: &'e Env<'e>,
    captures: RefCell<Vec<Capture>>,
    numbers: Numbers,
}

/// What is in sight at a place: a scope, and the queries around.
#[derive(Debug)]
pub(crate) struct Env<'e> {
    pub(crate) scope: &'e Scope,
    pub(crate) outer: Option<&'e Outer<'e>>,
}

impl<'e> Outer<'e> {
    pub(crate) fn new(env: &'e Env<'e>, numbers: &Numbers) -> Outer<'e> {
        Outer { env, captures: RefCell::default(), numbers: numbers.clone() }
    }

    /// What the subquery reads.
    pub(crate) fn into_captures(self) -> Vec<Capture> {
        self.captures.into_inner()
    }

    /// The parameter that stands for a value within the subquery.
    fn capture(&self, value: Known) -> Known {
        let mut captures = self.captures.borrow_mut();
        let known = captures.iter().find(|capture| capture.value.scalar == value.scalar);
        let parameter = known.map(|capture| capture.parameter).unwrap_or_else(|| {
            let number = self.numbers.next();
            captures.push(Capture { parameter: number, value: value.clone() });
            number
        });
        Known { scalar: Scalar::Parameter { index: parameter, ty: value.ty }, ..value }
    }
}

impl<'e> Env<'e> {
    pub(crate) fn new(scope: &'e Scope, outer: Option<&'e Outer<'e>>) -> Env<'e> {
        Env { scope, outer }
    }

    /// The column of an unqualified name, here or further out; `None` if there is none.
    pub(crate) fn unqualified(&self, name: &str, span: Span) -> Result<Option<Known>, PlanError> {
        if let Some(column) = self.scope.unqualified(name, span)? {
            return Ok(Some(column.known.clone()));
        }
        let Some(outer) = self.outer else { return Ok(None) };
        Ok(outer.env.unqualified(name, span)?.map(|known| outer.capture(known)))
    }

    /// A function's only column by the function's alias; `None` if there is none.
    pub(crate) fn scalar_item(&self, name: &str, span: Span) -> Result<Option<Known>, PlanError> {
        if let Some(item) = self.scope.item(None, name, span)? {
            let column = item.columns.first().filter(|_| item.is_scalar);
            return Ok(column.map(|column| column.known.clone()));
        }
        let Some(outer) = self.outer else { return Ok(None) };
        Ok(outer.env.scalar_item(name, span)?.map(|known| outer.capture(known)))
    }

    /// The column `table.name` or `schema.table.name`, here or further out.
    pub(crate) fn qualified(
        &self,
        schema: Option<&str>,
        table: &str,
        name: &str,
        span: Span,
    ) -> Result<Known, PlanError> {
        self.find_qualified(schema, table, name, span)?.ok_or_else(|| missing(table, span))
    }

    fn find_qualified(
        &self,
        schema: Option<&str>,
        table: &str,
        name: &str,
        span: Span,
    ) -> Result<Option<Known>, PlanError> {
        if let Some(item) = self.scope.item(schema, table, span)? {
            let mut found = item.columns.iter().filter(|column| column.name == name);
            let first = found.next();
            if found.next().is_some() {
                let message = format!("column reference \"{name}\" is ambiguous");
                return Err(PlanError::new("42702", message).at(span));
            }
            let first = first.or_else(|| item.system.iter().find(|column| column.name == name));
            let Some(column) = first else {
                let error = PlanError::new("42703", format!("column {table}.{name} does not exist")).at(span);
                let names = item.columns.iter().map(|column| (item.alias.as_str(), column.name.as_str()));
                return Err(error.hint(super::name::similar_column(name, names)));
            };
            return Ok(Some(column.known.clone()));
        }
        let Some(outer) = self.outer else { return Ok(None) };
        Ok(outer.env.find_qualified(schema, table, name, span)?.map(|known| outer.capture(known)))
    }

    /// The relation `table` or `schema.table` of this scope, for `table.*`.
    pub(crate) fn item(&self, schema: Option<&str>, table: &str, span: Span) -> Result<&'e Item, PlanError> {
        self.scope.item(schema, table, span)?.ok_or_else(|| missing(table, span))
    }

    /// Whether a relation of that name is in sight.
    pub(crate) fn has_item(&self, name: &str) -> bool {
        self.scope.items.iter().any(|item| item.alias == name)
            || self.outer.is_some_and(|outer| outer.env.has_item(name))
    }
}

fn missing(table: &str, span: Span) -> PlanError {
    PlanError::new("42P01", format!("missing FROM-clause entry for table \"{table}\"")).at(span)
}
