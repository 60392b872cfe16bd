//! Arrays: constructors, subscripts, comparisons with all elements.

use offtake_lir::{Aggregate, AggregateOrder, JoinKind, Scalar, functions};
use offtake_row::Type;
use sqlparser::ast::{AccessExpr, Expr, Query, Spanned, Subscript};

use super::{
    Binder, Surroundings,
    coerce::{no_value, unresolved},
    expression::Clause,
    refusal,
    scope::Outer,
    subquery::{Subquery, grouped},
    typed::Typed,
};
use crate::error::PlanError;

impl Binder<'_> {
    /// `ARRAY[…]`.
    pub(super) fn array(&mut self, elements: Vec<Typed>) -> Result<Typed, PlanError> {
        if elements.is_empty() {
            return Err(PlanError::new("42P18", "cannot determine type of empty array")
                .hint("Explicitly cast to the desired type, for example ARRAY[]::integer[]."));
        }
        let types: Vec<Option<Type>> = elements.iter().map(|element| self.type_of(element)).collect();
        let resolved = functions::array_constructor(&types)
            .map_err(|error| super::coerce::no_common_type(error, "ARRAY"))?;
        self.apply(resolved, elements, false)
    }

    /// `a[i]`, `a[i:j]`, and what else stands behind a value in brackets or after a dot.
    pub(super) fn access(
        &mut self,
        root: &Expr,
        chain: &[AccessExpr],
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let mut subscripts = Vec::with_capacity(chain.len());
        for access in chain {
            match access {
                AccessExpr::Subscript(subscript) => subscripts.push(subscript),
                AccessExpr::Dot(field) => {
                    // `t.column[1]` comes as the subscripts of a field.
                    if subscripts.is_empty()
                        && let Some(name) = compound(root, field)
                    {
                        let rest = chain.get(1..).unwrap_or_default();
                        return self.access(&name, rest, at);
                    }
                    return Err(refusal::field());
                }
            }
        }
        let base = self.expr(root, at)?;
        if subscripts.is_empty() {
            return Ok(base);
        }
        let known = self.settle(base)?;
        let ty = known.ty;
        if ty == Type::Jsonb {
            let mut value = Typed::Known(known);
            for subscript in subscripts {
                let Subscript::Index { index } = subscript else {
                    return Err(PlanError::new("42804", "jsonb subscript does not support slices"));
                };
                let key = self.expr(index, at)?;
                value = self.operator("->", vec![value, key])?;
            }
            return Ok(value);
        }
        let mut args = vec![Typed::Known(known)];
        if subscripts.iter().all(|subscript| matches!(subscript, Subscript::Index { .. })) {
            let resolved = functions::array_subscript(ty, subscripts.len()).map_err(unresolved)?;
            for subscript in subscripts {
                if let Subscript::Index { index } = subscript {
                    args.push(self.expr(index, at)?);
                }
            }
            return self.apply(resolved, args, true);
        }
        let mut bounds = Vec::with_capacity(subscripts.len());
        for subscript in subscripts {
            match subscript {
                // Beside a slice it is one from 1.
                Subscript::Index { index } => {
                    bounds.push((false, true));
                    args.push(self.expr(index, at)?);
                }
                Subscript::Slice { lower_bound, upper_bound, stride: None } => {
                    bounds.push((lower_bound.is_some(), upper_bound.is_some()));
                    args.extend(self.exprs(lower_bound.iter().chain(upper_bound), at)?);
                }
                Subscript::Slice { .. } => return Err(PlanError::syntax("syntax error at or near \":\"")),
            }
        }
        let resolved = functions::array_slice(ty, &bounds).map_err(unresolved)?;
        self.apply(resolved, args, true)
    }

    /// `ARRAY (SELECT …)`: the values in the query's order; an empty array of no row.
    pub(super) fn array_subquery(&mut self, query: &Query, at: &mut Clause<'_>) -> Result<Typed, PlanError> {
        self.count(1)?;
        let outer = Outer::new(at.env, &self.numbers);
        let closed = self.ordered_query(query, Surroundings { named: at.named, outer: Some(&outer) })?;
        let [column] = closed.columns.as_slice() else {
            return Err(PlanError::syntax("subquery must return only one column").at(query.body.span()));
        };
        let resolved = functions::aggregate("array_agg", &[Some(column.ty)]).map_err(unresolved)?;
        let order_by = closed.keys.iter().map(|key| AggregateOrder {
            key: Scalar::Column(key.column),
            ty: closed.types.get(key.column).copied().unwrap_or(Type::Text),
            descending: key.descending,
            nulls_first: key.nulls_first,
        });
        let all = Aggregate {
            function: resolved.function,
            args: vec![Scalar::Column(0)],
            order_by: order_by.collect(),
            filter: None,
            distinct: false,
        };
        let ty = resolved.result;
        let empty = functions::literal("{}", ty).map_err(|error| no_value(&error))?;
        let subquery = Subquery {
            kind: JoinKind::Inner,
            rel: grouped(closed.rel, vec![all]),
            captures: outer.into_captures(),
            on: Vec::new(),
            column: 0,
            in_aggregate: at.in_aggregate,
        };
        let value = Scalar::Coalesce(vec![Self::pend(at, subquery), empty]);
        Ok(Typed::known(value, ty, false))
    }

    /// `x op ANY (array)`, `x op ALL (array)`.
    pub(super) fn compare_with_array(
        &mut self,
        symbol: &str,
        left: Typed,
        array: Typed,
        any: bool,
    ) -> Result<Typed, PlanError> {
        let resolved = functions::quantified(symbol, !any, self.type_of(&left), self.type_of(&array))
            .map_err(unresolved)?;
        self.apply(resolved, vec![left, array], true)
    }
}

/// `a.b` of a name and what stands after its dot.
fn compound(root: &Expr, field: &Expr) -> Option<Expr> {
    let Expr::Identifier(field) = field else { return None };
    match root {
        Expr::Identifier(root) => Some(Expr::CompoundIdentifier(vec![root.clone(), field.clone()])),
        Expr::CompoundIdentifier(names) => {
            let mut names = names.clone();
            names.push(field.clone());
            Some(Expr::CompoundIdentifier(names))
        }
        _ => None,
    }
}
