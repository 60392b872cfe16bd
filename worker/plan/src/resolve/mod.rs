//! Names: a parsed query becomes a canonical one ([`canonical`]) in which every name is resolved by PostgreSQL's rules.
//!
//! Nothing is known here of types, and nothing of plans.

pub(crate) mod canonical;
mod datatype;
mod expression;
mod from;
mod function_call;
mod grouping;
pub(crate) mod name;
mod ordering;
mod refusal;
pub(crate) mod scope;
mod select;
mod session_function;

use std::{collections::BTreeMap, rc::Rc};

use datafusion_sql::sqlparser::{
    ast::{
        self, Expr, GroupByExpr, LimitClause, Select, SelectItem, SetExpr, SetOperator, SetQuantifier,
        Spanned,
    },
    tokenizer::Span,
};
pub(crate) use ordering::OrderKey;

use self::{canonical as form, expression::Expressions, scope::Scope};
use crate::{error::PlanError, relations::Relations, session::Session};

/// Most relations that one query may read, those that WITH repeats counted each time.
const RELATION_LIMIT: usize = 500;

/// What a query is planned for.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) relations: &'a Relations,
    pub(crate) search_path: &'a [String],
    /// `None` for a view.
    pub(crate) session: Option<&'a Session>,
}

/// A whole statement, resolved.
pub(crate) struct Resolved {
    pub(crate) query: ast::Query,
    /// The names of the visible output columns; the canonical query may have more, to order by.
    pub(crate) names: Vec<String>,
    pub(crate) order_by: Vec<OrderKey>,
    pub(crate) limit: Option<Expr>,
    pub(crate) offset: Option<Expr>,
}

/// A query without ORDER BY and LIMIT, resolved: its output columns are `c0`, `c1`, … in this order.
#[derive(Clone)]
struct Body {
    tree: SetExpr,
    names: Vec<String>,
}

/// The queries that WITH has named so far, and how many relations each of them reads.
#[derive(Clone, Default)]
struct Named(BTreeMap<String, (Rc<Body>, usize)>);

/// Resolves a statement.
pub(crate) fn resolve(query: &ast::Query, context: Context<'_>) -> Result<Resolved, PlanError> {
    Resolver { context, relations: 0 }.statement(query)
}

struct Resolver<'a> {
    context: Context<'a>,
    /// How many relations have got a number.
    relations: usize,
}

