//! What an answer's rows look like: their columns, where those come from, and what objects in them are called.

use std::fmt;

use offtake_introspect::Functions;
use offtake_plan::QueryPlan;
use offtake_row::{ArrayBuilder, Column, Datum, Row, Type, text};

use crate::published::Published;

/// The columns of an answer.
#[derive(Default)]
pub struct Shape {
    pub columns: Vec<Column>,
    /// Of each column `pg_class.oid` and `pg_attribute.attnum` where it is a relation's, else zeros. May be shorter than the columns.
    origins: Vec<(u32, i16)>,
    /// Knows the names of what `regclass` and its like are the numbers of, where there are such columns.
    names: Option<Functions>,
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shape").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// Whether values are numbers of objects that are shown by their names.
fn is_named(ty: Type) -> bool {
    let ty = ty.element().unwrap_or(ty);
    matches!(ty, Type::Regclass | Type::Regtype | Type::Regproc | Type::Regnamespace | Type::Regrole)
}

impl Shape {
    /// Of an answer that is no relation's: SHOW, EXPLAIN.
    pub fn new(columns: Vec<Column>) -> Shape {
        Shape { columns, origins: Vec::new(), names: None }
    }

    /// Of a query's answer.
    pub fn of_plan(plan: &QueryPlan, published: &Published, functions: &Functions) -> Shape {
        let origin = |origin: &Option<(_, usize)>| {
            let (collection, column) = (*origin)?;
            Some((published.oid(collection)?, i16::try_from(column + 1).ok()?))
        };
        let origins = plan.origins.iter().map(|column| origin(column).unwrap_or_default()).collect();
        let names = plan.columns.iter().any(|column| is_named(column.ty)).then(|| functions.clone());
        Shape { columns: plan.columns.clone(), origins, names }
    }

    /// `pg_class.oid` and `pg_attribute.attnum` of a column, zeros if it is not a relation's.
    pub fn origin(&self, column: usize) -> (u32, i16) {
        self.origins.get(column).copied().unwrap_or_default()
    }

    /// Whether the rows can be described in the same way, origins aside.
    pub fn is_like(&self, other: &Shape) -> bool {
        let described = |shape: &Shape| -> Vec<(String, Type)> {
            shape.columns.iter().map(|column| (column.name.clone(), column.ty)).collect()
        };
        described(self) == described(other)
    }

    /// Appends a value's text form.
    pub fn write(&self, ty: Type, datum: Datum<'_>, out: &mut String) {
        match (&self.names, datum) {
            (Some(names), Datum::Int(number)) if is_named(ty) => match names.shown(ty, number) {
                Some(name) => out.push_str(&name),
                None => text::write(ty, datum, out),
            },
            (Some(names), Datum::Array(array)) if is_named(ty) => {
                let element = ty.element().unwrap_or(ty);
                let mut shown = ArrayBuilder::new();
                for datum in array.iter() {
                    let name = match datum {
                        Datum::Int(number) => names.shown(element, number),
                        _ => None,
                    };
                    shown.push(name.as_deref().map_or(datum, Datum::Text));
                }
                let dimensions: Vec<_> = array.dimensions().collect();
                let row = Row::pack([Datum::Array(shown.finish_with(&dimensions))]);
                text::write(Type::Text.array().unwrap_or(Type::Text), row.datum(0), out);
            }
            _ => text::write(ty, datum, out),
        }
    }
}
