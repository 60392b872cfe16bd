//! Queries: WITH, the body, ORDER BY and LIMIT.

use std::{collections::BTreeMap, rc::Rc};

use offtake_lir::{Order, Scalar, TopK};
use offtake_row::Type;
use sqlparser::ast::{self, LimitClause, SetExpr, Spanned};

use super::{
    Binder, Body, Closed, Surroundings, env,
    expression::{Clause, Pending},
    from, name, ordering, parentheses, recursion,
    scope::Scope,
    typed::Typed,
};
use crate::{error::PlanError, rel::Rel};

/// The queries that WITH has named so far, and how many relations each of them reads.
#[derive(Clone, Default)]
pub(super) struct Named(pub(super) BTreeMap<String, Rc<(Closed, usize)>>);

/// LIMIT and OFFSET: `bigint`s without columns.
pub(super) struct Limits {
    pub(super) limit: Option<Scalar>,
    pub(super) offset: Option<Scalar>,
    pub(super) with_ties: bool,
}

impl Binder<'_> {
    /// A query within another one. Its ORDER BY matters to its LIMIT only.
    pub(super) fn query(
        &mut self,
        query: &ast::Query,
        around: Surroundings<'_>,
    ) -> Result<Closed, PlanError> {
        Ok(self.ordered_query(query, around)?.visible())
    }

    /// A query within another one, with its order and the columns it is ordered by.
    pub(super) fn ordered_query(
        &mut self,
        query: &ast::Query,
        around: Surroundings<'_>,
    ) -> Result<Closed, PlanError> {
        let (closed, limits) = self.limited(query, around)?;
        match limits {
            Some(limits) => Ok(top(closed, limits)),
            None => Ok(closed),
        }
    }

    /// A query and its LIMIT and OFFSET, which are still to be applied.
    pub(super) fn limited(
        &mut self,
        query: &ast::Query,
        around: Surroundings<'_>,
    ) -> Result<(Closed, Option<Limits>), PlanError> {
        refuse_clauses(query)?;
        if let SetExpr::Query(inner) = &*query.body {
            // Parentheses only wrap the query: what follows them is the query's own.
            return match parentheses::removed(query, inner)? {
                Some(merged) => self.limited(&merged, around),
                None => self.limited(inner, around),
            };
        }
        let named = self.named(query, around)?;
        let around = Surroundings { named: &named, outer: around.outer };
        let limits = self.limits(query, around)?;
        let body = self.body(&query.body, ordering::keys(query)?, around)?;
        Ok((self.close(body)?, limits))
    }

    fn named(&mut self, query: &ast::Query, around: Surroundings<'_>) -> Result<Named, PlanError> {
        let mut named = around.named.clone();
        let Some(with) = &query.with else { return Ok(named) };
        let mut seen = std::collections::BTreeSet::new();
        for cte in &with.cte_tables {
            let name = name::ident(&cte.alias.name);
            let span = cte.alias.name.span;
            if !seen.insert(name.clone()) {
                let message = format!("WITH query name \"{name}\" specified more than once");
                return Err(PlanError::new("42712", message).at(span));
            }
            if with.recursive {
                let later = with.cte_tables.iter().skip(seen.len()).map(|cte| name::ident(&cte.alias.name));
                if let Some(other) = later.into_iter().find(|other| recursion::reads(&cte.query, other)) {
                    return Err(PlanError::unsupported(
                        format!("the WITH query \"{name}\" that reads \"{other}\" before it is defined is"),
                        "define it first; queries that read each other are not implemented",
                    )
                    .at(span));
                }
            }
            let before = self.relations;
            let around = Surroundings { named: &named, outer: around.outer };
            let mut closed = match self.recursive_query(with.recursive, cte, &name, around)? {
                Some(closed) => closed,
                None => self.query(&cte.query, around)?,
            };
            from::rename(closed.columns.iter_mut().map(|column| &mut column.name), &cte.alias, "WITH query")?;
            named.0.insert(name, Rc::new((closed, self.relations - before)));
        }
        Ok(named)
    }

    /// A query's body, with the keys by which it is ordered.
    pub(super) fn body(
        &mut self,
        body: &SetExpr,
        order_by: &[ast::OrderByExpr],
        around: Surroundings<'_>,
    ) -> Result<Body, PlanError> {
        let mut bound = match body {
            SetExpr::Select(select) => return self.select(select, order_by, around),
            SetExpr::Query(inner) => self.query(inner, around)?.into_body(),
            SetExpr::Values(values) => self.values(values, around)?,
            SetExpr::Table(table) => {
                let name = table.table_name.as_deref().unwrap_or_default();
                // The parser drops the quotes here, so names are taken as unquoted ones.
                let parts: Vec<_> =
                    table.schema_name.as_deref().into_iter().chain([name]).map(ast::Ident::new).collect();
                let (rel, scope) = self.table(&ast::ObjectName::from(parts), None, around)?;
                let names = scope.visible.iter().map(|column| column.name.clone()).collect();
                let outputs = scope.visible.into_iter().map(|column| Typed::Known(column.known)).collect();
                Body { rel, outputs, names, keys: Vec::new() }
            }
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                self.set_operation(left, *op, *set_quantifier, right, around)?
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                return Err(
                    PlanError::new("25006", "cannot change data in a read-only transaction").at(body.span())
                );
            }
        };
        bound.keys = ordering::by_output(order_by, &bound.names)?;
        Ok(bound)
    }

    fn limits(&mut self, query: &ast::Query, around: Surroundings<'_>) -> Result<Option<Limits>, PlanError> {
        let mut limits = Limits { limit: None, offset: None, with_ties: false };
        match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) => {
                if !limit_by.is_empty() {
                    return Err(PlanError::syntax("syntax error at or near \"BY\""));
                }
                limits.limit =
                    limit.as_ref().map(|limit| self.row_count(limit, "LIMIT", around)).transpose()?;
                limits.offset = offset
                    .as_ref()
                    .map(|offset| self.row_count(&offset.value, "OFFSET", around))
                    .transpose()?;
            }
            Some(LimitClause::OffsetCommaLimit { .. }) => {
                return Err(PlanError::syntax("LIMIT #,# syntax is not supported")
                    .hint("Use separate LIMIT and OFFSET clauses."));
            }
            None => {}
        }
        if let Some(fetch) = &query.fetch {
            if fetch.percent {
                return Err(PlanError::syntax("syntax error at or near \"PERCENT\""));
            }
            if fetch.with_ties && query.order_by.is_none() {
                return Err(PlanError::syntax("WITH TIES cannot be specified without ORDER BY clause"));
            }
            limits.with_ties = fetch.with_ties;
            limits.limit = Some(match &fetch.quantity {
                Some(count) => self.row_count(count, "LIMIT", around)?,
                None => Scalar::literal(offtake_row::Datum::Int(1), Type::Int8),
            });
        }
        Ok((limits.limit.is_some() || limits.offset.is_some()).then_some(limits))
    }

    /// A count of rows. It may hold parameters, but no columns.
    fn row_count(
        &mut self,
        expr: &ast::Expr,
        what: &'static str,
        around: Surroundings<'_>,
    ) -> Result<Scalar, PlanError> {
        let scope = Scope::default();
        let env = env(&scope, Surroundings { outer: None, ..around });
        let mut pending = Pending::default();
        let mut clause = Clause::plain(&env, &mut pending, around.named, what);
        let typed = self.expr(expr, &mut clause).map_err(|error| match error.sqlstate {
            "42703" | "42P01" => {
                PlanError::new("42P10", format!("argument of {what} must not contain variables"))
                    .at(expr.span())
            }
            _ => error,
        })?;
        if !pending.subqueries.is_empty() {
            return Err(PlanError::unsupported(
                format!("a subquery in {what} is"),
                "write the number, or a parameter",
            )
            .at(expr.span()));
        }
        self.assign(typed, Type::Int8, what).map_err(|error| error.at(expr.span()))
    }
}

/// Cuts a query at its limits.
fn top(closed: Closed, limits: Limits) -> Closed {
    let order_by = closed
        .keys
        .iter()
        .map(|key| Order {
            column: key.column,
            ty: closed.types.get(key.column).copied().unwrap_or(Type::Text),
            descending: key.descending,
            nulls_first: key.nulls_first,
        })
        .collect();
    let Limits { limit, offset, with_ties } = limits;
    let top = TopK { group: Vec::new(), order_by, limit, offset, with_ties };
    Closed { rel: Rel::Top { input: Box::new(closed.rel), top }, ..closed }
}

fn refuse_clauses(query: &ast::Query) -> Result<(), PlanError> {
    if !query.locks.is_empty() {
        return Err(PlanError::new("25006", "cannot execute SELECT FOR UPDATE in a read-only transaction")
            .hint("views and tables are read-only here: leave FOR UPDATE or FOR SHARE out"));
    }
    if query.for_clause.is_some() || query.settings.is_some() || query.format_clause.is_some() {
        return Err(PlanError::syntax("syntax error: a clause that is not PostgreSQL's"));
    }
    if !query.pipe_operators.is_empty() {
        return Err(PlanError::syntax("syntax error at or near \"|>\""));
    }
    Ok(())
}
