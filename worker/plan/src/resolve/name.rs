//! Names: how identifiers fold, and how PostgreSQL names an output column that has no alias.

use datafusion_sql::sqlparser::ast::{Expr, Ident, ObjectName, ObjectNamePart, TrimWhereField};

use super::datatype;
use crate::error::PlanError;

/// What PostgreSQL calls a column for which it finds no name.
pub(crate) const UNNAMED: &str = "?column?";

/// The name that an identifier means: unquoted ones fold to lower case.
pub(crate) fn ident(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_ascii_lowercase() }
}

/// The name that an alias gives. The parser takes a string for one, PostgreSQL does not.
pub(crate) fn alias(alias: &Ident) -> Result<String, PlanError> {
    if alias.quote_style == Some('\'') {
        return Err(PlanError::syntax(format!("syntax error at or near \"{alias}\"")).at(alias.span));
    }
    Ok(ident(alias))
}

/// The parts of a qualified name, folded.
pub(crate) fn parts(name: &ObjectName) -> Vec<String> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(part) => ident(part),
            ObjectNamePart::Function(function) => ident(&function.name),
        })
        .collect()
}

/// The name of an output column without an alias.
pub(crate) fn of_output(expr: &Expr) -> String {
    figure(expr).map_or_else(|| UNNAMED.to_owned(), |(name, _)| name)
}

/// How much a name is worth: a type's name gives way to a better one, a column's or function's does not.
#[derive(PartialEq)]
enum Strength {
    Weak,
    Strong,
}

/// Source: `FigureColnameInternal` in PostgreSQL's `parse_target.c`.
fn figure(expr: &Expr) -> Option<(String, Strength)> {
    let strong = |name: &str| Some((name.to_owned(), Strength::Strong));
    match expr {
        Expr::Identifier(name) => Some((ident(name), Strength::Strong)),
        Expr::CompoundIdentifier(names) => names.last().map(|name| (ident(name), Strength::Strong)),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => figure(inner),
        Expr::Function(function) => parts(&function.name).pop().map(|name| (name, Strength::Strong)),
        Expr::Cast { expr, data_type, .. } => match figure(expr) {
            Some((name, Strength::Strong)) => Some((name, Strength::Strong)),
            _ => Some((datatype::catalog_name(data_type), Strength::Weak)),
        },
        Expr::TypedString(typed) => Some((datatype::catalog_name(&typed.data_type), Strength::Weak)),
        Expr::Case { else_result, .. } => match else_result.as_deref().and_then(figure) {
            Some((name, Strength::Strong)) => Some((name, Strength::Strong)),
            _ => Some(("case".to_owned(), Strength::Weak)),
        },
        Expr::Extract { .. } => strong("extract"),
        Expr::Ceil { .. } => strong("ceil"),
        Expr::Floor { .. } => strong("floor"),
        Expr::Position { .. } => strong("position"),
        Expr::Substring { shorthand: true, .. } => strong("substr"),
        Expr::Substring { .. } => strong("substring"),
        Expr::Overlay { .. } => strong("overlay"),
        Expr::Trim { trim_where, .. } => strong(match trim_where {
            None | Some(TrimWhereField::Both) => "btrim",
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
        }),
        Expr::AtTimeZone { .. } => strong("timezone"),
        Expr::Exists { .. } => strong("exists"),
        Expr::Interval(_) => Some(("interval".to_owned(), Strength::Weak)),
        Expr::Array(_) => strong("array"),
        Expr::Tuple(_) => strong("row"),
        _ => None,
    }
}
