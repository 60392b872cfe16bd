//! SELECT: the select list, and how the clauses around it refer to it.

use datafusion_sql::sqlparser::{
    ast::{
        self, Distinct, Expr, GroupByExpr, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
        Spanned, WildcardAdditionalOptions,
    },
    tokenizer::Span,
};

use super::{
    Body, Named, OrderKey, Resolver, canonical as form,
    expression::Expressions,
    grouping, name, ordering,
    scope::{Column, Scope},
};
use crate::error::PlanError;

/// A select list: output names with their canonical expressions.
struct List {
    columns: Vec<Column>,
    aggregated: bool,
}

impl Resolver<'_> {
    pub(super) fn select(
        &mut self,
        select: &Select,
        order_by: &[ast::OrderByExpr],
        named: &Named,
    ) -> Result<(Body, Vec<OrderKey>), PlanError> {
        refuse_clauses(select)?;
        let distinct = match &select.distinct {
            None | Some(Distinct::All) => false,
            Some(Distinct::Distinct) => true,
            Some(Distinct::On(exprs)) => {
                return Err(PlanError::unsupported(
                    "DISTINCT ON is",
                    "use max or min with GROUP BY; top-k is not kept yet",
                )
                .at(exprs.first().map_or_else(Span::empty, Spanned::span)));
            }
        };
        let (from, scope) = self.from(&select.from, named)?;
        let selection = match &select.selection {
            Some(selection) => {
                let selection =
                    Expressions::new(&scope, self.context.session, Some("WHERE")).resolve(selection)?;
                Some(form::condition(selection, "WHERE"))
            }
            None => None,
        };
        let list = self.list(select, &scope)?;
        let groups = self.groups(&select.group_by, &scope, &list.columns)?;
        let mut having = None;
        let mut aggregated = list.aggregated;
        if let Some(expr) = &select.having {
            let mut expressions = Expressions::new(&scope, self.context.session, None);
            having = Some(form::condition(expressions.resolve(expr)?, "HAVING"));
            aggregated |= expressions.aggregated;
        }
        let mut outputs: Vec<Expr> = list.columns.iter().map(|column| column.expr.clone()).collect();
        let visible = outputs.len();
        let mut keys = Vec::with_capacity(order_by.len());
        for order in order_by {
            let (column, aggregates) = self.order_key(order, &scope, &list.columns, &mut outputs)?;
            aggregated |= aggregates;
            if distinct && column >= visible {
                return Err(PlanError::new(
                    "42P10",
                    "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                )
                .at(order.expr.span()));
            }
            keys.push(OrderKey::new(column, order));
        }
        if having.is_some() && groups.is_empty() && !aggregated {
            // One group, though nothing is aggregated: an aggregate that is always true makes it one.
            let count =
                form::operator(">=", vec![form::aggregate("count", vec![], false, None), number("0")]);
            having =
                having.map(|having| form::condition(form::call(form::AND, vec![having, count]), "HAVING"));
            aggregated = true;
        }
        let mut select = form::select();
        select.from = from;
        select.selection = selection;
        if aggregated || !groups.is_empty() {
            let used: Vec<&Expr> = outputs.iter().chain(having.as_ref()).collect();
            let groups = grouping::complete(groups, &used, &scope);
            for expr in used {
                grouping::check(expr, &groups, &scope)?;
            }
            select.group_by = GroupByExpr::Expressions(groups, Vec::new());
            select.having = having;
        }
        select.distinct = distinct.then_some(Distinct::Distinct);
        select.projection =
            outputs.into_iter().enumerate().map(|(position, expr)| form::item(expr, position)).collect();
        let names = list.columns.into_iter().map(|column| column.name).collect();
        Ok((Body { tree: SetExpr::Select(Box::new(select)), names }, keys))
    }

    fn list(&mut self, select: &Select, scope: &Scope) -> Result<List, PlanError> {
        let mut columns = Vec::with_capacity(select.projection.len());
        let mut aggregated = false;
        for item in &select.projection {
            let (expr, name) = match item {
                SelectItem::UnnamedExpr(expr) => (expr, name::of_output(expr)),
                SelectItem::ExprWithAlias { expr, alias } => (expr, name::alias(alias)?),
                SelectItem::Wildcard(options) => {
                    refuse_options(options)?;
                    if scope.items.is_empty() {
                        return Err(PlanError::syntax("SELECT * with no tables specified is not valid")
                            .at(item.span()));
                    }
                    columns.extend(scope.visible.iter().cloned());
                    continue;
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(table),
                    options,
                ) => {
                    refuse_options(options)?;
                    let parts = name::parts(table);
                    let table = match parts.as_slice() {
                        [table] => scope.item(None, table, item.span())?,
                        [schema, table] => scope.item(Some(schema), table, item.span())?,
                        _ => {
                            return Err(PlanError::syntax(format!("improper qualified name: {table}"))
                                .at(item.span()));
                        }
                    };
                    columns.extend(table.columns.iter().cloned());
                    continue;
                }
                _ => return Err(PlanError::unsupported("this form of a select list is", "").at(item.span())),
            };
            let mut expressions = Expressions::new(scope, self.context.session, None);
            columns.push(Column { name, expr: expressions.resolve(expr)? });
            aggregated |= expressions.aggregated;
        }
        if columns.is_empty() {
            return Err(PlanError::unsupported("a SELECT without columns is", "select at least one column"));
        }
        Ok(List { columns, aggregated })
    }

    /// GROUP BY's keys. A bare name is an input column if there is one, else an output column; a number is an output column.
    fn groups(
        &mut self,
        group_by: &GroupByExpr,
        scope: &Scope,
        list: &[Column],
    ) -> Result<Vec<Expr>, PlanError> {
        let exprs = match group_by {
            GroupByExpr::Expressions(exprs, modifiers) if modifiers.is_empty() => exprs,
            _ => {
                return Err(PlanError::unsupported(
                    "GROUP BY ALL, WITH ROLLUP and their like are",
                    "name the columns",
                ));
            }
        };
        let mut groups: Vec<Expr> = Vec::with_capacity(exprs.len());
        for expr in exprs {
            let by_name = match ordering::bare(expr) {
                Expr::Identifier(ident) => {
                    let name = name::ident(ident);
                    match scope.unqualified(&name, ident.span)? {
                        Some(_) => None,
                        None => named_output(&name, list, "GROUP BY", ident.span)?,
                    }
                }
                expr => ordering::position(expr, list.len(), "GROUP BY")?,
            };
            let group = match by_name.and_then(|position| list.get(position)) {
                Some(column) => {
                    grouping::refuse_aggregates(&column.expr).map_err(|error| error.at(expr.span()))?;
                    column.expr.clone()
                }
                None => Expressions::new(scope, self.context.session, Some("GROUP BY")).resolve(expr)?,
            };
            let group = if grouping::has_column(&group) {
                group
            } else {
                form::call(form::CONSTANT_KEY, vec![group])
            };
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        Ok(groups)
    }

    /// The output column that a key of ORDER BY is; a new, hidden one if it is none of the list. Also whether it aggregates.
    fn order_key(
        &mut self,
        order: &ast::OrderByExpr,
        scope: &Scope,
        list: &[Column],
        outputs: &mut Vec<Expr>,
    ) -> Result<(usize, bool), PlanError> {
        let by_name = match ordering::bare(&order.expr) {
            Expr::Identifier(ident) => named_output(&name::ident(ident), list, "ORDER BY", ident.span)?,
            expr => ordering::position(expr, list.len(), "ORDER BY")?,
        };
        if let Some(position) = by_name {
            return Ok((position, false));
        }
        let mut expressions = Expressions::new(scope, self.context.session, None);
        let expr = expressions.resolve(&order.expr)?;
        let known = outputs.iter().position(|output| *output == expr);
        let column = known.unwrap_or_else(|| {
            outputs.push(expr);
            outputs.len() - 1
        });
        Ok((column, expressions.aggregated))
    }
}

fn number(digits: &str) -> Expr {
    form::call(form::NUMBER, vec![form::text(digits)])
}

/// The output column of a name; two are fine if they are the same expression.
fn named_output(name: &str, list: &[Column], clause: &str, span: Span) -> Result<Option<usize>, PlanError> {
    let mut found = list.iter().enumerate().filter(|(_, column)| column.name == name);
    let Some((position, first)) = found.next() else { return Ok(None) };
    if found.any(|(_, column)| column.expr != first.expr) {
        return Err(PlanError::new("42702", format!("{clause} \"{name}\" is ambiguous")).at(span));
    }
    Ok(Some(position))
}

fn refuse_options(options: &WildcardAdditionalOptions) -> Result<(), PlanError> {
    let plain = options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
        && options.opt_alias.is_none();
    if plain {
        Ok(())
    } else {
        Err(PlanError::syntax("syntax error after *: an option that is not PostgreSQL's"))
    }
}

fn refuse_clauses(select: &Select) -> Result<(), PlanError> {
    if let Some(into) = &select.into {
        return Err(PlanError::new("25006", "cannot execute SELECT INTO in a read-only transaction")
            .hint(format!("apply a View named {} instead", into.name)));
    }
    if !select.named_window.is_empty() {
        return Err(PlanError::unsupported("WINDOW is", "window functions are not kept yet"));
    }
    let foreign = select.top.is_some()
        || select.exclude.is_some()
        || !select.lateral_views.is_empty()
        || select.prewhere.is_some()
        || !select.connect_by.is_empty()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty()
        || select.qualify.is_some()
        || select.value_table_mode.is_some()
        || select.select_modifiers.as_ref().is_some_and(|modifiers| modifiers.is_any_set())
        || select.flavor != ast::SelectFlavor::Standard;
    if foreign {
        return Err(
            PlanError::syntax("syntax error: a clause of SELECT that is not PostgreSQL's").at(select.span())
        );
    }
    Ok(())
}
