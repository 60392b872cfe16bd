//! Names: how identifiers fold, and how PostgreSQL names an output column that has no alias.

use sqlparser::ast::{Expr, Ident, ObjectName, ObjectNamePart, SelectItem, SetExpr, TrimWhereField};

use super::datatype;
use crate::error::PlanError;

/// What PostgreSQL calls a column for which it finds no name.
pub(crate) const UNNAMED: &str = "?column?";

/// The name that an identifier means: unquoted ones fold to lower case.
pub(crate) fn ident(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_ascii_lowercase() }
}

/// [`ident`] of a token.
pub(crate) fn ident_of(word: &sqlparser::tokenizer::Word) -> String {
    if word.quote_style.is_some() { word.value.clone() } else { word.value.to_ascii_lowercase() }
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
        Expr::Subquery(query) => first_output(&query.body).map(|name| (name, Strength::Strong)),
        Expr::Interval(_) => Some(("interval".to_owned(), Strength::Weak)),
        Expr::Array(_) => strong("array"),
        Expr::Tuple(_) => strong("row"),
        _ => None,
    }
}

/// The name of a subquery's first column.
fn first_output(body: &SetExpr) -> Option<String> {
    match body {
        SetExpr::Select(select) => match select.projection.first()? {
            SelectItem::UnnamedExpr(expr) => Some(of_output(expr)),
            SelectItem::ExprWithAlias { alias, .. } => Some(ident(alias)),
            _ => None,
        },
        SetExpr::Query(query) => first_output(&query.body),
        SetExpr::SetOperation { left, .. } => first_output(left),
        SetExpr::Values(_) => Some("column1".to_owned()),
        _ => None,
    }
}

/// `Perhaps you meant to reference the column "t.name".`, where one name is close; else nothing.
///
/// Source: `errorMissingColumn` in PostgreSQL's `parse_relation.c`.
pub(crate) fn similar_column<'n>(
    wanted: &str,
    columns: impl IntoIterator<Item = (&'n str, &'n str)>,
) -> String {
    let mut best: Option<(usize, String)> = None;
    let mut equal = false;
    for (table, column) in columns {
        let distance = distance(wanted, column);
        if distance > 3 || distance > wanted.chars().count() / 2 {
            continue;
        }
        match &best {
            Some((known, _)) if *known < distance => {}
            Some((known, _)) if *known == distance => equal = true,
            _ => {
                best = Some((distance, format!("{table}.{column}")));
                equal = false;
            }
        }
    }
    match best {
        Some((_, name)) if !equal => format!("Perhaps you meant to reference the column \"{name}\"."),
        _ => String::new(),
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}
