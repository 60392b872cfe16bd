//! What is refused by its form, with what to write instead.

use sqlparser::ast::Expr;

use crate::error::PlanError;

pub(super) fn whole_row(name: &str) -> PlanError {
    PlanError::unsupported(
        format!("the whole row of {name} as a value is"),
        format!("name its columns, or write {name}.*"),
    )
}

pub(super) fn field() -> PlanError {
    PlanError::unsupported("a field of a composite value is", "composite types are not kept")
}

/// What is refused by its syntax, whatever its operands.
pub(super) fn refused(expr: &Expr) -> PlanError {
    match expr {
        Expr::InUnnest { .. } => {
            PlanError::syntax("syntax error at or near \"UNNEST\"").hint("write x = ANY (array)")
        }
        Expr::JsonAccess { .. } => PlanError::unsupported("json access is", "json is kept as text"),
        Expr::RLike { .. } => PlanError::syntax("syntax error: an operator that is not PostgreSQL's"),
        Expr::Tuple(_) | Expr::Struct { .. } | Expr::Named { .. } => {
            PlanError::unsupported("a row value is", "compare its fields one by one")
        }
        Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_) => {
            PlanError::syntax("syntax error: GROUPING SETS, CUBE and ROLLUP stand in GROUP BY")
        }
        Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => PlanError::syntax("syntax error at or near \"*\""),
        Expr::IsNormalized { .. } => PlanError::unsupported("IS NORMALIZED is", ""),
        Expr::Like { .. } | Expr::ILike { .. } => {
            PlanError::unsupported("LIKE ANY is", "write LIKE once a pattern")
        }
        other => PlanError::unsupported(format!("the expression {} is", brief(&other.to_string())), ""),
    }
}

/// The first part of a text, for messages.
pub(super) fn brief(text: &str) -> String {
    const LENGTH: usize = 40;
    if text.chars().count() <= LENGTH {
        text.to_owned()
    } else {
        text.chars().take(LENGTH).chain(['…']).collect()
    }
}
