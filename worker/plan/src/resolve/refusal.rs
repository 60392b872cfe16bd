//! What is refused by its form, with what to write instead.

use datafusion_sql::sqlparser::ast::Expr;

use crate::error::PlanError;

pub(super) fn whole_row(name: &str) -> PlanError {
    PlanError::unsupported(
        format!("the whole row of {name} as a value is"),
        format!("name its columns, or write {name}.*"),
    )
}

pub(super) fn subquery() -> PlanError {
    PlanError::unsupported(
        "a subquery within an expression is",
        "join with it in FROM: … JOIN (SELECT …) AS s ON …",
    )
}

/// What is refused by its syntax, whatever its operands.
pub(super) fn refused(expr: &Expr) -> PlanError {
    match expr {
        Expr::Exists { .. } | Expr::Subquery(_) | Expr::InSubquery { .. } => subquery(),
        Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } if matches!(**right, Expr::Subquery(_)) => {
            subquery()
        }
        Expr::AnyOp { .. } | Expr::AllOp { .. } => {
            PlanError::unsupported("ANY or ALL over an array is", "write the values as a list: x IN (a, b)")
        }
        Expr::Array(_) | Expr::CompoundFieldAccess { .. } | Expr::InUnnest { .. } => {
            PlanError::unsupported("an array or a field access is", "arrays and composite types are not kept")
        }
        Expr::JsonAccess { .. } => PlanError::unsupported("json access is", "json is kept as text"),
        Expr::Interval(_) => PlanError::unsupported(
            "the type interval is",
            "add days to a date as an integer, or compare extract(epoch FROM …) in seconds",
        ),
        Expr::SimilarTo { .. } | Expr::RLike { .. } => PlanError::unsupported("SIMILAR TO is", "use LIKE"),
        Expr::Tuple(_) | Expr::Struct { .. } | Expr::Named { .. } => {
            PlanError::unsupported("a row value is", "compare its fields one by one")
        }
        Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_) => PlanError::unsupported(
            "GROUPING SETS, CUBE and ROLLUP are",
            "write one view a grouping, or UNION ALL of them",
        ),
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