impl Resolver<'_> {
    fn statement(&mut self, query: &ast::Query) -> Result<Resolved, PlanError> {
        let named = self.named(query, &Named::default())?;
        let (query, outer) = unwrap_parentheses(query);
        // `WITH` within the parentheses sees the one outside.
        let named = if std::ptr::eq(query, outer) { named } else { self.named(query, &named)? };
        let (body, order_by) = self.body(&query.body, ordering::keys(query)?, &named)?;
        let (limit, offset) = self.limit(query)?;
        Ok(Resolved { query: form::query(body.tree), names: body.names, order_by, limit, offset })
    }

    /// A query within another one. Its ORDER BY is checked and means nothing; its LIMIT is refused.
    fn subquery(&mut self, query: &ast::Query, named: &Named) -> Result<Body, PlanError> {
        if let Some(span) = limit_span(query) {
            return Err(PlanError::unsupported(
                "LIMIT or OFFSET in a subquery is",
                "LIMIT works at the end of an ad-hoc query; top-k is not kept yet",
            )
            .at(span));
        }
        let named = self.named(query, named)?;
        let order_by = ordering::keys(query)?;
        let (mut body, keys) = self.body(&query.body, order_by, &named)?;
        if keys.iter().any(|key| key.column >= body.names.len()) {
            // Columns only to order by are not to be seen outside.
            (body, _) = self.body(&query.body, &[], &named)?;
        }
        Ok(body)
    }

    fn named(&mut self, query: &ast::Query, outer: &Named) -> Result<Named, PlanError> {
        refuse_clauses(query)?;
        let mut named = outer.clone();
        let Some(with) = &query.with else { return Ok(named) };
        let mut seen = std::collections::BTreeSet::new();
        for cte in &with.cte_tables {
            let name = name::ident(&cte.alias.name);
            let span = cte.alias.name.span;
            if !seen.insert(name.clone()) {
                return Err(PlanError::new(
                    "42712",
                    format!("WITH query name \"{name}\" specified more than once"),
                )
                .at(span));
            }
            if with.recursive && mentions(&cte.query, &name) {
                return Err(PlanError::unsupported(
                    "WITH RECURSIVE is",
                    "recursive queries are not kept yet",
                )
                .at(span));
            }
            let before = self.relations;
            let mut body = self.subquery(&cte.query, &named)?;
            from::rename(&mut body.names, &cte.alias, "WITH query")?;
            named.0.insert(name, (Rc::new(body), self.relations - before));
        }
        Ok(named)
    }

    /// The names and canonical form of a query's body, with the keys by which it is ordered.
    fn body(
        &mut self,
        body: &SetExpr,
        order_by: &[ast::OrderByExpr],
        named: &Named,
    ) -> Result<(Body, Vec<OrderKey>), PlanError> {
        match body {
            SetExpr::Select(select) => self.select(select, order_by, named),
            SetExpr::Query(inner) => {
                let body = self.subquery(inner, named)?;
                let keys = ordering::by_output(order_by, &body.names)?;
                Ok((body, keys))
            }
            SetExpr::Values(values) => {
                let body = self.values(values)?;
                let keys = ordering::by_output(order_by, &body.names)?;
                Ok((body, keys))
            }
            SetExpr::Table(table) => {
                let name = table.table_name.as_deref().unwrap_or_default();
                // The parser drops the quotes here, so names are taken as unquoted ones.
                let parts: Vec<_> =
                    table.schema_name.as_deref().into_iter().chain([name]).map(ast::Ident::new).collect();
                let select = all_of(ast::ObjectName::from(parts));
                self.select(&select, order_by, named)
            }
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let body = self.union(left, *op, *set_quantifier, right, named)?;
                let keys = ordering::by_output(order_by, &body.names)?;
                Ok((body, keys))
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(PlanError::new("25006", "cannot change data in a read-only transaction").at(body.span()))
            }
        }
    }

    fn union(
        &mut self,
        left: &SetExpr,
        op: SetOperator,
        quantifier: SetQuantifier,
        right: &SetExpr,
        named: &Named,
    ) -> Result<Body, PlanError> {
        if op != SetOperator::Union {
            return Err(
                PlanError::unsupported(format!("{op} is"), "UNION and UNION ALL are kept").at(right.span())
            );
        }
        if matches!(
            quantifier,
            SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName
        ) {
            return Err(PlanError::syntax("syntax error at or near \"BY\""));
        }
        let (left, _) = self.body(left, &[], named)?;
        let (right, _) = self.body(right, &[], named)?;
        if left.names.len() != right.names.len() {
            return Err(PlanError::syntax("each UNION query must have the same number of columns"));
        }
        // Both sides call their columns c0, c1, …
        Ok(Body {
            tree: SetExpr::SetOperation {
                left: Box::new(left.tree),
                op,
                set_quantifier: quantifier,
                right: Box::new(right.tree),
            },
            names: left.names,
        })
    }

    /// `VALUES` as a SELECT from it.
    fn values(&mut self, values: &ast::Values) -> Result<Body, PlanError> {
        let scope = Scope::default();
        let mut canonical = values.clone();
        let width = values.rows.first().map_or(0, |row| row.content.len());
        for row in &mut canonical.rows {
            if row.content.len() != width {
                return Err(PlanError::syntax("VALUES lists must all be the same length"));
            }
            for expr in &mut row.content {
                *expr = Expressions::new(&scope, self.context.session, Some("VALUES")).resolve(expr)?;
            }
        }
        if width == 0 {
            return Err(PlanError::syntax("syntax error at or near \")\""));
        }
        let relation = self.number()?;
        let names: Vec<String> = (1..=width).map(|position| format!("column{position}")).collect();
        let mut select = form::select();
        select.from = vec![from::only(form::derived(SetExpr::Values(canonical), relation))];
        select.projection = names
            .iter()
            .enumerate()
            .map(|(position, name)| form::item(form::column(relation, name), position))
            .collect();
        Ok(Body { tree: SetExpr::Select(Box::new(select)), names })
    }

    /// A number for one more relation.
    fn number(&mut self) -> Result<usize, PlanError> {
        self.count(1)?;
        Ok(self.relations)
    }

    /// Counts relations that are read.
    fn count(&mut self, more: usize) -> Result<(), PlanError> {
        self.relations += more;
        if self.relations > RELATION_LIMIT {
            return Err(PlanError::new("54001", "statement is too complex").hint(format!(
                "at most {RELATION_LIMIT} relations are taken, those of WITH counted at each use"
            )));
        }
        Ok(())
    }

    fn limit(&mut self, query: &ast::Query) -> Result<(Option<Expr>, Option<Expr>), PlanError> {
        if let Some(span) = limit_span(query)
            && self.context.session.is_none()
        {
            return Err(PlanError::unsupported(
                "LIMIT or OFFSET in a view is",
                "put it into the query that reads the view; top-k views are not kept yet",
            )
            .at(span));
        }
        let scope = Scope::default();
        let mut resolve = |expr: &Expr| {
            Expressions::new(&scope, self.context.session, Some("LIMIT")).resolve(expr).map_err(|error| {
                if error.sqlstate == "42703" {
                    PlanError::new("42P10", "argument of LIMIT must not contain variables").at(expr.span())
                } else {
                    error
                }
            })
        };
        let (mut limit, mut offset) = (None, None);
        match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit: count, offset: skip, limit_by }) => {
                if !limit_by.is_empty() {
                    return Err(PlanError::syntax("syntax error at or near \"BY\""));
                }
                limit = count.as_ref().map(&mut resolve).transpose()?;
                offset = skip.as_ref().map(|skip| resolve(&skip.value)).transpose()?;
            }
            Some(LimitClause::OffsetCommaLimit { .. }) => {
                return Err(PlanError::syntax("LIMIT #,# syntax is not supported")
                    .hint("Use separate LIMIT and OFFSET clauses."));
            }
            None => {}
        }
        if let Some(fetch) = &query.fetch {
            if fetch.with_ties || fetch.percent {
                return Err(PlanError::unsupported("FETCH … WITH TIES or PERCENT is", "use LIMIT"));
            }
            limit = Some(match &fetch.quantity {
                Some(count) => resolve(count)?,
                None => form::call(form::NUMBER, vec![form::text("1")]),
            });
        }
        Ok((limit, offset))
    }
}

