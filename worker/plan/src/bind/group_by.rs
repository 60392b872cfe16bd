//! The GROUP BY clause: keys by name, position or expression, and sets of them.

use offtake_lir::Scalar;
use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Spanned};

use super::{
    Binder,
    expression::{Clause, Pending},
    group::Grouping,
    name, ordering,
    place::Place,
    select_list::{self, Item},
    typed::{Known, Typed},
};
use crate::error::PlanError;

/// Most sets that GROUPING SETS, ROLLUP and CUBE may make together. PostgreSQL's own limit.
const MOST_SETS: usize = 4096;

impl Binder<'_> {
    /// The keys and sets of GROUP BY; `None` without one.
    pub(super) fn group_by(
        &mut self,
        group_by: &GroupByExpr,
        items: &[Item],
        at: &mut Clause<'_>,
    ) -> Result<Option<Grouping>, PlanError> {
        let exprs = match group_by {
            GroupByExpr::Expressions(exprs, modifiers) if modifiers.is_empty() => exprs,
            _ => return Err(PlanError::syntax("syntax error in GROUP BY: PostgreSQL has no GROUP BY ALL")),
        };
        if exprs.is_empty() {
            return Ok(None);
        }
        let outside = (at.no_aggregates, at.no_windows, at.no_sets, at.in_aggregate);
        (at.no_aggregates, at.no_windows, at.no_sets) =
            (Some("GROUP BY"), Some("GROUP BY"), Some("GROUP BY"));
        at.in_aggregate = true;
        let mut grouping = Grouping { keys: Vec::new(), sets: vec![Vec::new()] };
        let mut result = Ok(());
        for expr in exprs {
            let sets = self.sets(expr, items, &mut grouping.keys, at);
            result = sets.and_then(|sets| multiply(&mut grouping.sets, &sets));
            if result.is_err() {
                break;
            }
        }
        (at.no_aggregates, at.no_windows, at.no_sets, at.in_aggregate) = outside;
        result?;
        Ok(Some(grouping))
    }

    /// The sets that one element of GROUP BY stands for.
    fn sets(
        &mut self,
        expr: &Expr,
        items: &[Item],
        keys: &mut Vec<Known>,
        at: &mut Clause<'_>,
    ) -> Result<Vec<Vec<usize>>, PlanError> {
        let mut lists = |binder: &mut Self, lists: &[Vec<Expr>]| -> Result<Vec<Vec<usize>>, PlanError> {
            lists
                .iter()
                .map(|list| {
                    let mut set = Vec::with_capacity(list.len());
                    for expr in list {
                        set.extend(binder.key_list(expr, items, keys, at)?);
                    }
                    Ok(set)
                })
                .collect()
        };
        match expr {
            Expr::Rollup(parts) => {
                let parts = lists(self, parts)?;
                Ok((0..=parts.len()).rev().map(|end| parts[..end].concat()).collect())
            }
            Expr::Cube(parts) => {
                let parts = lists(self, parts)?;
                if parts.len() > 12 {
                    return Err(PlanError::new("54011", "CUBE is limited to 12 elements").at(expr.span()));
                }
                let subsets = (0..1_usize << parts.len()).rev();
                Ok(subsets
                    .map(|chosen| {
                        let last = parts.len() - 1;
                        let kept = parts.iter().enumerate();
                        kept.filter(|(place, _)| chosen >> (last - place) & 1 == 1)
                            .flat_map(|(_, part)| part.clone())
                            .collect()
                    })
                    .collect())
            }
            Expr::GroupingSets(sets) => {
                let mut all = Vec::new();
                for set in sets {
                    match set.as_slice() {
                        [nested @ (Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_))] => {
                            all.extend(self.sets(nested, items, keys, at)?);
                        }
                        [call @ Expr::Function(_)] if nested(call).is_some() => {
                            if let Some(nested) = nested(call) {
                                all.extend(self.sets(&nested, items, keys, at)?);
                            }
                        }
                        set => {
                            let mut own = Vec::new();
                            for expr in set {
                                own.extend(self.key_list(expr, items, keys, at)?);
                            }
                            all.push(own);
                        }
                    }
                }
                Ok(all)
            }
            other => Ok(vec![self.key_list(other, items, keys, at)?]),
        }
    }

    /// The keys of an expression: one, or the fields of a row.
    fn key_list(
        &mut self,
        expr: &Expr,
        items: &[Item],
        keys: &mut Vec<Known>,
        at: &mut Clause<'_>,
    ) -> Result<Vec<usize>, PlanError> {
        if let Expr::Tuple(fields) = expr {
            let mut list = Vec::with_capacity(fields.len());
            for field in fields {
                list.extend(self.key_list(field, items, keys, at)?);
            }
            return Ok(list);
        }
        let known = self.group_key(expr, items, at)?;
        let position = keys.iter().position(|key| key.scalar == known.scalar).unwrap_or_else(|| {
            keys.push(known);
            keys.len() - 1
        });
        Ok(vec![position])
    }

    /// A bare name is an input column if there is one, else an output column; a number is an output column.
    fn group_key(&mut self, expr: &Expr, items: &[Item], at: &mut Clause<'_>) -> Result<Known, PlanError> {
        let by_name = match ordering::bare(expr) {
            Expr::Identifier(ident) => {
                let name = name::ident(ident);
                match at.env.scope.unqualified(&name, ident.span)? {
                    Some(_) => None,
                    None => select_list::named(&name, items, "GROUP BY", ident.span)?,
                }
            }
            bare => ordering::position(bare, items.len(), "GROUP BY")?
                .or_else(|| items.iter().position(|item| item.subqueries.as_ref() == Some(bare))),
        };
        let typed = match by_name.and_then(|position| items.get(position)) {
            Some(item) => {
                if let Typed::Known(known) = &item.typed {
                    put_below(&known.scalar, at.pending).map_err(|error| error.at(expr.span()))?;
                }
                item.typed.clone()
            }
            None => self.expr(expr, at)?,
        };
        self.settle(typed)
    }
}

