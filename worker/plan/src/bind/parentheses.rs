//! A query in parentheses with more clauses behind them: `(SELECT … LIMIT 2) ORDER BY x` is one query.

use sqlparser::ast::{LimitClause, Query, Spanned};

use crate::error::PlanError;

/// The query in the parentheses with the clauses that stand outside; `None` if none do.
///
/// Source: `insertSelectOptions` in PostgreSQL's `gram.y`.
pub(super) fn removed(outside: &Query, inner: &Query) -> Result<Option<Query>, PlanError> {
    let Query { with, body: _, order_by, limit_clause, fetch, .. } = outside;
    if with.is_none() && order_by.is_none() && limit_clause.is_none() && fetch.is_none() {
        return Ok(None);
    }
    let twice = |what: &str| {
        PlanError::syntax(format!("multiple {what} clauses not allowed")).at(outside.body.span())
    };
    let mut merged = inner.clone();
    if let Some(with) = with
        && merged.with.replace(with.clone()).is_some()
    {
        return Err(twice("WITH"));
    }
    if let Some(order_by) = order_by
        && merged.order_by.replace(order_by.clone()).is_some()
    {
        return Err(twice("ORDER BY"));
    }
    if let Some(fetch) = fetch
        && merged.fetch.replace(fetch.clone()).is_some()
    {
        return Err(twice("LIMIT"));
    }
    merged.limit_clause = match (merged.limit_clause.take(), limit_clause.clone()) {
        (own, None) => own,
        (None, given) => given,
        (
            Some(LimitClause::LimitOffset { limit, offset, limit_by }),
            Some(LimitClause::LimitOffset { limit: more, offset: further, .. }),
        ) => {
            if offset.is_some() && further.is_some() {
                return Err(twice("OFFSET"));
            }
            if limit.is_some() && more.is_some() {
                return Err(twice("LIMIT"));
            }
            Some(LimitClause::LimitOffset { limit: limit.or(more), offset: offset.or(further), limit_by })
        }
        (Some(_), Some(_)) => return Err(twice("LIMIT")),
    };
    let limited = matches!(&merged.limit_clause, Some(LimitClause::LimitOffset { limit: Some(_), .. }));
    if limited && merged.fetch.is_some() {
        return Err(twice("LIMIT"));
    }
    Ok(Some(merged))
}