/// The query within parentheses that only wrap it, and the outermost one.
fn unwrap_parentheses(query: &ast::Query) -> (&ast::Query, &ast::Query) {
    let mut inner = query;
    while let SetExpr::Query(next) = &*inner.body
        && inner.order_by.is_none()
        && inner.limit_clause.is_none()
        && inner.fetch.is_none()
    {
        inner = next;
    }
    (inner, query)
}

fn limit_span(query: &ast::Query) -> Option<Span> {
    let clause = query
        .limit_clause
        .as_ref()
        .is_some_and(|clause| !matches!(clause, LimitClause::LimitOffset { limit: None, offset: None, .. }));
    (clause || query.fetch.is_some()).then(|| match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit: Some(limit), .. }) => limit.span(),
        _ => Span::empty(),
    })
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

/// Whether a query reads a relation of this name.
fn mentions(query: &ast::Query, name: &str) -> bool {
    use std::ops::ControlFlow;
    ast::visit_relations(query, |relation| {
        let parts = name::parts(relation);
        if parts == [name] { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .is_break()
}

/// `SELECT * FROM name`.
fn all_of(name: ast::ObjectName) -> Select {
    let mut select = form::select();
    let mut table = form::table("", 0);
    if let ast::TableFactor::Table { name: table_name, alias, .. } = &mut table {
        *table_name = name;
        *alias = None;
    }
    select.from = vec![from::only(table)];
    select.projection = vec![SelectItem::Wildcard(ast::WildcardAdditionalOptions::default())];
    select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
    select
}