/// Whether there are several sets of keys, so that a key may be missing.
pub(super) fn has_sets(group_by: &GroupByExpr) -> bool {
    let GroupByExpr::Expressions(exprs, _) = group_by else { return false };
    exprs.iter().any(|expr| matches!(expr, Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_)))
}

/// `ROLLUP (…)` or `CUBE (…)` within GROUPING SETS, which the parser takes for a call.
fn nested(expr: &Expr) -> Option<Expr> {
    let Expr::Function(call) = expr else { return None };
    let FunctionArguments::List(list) = &call.args else { return None };
    let [name] = call.name.0.as_slice() else { return None };
    let name = name.as_ident().filter(|name| name.quote_style.is_none())?;
    let parts = list.args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Tuple(fields))) => Some(fields.clone()),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(vec![expr.clone()]),
        _ => None,
    });
    let parts: Vec<Vec<Expr>> = parts.collect::<Option<_>>()?;
    match name.value.to_ascii_lowercase().as_str() {
        "rollup" => Some(Expr::Rollup(parts)),
        "cube" => Some(Expr::Cube(parts)),
        _ => None,
    }
}

/// Every set of the ones with every set of the others.
fn multiply(sets: &mut Vec<Vec<usize>>, by: &[Vec<usize>]) -> Result<(), PlanError> {
    if sets.len() * by.len() > MOST_SETS {
        return Err(PlanError::new("54001", format!("too many grouping sets present (maximum {MOST_SETS})")));
    }
    let product = sets.iter().flat_map(|one| {
        by.iter().map(|other| {
            let mut set = one.clone();
            set.extend(other.iter().filter(|key| !one.contains(key)));
            set
        })
    });
    *sets = product.collect();
    for set in sets {
        let mut seen = std::collections::BTreeSet::new();
        set.retain(|key| seen.insert(*key));
    }
    Ok(())
}

/// An output column that is grouped by may hold no aggregate and no window function. Its subqueries are computed before the grouping.
fn put_below(scalar: &Scalar, pending: &mut Pending) -> Result<(), PlanError> {
    let mut columns = scalar.columns();
    while let Some(column) = columns.pop_last() {
        match Place::of(column) {
            Place::Aggregate(_) => {
                return Err(PlanError::new("42803", "aggregate functions are not allowed in GROUP BY"));
            }
            Place::Window(_) => {
                return Err(PlanError::new("42P20", "window functions are not allowed in GROUP BY"));
            }
            Place::Set(_) => {
                return Err(PlanError::unsupported(
                    "GROUP BY a set-returning function is",
                    "put the function into FROM",
                ));
            }
            Place::Subquery(number) => {
                if let Some(subquery) = pending.subqueries.get_mut(number) {
                    subquery.in_aggregate = true;
                    subquery.captures.iter().for_each(|capture| {
                        capture.value.scalar.collect_columns(&mut columns);
                    });
                    subquery.on.iter().for_each(|predicate| columns.extend(predicate.columns()));
                }
            }
            Place::Input(_) | Place::Right(_) => {}
        }
    }
    Ok(())
}
