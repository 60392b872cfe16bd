//! SELECT: its clauses in the order in which they work on the rows.

use offtake_lir::{Order, Scalar, TopK};
use offtake_row::{Datum, Type};
use sqlparser::ast::{self, Distinct, Expr, Select, Spanned};

use super::{
    Binder, Body, Surroundings,
    attach::Places,
    env,
    expression::{Clause, Pending},
    group, name,
    ordering::{self, OrderKey},
    place::Place,
    scope::{Env, Scope},
    select_list::{self, Item},
    subquery::Subquery,
    typed::{Known, Typed},
    window,
};
use crate::{
    error::PlanError,
    rel::{Predicate, Rel},
};

/// A subquery with its number among the pending ones.
type Numbered = (usize, Subquery);

/// What the clauses above FROM and WHERE ask for, over the rows that these give.
struct Clauses {
    items: Vec<Item>,
    grouping: Option<group::Grouping>,
    having: Option<Scalar>,
    /// The select list's outputs, then hidden ones to order by and to be distinct on.
    outputs: Vec<Typed>,
    keys: Vec<OrderKey>,
    distinct_on: Vec<usize>,
    pending: Pending,
}

impl Binder<'_> {
    pub(super) fn select(
        &mut self,
        select: &Select,
        order_by: &[ast::OrderByExpr],
        around: Surroundings<'_>,
    ) -> Result<Body, PlanError> {
        refuse_clauses(select)?;
        let (mut rel, mut scope) = self.from(&select.from, around)?;
        if let Some(selection) = &select.selection {
            rel = self.condition(rel, selection, &env(&scope, around), around.named, "WHERE")?;
        }
        if super::group_by::has_sets(&select.group_by) {
            // A key is NULL in the groups of a set that lacks it.
            scope = scope.made_nullable();
        }
        let sight = env(&scope, around);
        let clauses = self.clauses(select, order_by, &sight, around)?;
        let body = self.build(rel, clauses, &scope)?;
        self.deduplicated(select, body)
    }

    fn clauses(
        &mut self,
        select: &Select,
        order_by: &[ast::OrderByExpr],
        sight: &Env<'_>,
        around: Surroundings<'_>,
    ) -> Result<Clauses, PlanError> {
        let mut pending = Pending::default();
        let mut at = Clause::plain(sight, &mut pending, around.named, "");
        at.window_names = &select.named_window;
        (at.no_aggregates, at.no_windows, at.no_sets) = (None, None, None);
        let items = self.select_list(select, &mut at)?;
        let grouping = self.group_by(&select.group_by, &items, &mut at)?;
        let mut having = None;
        if let Some(expr) = &select.having {
            (at.no_windows, at.no_sets) = (Some("HAVING"), Some("HAVING"));
            let typed = self.expr(expr, &mut at)?;
            having = Some(self.truth(typed, "HAVING").map_err(|error| error.at(expr.span()))?);
            (at.no_windows, at.no_sets) = (None, None);
        }
        let mut outputs: Vec<Typed> = items.iter().map(|item| item.typed.clone()).collect();
        let distinct = matches!(select.distinct, Some(Distinct::Distinct));
        let mut keys = Vec::with_capacity(order_by.len());
        for order in order_by {
            let column = self.output_key(&order.expr, "ORDER BY", &items, &mut outputs, &mut at)?;
            if distinct && column >= items.len() {
                let message = "for SELECT DISTINCT, ORDER BY expressions must appear in select list";
                return Err(PlanError::new("42P10", message).at(order.expr.span()));
            }
            keys.push(OrderKey::new(column, order));
        }
        let mut distinct_on = Vec::new();
        if let Some(Distinct::On(exprs)) = &select.distinct {
            for expr in exprs {
                distinct_on.push(self.output_key(expr, "DISTINCT ON", &items, &mut outputs, &mut at)?);
            }
            check_distinct_on(&distinct_on, &keys, exprs)?;
        }
        Ok(Clauses { items, grouping, having, outputs, keys, distinct_on, pending })
    }

    /// The output column that an expression of ORDER BY or DISTINCT ON is; a new, hidden one if it is none of the list.
    fn output_key(
        &mut self,
        expr: &Expr,
        clause: &str,
        items: &[Item],
        outputs: &mut Vec<Typed>,
        at: &mut Clause<'_>,
    ) -> Result<usize, PlanError> {
        let by_name = match ordering::bare(expr) {
            Expr::Identifier(ident) => select_list::named(&name::ident(ident), items, clause, ident.span)?,
            bare => ordering::position(bare, items.len(), clause)?,
        };
        if let Some(position) = by_name {
            return Ok(position);
        }
        let typed = self.expr(expr, at)?;
        let known = self.settle(typed)?;
        let same = |output: &Typed| matches!(output, Typed::Known(other) if other.scalar == known.scalar);
        Ok(outputs.iter().position(same).unwrap_or_else(|| {
            outputs.push(Typed::Known(known));
            outputs.len() - 1
        }))
    }

    /// Puts the clauses' nodes on the rows of FROM and WHERE.
    fn build(&mut self, mut rel: Rel, clauses: Clauses, scope: &Scope) -> Result<Body, PlanError> {
        let Clauses { items, grouping, mut having, mut outputs, mut keys, distinct_on, pending } = clauses;
        let Pending { mut aggregates, mut windows, subqueries, mut sets } = pending;
        let (below, mut above): (Vec<Numbered>, Vec<Numbered>) =
            subqueries.into_iter().enumerate().partition(|(_, subquery)| subquery.in_aggregate);
        let mut places = Places::default();
        if grouping.is_some() || having.is_some() || !aggregates.is_empty() {
            let mut grouping =
                grouping.unwrap_or_else(|| group::Grouping { keys: Vec::new(), sets: vec![Vec::new()] });
            rel = places.attach(rel, below)?;
            for call in &mut aggregates {
                call.each(&mut |scalar| places.fill(scalar))?;
            }
            for key in &mut grouping.keys {
                places.fill(&mut key.scalar)?;
            }
            outputs.iter_mut().filter_map(Typed::scalar_mut).for_each(|scalar| places.fill_known(scalar));
            having.iter_mut().for_each(|having| places.fill_known(having));
            let mut further: Vec<Scalar> = sets.iter().flat_map(|set| set.args.iter().cloned()).collect();
            for window in &mut windows {
                window.each(&mut |scalar| {
                    places.fill_known(scalar);
                    further.push(scalar.clone());
                    Ok(())
                })?;
            }
            let mut used: Vec<&Scalar> = outputs
                .iter()
                .filter_map(|output| match output {
                    Typed::Known(known) => Some(&known.scalar),
                    Typed::Unknown(_) | Typed::Parameter(_) => None,
                })
                .chain(&having)
                .collect();
            for (_, subquery) in &above {
                used.extend(subquery.captures.iter().map(|capture| &capture.value.scalar));
                used.extend(subquery.on.iter().map(|predicate| &predicate.scalar));
            }
            used.extend(&further);
            grouping.complete(&used, scope);
            if grouping.sets.len() != 1 {
                // Any output may be a key, constants too, and so NULL in the groups of a set that lacks it.
                for output in &mut outputs {
                    let known = self.settle(output.clone())?;
                    *output = Typed::Known(Known { nullable: true, ..known });
                }
            }
            let (grouped, regrouped) = self.group(rel, &grouping, &aggregates, scope)?;
            rel = grouped;
            outputs.iter_mut().try_for_each(|output| regrouped.apply_typed(output))?;
            having.iter_mut().try_for_each(|having| regrouped.apply(having))?;
            windows.iter_mut().try_for_each(|window| window.regroup(&regrouped))?;
            for (_, subquery) in &mut above {
                subquery.regroup(&regrouped)?;
            }
            for set in &mut sets {
                set.args.iter_mut().try_for_each(|arg| regrouped.apply(arg))?;
            }
        } else {
            above.extend(below);
            above.sort_by_key(|(number, _)| *number);
        }
        if let Some(mut having) = having {
            // Other subqueries are asked for the groups that are left.
            let mut read = having.columns();
            for (number, subquery) in above.iter().rev() {
                if read.contains(&Place::Subquery(*number).column()) {
                    subquery
                        .captures
                        .iter()
                        .for_each(|capture| capture.value.scalar.collect_columns(&mut read));
                    subquery.on.iter().for_each(|predicate| read.extend(predicate.columns()));
                }
            }
            let first;
            (first, above) =
                above.into_iter().partition(|(number, _)| read.contains(&Place::Subquery(*number).column()));
            rel = places.attach(rel, first)?;
            places.fill(&mut having)?;
            rel = rel.filter(vec![Predicate::new(having)]);
        }
        rel = places.attach(rel, above)?;
        rel = window::attach(rel, windows, &mut places)?;
        for (number, set) in sets.into_iter().enumerate() {
            rel = set.beside(rel, &mut places, number)?;
        }
        outputs.iter_mut().try_for_each(|output| places.fill_typed(output))?;
        let names: Vec<String> = items.into_iter().map(|item| item.name).collect();
        if distinct_on.is_empty() {
            return Ok(Body { rel, outputs, names, keys });
        }
        // The first row of each group in the order, as outputs.
        let closed = self.close(Body { rel, outputs, names, keys: keys.clone() })?;
        let order = |key: &OrderKey| Order {
            column: key.column,
            ty: closed.types.get(key.column).copied().unwrap_or(Type::Text),
            descending: key.descending,
            nulls_first: key.nulls_first,
        };
        let mut groups = Vec::with_capacity(distinct_on.len());
        for column in &distinct_on {
            let ty = closed.types.get(*column).copied().unwrap_or(Type::Text);
            super::coerce::needs_equality(ty)?;
            groups.push(Scalar::Column(*column).group_key(ty));
        }
        let top = TopK {
            group: groups,
            order_by: keys.iter().map(order).collect(),
            limit: Some(Scalar::literal(Datum::Int(1), Type::Int8)),
            offset: None,
            with_ties: false,
        };
        let mut closed = closed;
        closed.rel = Rel::Top { input: Box::new(closed.rel), top };
        closed.keys = std::mem::take(&mut keys);
        Ok(closed.into_body())
    }

    fn deduplicated(&mut self, select: &Select, body: Body) -> Result<Body, PlanError> {
        if !matches!(select.distinct, Some(Distinct::Distinct)) {
            return Ok(body);
        }
        let mut closed = self.close(body)?;
        closed.rel = group::distinct(closed.rel, &closed.types)?;
        Ok(closed.into_body())
    }
}

/// `SELECT DISTINCT ON` wants the order to begin with its expressions.
fn check_distinct_on(on: &[usize], keys: &[OrderKey], exprs: &[Expr]) -> Result<(), PlanError> {
    let mut left: std::collections::BTreeSet<usize> = on.iter().copied().collect();
    for key in keys {
        if left.is_empty() {
            break;
        }
        if !left.remove(&key.column) && !on.contains(&key.column) {
            let message = "SELECT DISTINCT ON expressions must match initial ORDER BY expressions";
            let error = PlanError::new("42P10", message);
            return Err(exprs.first().map_or(error.clone(), |expr| error.at(expr.span())));
        }
    }
    Ok(())
}

fn refuse_clauses(select: &Select) -> Result<(), PlanError> {
    if let Some(into) = &select.into {
        return Err(PlanError::new("25006", "cannot execute SELECT INTO in a read-only transaction")
            .hint(format!("apply a View named {} instead", into.name)));
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
