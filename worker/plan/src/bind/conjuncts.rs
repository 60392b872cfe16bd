//! A condition's conjuncts, those included that all branches of an OR have.

use sqlparser::ast::{BinaryOperator, Expr};

/// The conjuncts, left to right. Equalities of columns that every branch of an OR holds stand before the OR, so that joins find them.
pub(super) fn of(expr: &Expr) -> Vec<&Expr> {
    let mut conjuncts = Vec::new();
    for conjunct in split(expr, &BinaryOperator::And) {
        for common in common(conjunct) {
            if !conjuncts.contains(&common) {
                conjuncts.push(common);
            }
        }
        conjuncts.push(conjunct);
    }
    conjuncts
}

/// The operands of a tree of one operator, whatever its parentheses.
fn split<'e>(expr: &'e Expr, op: &BinaryOperator) -> Vec<&'e Expr> {
    let mut operands = Vec::new();
    let mut stack = vec![expr];
    while let Some(expr) = stack.pop() {
        match expr {
            Expr::BinaryOp { left, op: same, right } if same == op => {
                stack.push(right);
                stack.push(left);
            }
            Expr::Nested(inner) if matches!(bare(inner), Expr::BinaryOp { op: same, .. } if same == op) => {
                stack.push(inner);
            }
            other => operands.push(other),
        }
    }
    operands
}

fn bare(mut expr: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

/// The equalities of two columns that all branches of an OR have.
fn common(expr: &Expr) -> Vec<&Expr> {
    let branches = split(expr, &BinaryOperator::Or);
    let [first, others @ ..] = branches.as_slice() else { return Vec::new() };
    if others.is_empty() {
        return Vec::new();
    }
    let others: Vec<Vec<&Expr>> = others
        .iter()
        .map(|branch| split(branch, &BinaryOperator::And).into_iter().map(bare).collect())
        .collect();
    split(first, &BinaryOperator::And)
        .into_iter()
        .map(bare)
        .filter(|conjunct| is_equality(conjunct) && others.iter().all(|branch| branch.contains(conjunct)))
        .collect()
}

fn is_equality(expr: &Expr) -> bool {
    let column = |expr: &Expr| matches!(bare(expr), Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    matches!(expr, Expr::BinaryOp { left, op: BinaryOperator::Eq, right } if column(left) && column(right))
}
