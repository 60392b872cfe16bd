//! ORDER BY: keys are output columns, by name, position or expression.

use offtake_lir::functions;
use offtake_row::Type;
use sqlparser::ast::{self, Expr, OrderByKind, Spanned, UnaryOperator, Value, ValueWithSpan};

use super::name;
use crate::error::PlanError;

/// One key of ORDER BY: an output column, hidden ones included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderKey {
    pub(crate) column: usize,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

impl OrderKey {
    pub(super) fn new(column: usize, order_by: &ast::OrderByExpr) -> OrderKey {
        let descending = order_by.options.asc == Some(false);
        OrderKey { column, descending, nulls_first: order_by.options.nulls_first.unwrap_or(descending) }
    }
}

/// The expressions of a query's ORDER BY.
pub(super) fn keys(query: &ast::Query) -> Result<&[ast::OrderByExpr], PlanError> {
    let Some(order_by) = &query.order_by else { return Ok(&[]) };
    match &order_by.kind {
        OrderByKind::Expressions(keys)
            if order_by.interpolate.is_none() && keys.iter().all(|key| key.with_fill.is_none()) =>
        {
            Ok(keys)
        }
        _ => Err(PlanError::syntax("syntax error in ORDER BY").at(query.body.span())),
    }
}

/// A key without the parentheses around it, which PostgreSQL's grammar drops: `(1)` is a position, too.
pub(super) fn bare(mut expr: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

/// Where a name or a position of ORDER BY or GROUP BY points to, if `expr` is one: a position in the output.
pub(super) fn position(expr: &Expr, names: usize, clause: &str) -> Result<Option<usize>, PlanError> {
    // As PostgreSQL's does, a sign before a number makes a negative number: a position, if a wrong one.
    let (sign, constant) = match bare(expr) {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } if matches!(bare(expr), Expr::Value(value) if matches!(value.value, Value::Number(..))) => {
            ("-", bare(expr))
        }
        expr => ("", expr),
    };
    let Expr::Value(ValueWithSpan { value, span }) = constant else { return Ok(None) };
    let digits = match value {
        Value::Number(digits, _) => digits,
        Value::Placeholder(_) => return Ok(None),
        _ => return Err(PlanError::syntax(format!("non-integer constant in {clause}")).at(*span)),
    };
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(PlanError::syntax(format!("non-integer constant in {clause}")).at(*span));
    }
    match digits.parse::<usize>() {
        Ok(position) if sign.is_empty() && (1..=names).contains(&position) => Ok(Some(position - 1)),
        _ => {
            let message = format!("{clause} position {sign}{digits} is not in select list");
            Err(PlanError::new("42P10", message).at(*span))
        }
    }
}

/// ORDER BY of a UNION or VALUES: output names and positions only.
pub(super) fn by_output(order_by: &[ast::OrderByExpr], names: &[String]) -> Result<Vec<OrderKey>, PlanError> {
    let key = |order: &ast::OrderByExpr| {
        if let Some(column) = position(&order.expr, names.len(), "ORDER BY")? {
            return Ok(OrderKey::new(column, order));
        }
        let Expr::Identifier(ident) = bare(&order.expr) else {
            return Err(PlanError::new("0A000", "invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
                .hint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.")
                .at(order.expr.span()));
        };
        let name = name::ident(ident);
        let mut found = names.iter().enumerate().filter(|(_, known)| **known == name);
        match (found.next(), found.next()) {
            (Some((column, _)), None) => Ok(OrderKey::new(column, order)),
            (Some(_), Some(_)) => {
                Err(PlanError::new("42702", format!("ORDER BY \"{name}\" is ambiguous")).at(ident.span))
            }
            (None, _) => {
                Err(PlanError::new("42703", format!("column \"{name}\" does not exist")).at(ident.span))
            }
        }
    };
    order_by.iter().map(key).collect()
}

/// Refuses to order by what has no order.
pub(super) fn check(keys: &[OrderKey], types: &[Type]) -> Result<(), PlanError> {
    for key in keys {
        let ty = types.get(key.column).copied().unwrap_or(Type::Text);
        if !functions::has_equality(ty) {
            let message = format!("could not identify an ordering operator for type {ty}");
            return Err(
                PlanError::new("42883", message).hint("order by the value's text or by another column")
            );
        }
    }
    Ok(())
}
