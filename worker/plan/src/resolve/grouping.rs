//! GROUP BY: what may stand outside of aggregates.

use datafusion_sql::sqlparser::ast::Expr;

use super::{canonical as form, scope::Scope};
use crate::error::PlanError;

fn is_column(expr: &Expr) -> bool {
    matches!(expr, Expr::CompoundIdentifier(_))
}

/// Whether a canonical expression reads a column.
pub(super) fn has_column(expr: &Expr) -> bool {
    match form::parts(expr) {
        Some((_, args, filter)) => args.into_iter().chain(filter).any(has_column),
        None => is_column(expr),
    }
}

pub(super) fn refuse_aggregates(expr: &Expr) -> Result<(), PlanError> {
    let Some((name, args, _)) = form::parts(expr) else { return Ok(()) };
    if name.starts_with(form::AGGREGATE) {
        return Err(PlanError::new("42803", "aggregate functions are not allowed in GROUP BY"));
    }
    args.into_iter().try_for_each(refuse_aggregates)
}

/// Adds the columns of tables that are grouped by their primary key: they are one value a group.
pub(super) fn complete(mut groups: Vec<Expr>, used: &[&Expr], scope: &Scope) -> Vec<Expr> {
    for item in &scope.items {
        let Some(key) = &item.key else { continue };
        let keyed = |position: &usize| {
            item.columns.get(*position).is_some_and(|column| groups.contains(&column.expr))
        };
        if key.is_empty() || !key.iter().all(keyed) {
            continue;
        }
        for column in &item.columns {
            let read = || used.iter().any(|expr| reads(expr, &column.expr, &groups));
            if !groups.contains(&column.expr) && read() {
                groups.push(column.expr.clone());
            }
        }
    }
    groups
}

/// Whether `expr` reads `column` outside of aggregates and of grouped expressions.
fn reads(expr: &Expr, column: &Expr, groups: &[Expr]) -> bool {
    if expr == column {
        return true;
    }
    if groups.contains(expr) {
        return false;
    }
    match form::parts(expr) {
        Some((name, ..)) if name.starts_with(form::AGGREGATE) => false,
        Some((_, args, _)) => args.into_iter().any(|arg| reads(arg, column, groups)),
        None => false,
    }
}

/// Refuses a column that is neither grouped nor aggregated.
pub(super) fn check(expr: &Expr, groups: &[Expr], scope: &Scope) -> Result<(), PlanError> {
    if groups.contains(expr) {
        return Ok(());
    }
    if is_column(expr) {
        let message = format!(
            "column \"{}\" must appear in the GROUP BY clause or be used in an aggregate function",
            scope.describe(expr)
        );
        return Err(PlanError::new("42803", message));
    }
    match form::parts(expr) {
        Some((name, ..)) if name.starts_with(form::AGGREGATE) => Ok(()),
        Some((_, args, _)) => args.into_iter().try_for_each(|arg| check(arg, groups, scope)),
        None => Ok(()),
    }
}
