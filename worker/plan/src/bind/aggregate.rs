//! Calls of aggregates.

use offtake_lir::{Aggregate, AggregateKind, AggregateOrder, Scalar, functions};
use offtake_row::Type;
use sqlparser::{
    ast::{DuplicateTreatment, Expr, Function, FunctionArgumentClause, FunctionArgumentList, OrderByExpr},
    tokenizer::Span,
};

use super::{
    Binder,
    coerce::{self, unresolved},
    expression::Clause,
    ordering::OrderKey,
    place::Place,
    typed::Typed,
};
use crate::{error::PlanError, rel::OUTER};

/// What a grouped SELECT computes for each group.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum AggregateCall {
    Aggregate(Aggregate),
    /// `GROUPING (…)`: a bit for each argument, set where the group's set lacks it.
    Grouping(Vec<Scalar>),
}

impl AggregateCall {
    /// Calls `f` for each of its expressions.
    pub(super) fn each(
        &mut self,
        f: &mut impl FnMut(&mut Scalar) -> Result<(), PlanError>,
    ) -> Result<(), PlanError> {
        match self {
            AggregateCall::Aggregate(aggregate) => aggregate.scalars_mut().try_for_each(f),
            AggregateCall::Grouping(args) => args.iter_mut().try_for_each(f),
        }
    }
}

/// An aggregate with its result's type.
pub(super) struct BoundAggregate {
    pub(super) aggregate: Aggregate,
    pub(super) result: Type,
    pub(super) nullable: bool,
}

impl Binder<'_> {
    /// A call of an aggregate: the place of its value.
    pub(super) fn aggregate_call(
        &mut self,
        name: &str,
        function: &Function,
        list: Option<&FunctionArgumentList>,
        span: Span,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        if let Some(clause) = at.no_aggregates {
            if at.env.outer.is_some() {
                // It may be the outer query's, which is refused by its own words.
                self.bind_aggregate(name, function, list, span, at)?;
            }
            let message = match clause {
                "aggregate" => "aggregate function calls cannot be nested".to_owned(),
                clause => format!("aggregate functions are not allowed in {clause}"),
            };
            return Err(PlanError::new("42803", message).at(span));
        }
        let bound = self.bind_aggregate(name, function, list, span, at)?;
        let call = AggregateCall::Aggregate(bound.aggregate);
        let aggregates = &mut at.pending.aggregates;
        let number = aggregates.iter().position(|known| *known == call).unwrap_or_else(|| {
            aggregates.push(call);
            aggregates.len() - 1
        });
        Ok(Typed::known(Place::Aggregate(number).scalar(), bound.result, bound.nullable))
    }

    /// An aggregate over rows: arguments, DISTINCT, ORDER BY, WITHIN GROUP, FILTER.
    pub(super) fn bind_aggregate(
        &mut self,
        name: &str,
        function: &Function,
        list: Option<&FunctionArgumentList>,
        span: Span,
        at: &mut Clause<'_>,
    ) -> Result<BoundAggregate, PlanError> {
        let (mut exprs, star) = super::call::arguments(list, span)?;
        let distinct =
            list.is_some_and(|list| list.duplicate_treatment == Some(DuplicateTreatment::Distinct));
        check_form(name, &exprs, star, distinct, span)?;
        let mut order_by: &[OrderByExpr] = &[];
        for clause in list.map_or(&[][..], |list| list.clauses.as_slice()) {
            match clause {
                FunctionArgumentClause::OrderBy(keys) => order_by = keys,
                other => {
                    return Err(PlanError::unsupported(
                        format!("{other} within {name}(…) is"),
                        "ORDER BY may stand there",
                    )
                    .at(span));
                }
            }
        }
        let outside = (at.no_aggregates, at.no_windows, at.no_sets, at.in_aggregate);
        if function.over.is_none() {
            at.no_aggregates = Some("aggregate");
            at.no_windows = Some("aggregate function arguments");
            at.in_aggregate = true;
        }
        at.no_sets = Some("aggregate function arguments");
        let within: Vec<&Expr> = function.within_group.iter().map(|key| &key.expr).collect();
        let direct = exprs.len();
        exprs.extend(within);
        let bound = self.aggregate_parts(name, &exprs, direct, function, order_by, distinct, at);
        (at.no_aggregates, at.no_windows, at.no_sets, at.in_aggregate) = outside;
        let bound = bound.map_err(|error| error.at(span))?;
        if function.over.is_none() && reads_outer_only(&bound.aggregate) {
            return Err(PlanError::unsupported(
                "an aggregate over an outer query's columns only is",
                "compute it in the outer query and read its column",
            )
            .at(span));
        }
        Ok(bound)
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one call")]
    fn aggregate_parts(
        &mut self,
        name: &str,
        exprs: &[&Expr],
        direct: usize,
        function: &Function,
        order_by: &[OrderByExpr],
        distinct: bool,
        at: &mut Clause<'_>,
    ) -> Result<BoundAggregate, PlanError> {
        let args = self.exprs(exprs.iter().copied(), at)?;
        let types: Vec<Option<Type>> = args.iter().map(|arg| self.type_of(arg)).collect();
        let resolved = functions::aggregate(name, &types).map_err(unresolved)?;
        let mut aggregate = Aggregate {
            function: resolved.function,
            args: Vec::with_capacity(args.len()),
            order_by: Vec::new(),
            filter: None,
            distinct,
        };
        // Of a set with an order, each value once or often is the same.
        aggregate.distinct &= aggregate.kind() != AggregateKind::Ordered;
        let arguments = args.into_iter().zip(types).zip(&resolved.args);
        for (position, ((arg, own), ty)) in arguments.enumerate() {
            let scalar = self.convert(arg, *ty)?;
            // Numerics keep their scale where it is known: the sum shows it.
            let ty = own.filter(|own| own.base() == *ty).unwrap_or(*ty);
            if distinct && position == 0 {
                coerce::needs_equality(ty)?;
            }
            if let Some(key) = position.checked_sub(direct).and_then(|key| function.within_group.get(key)) {
                let key = OrderKey::new(0, key);
                aggregate.order_by.push(AggregateOrder {
                    key: scalar,
                    ty,
                    descending: key.descending,
                    nulls_first: key.nulls_first,
                });
                continue;
            }
            let blanks = aggregate.distinct && matches!(ty, Type::Bpchar(_));
            aggregate.args.push(if blanks { scalar.group_key(ty) } else { scalar });
        }
        for order in order_by {
            let typed = self.expr(&order.expr, at)?;
            let known = self.settle(typed)?;
            coerce::needs_equality(known.ty)?;
            let OrderKey { descending, nulls_first, .. } = OrderKey::new(0, order);
            if distinct && !aggregate.args.first().is_some_and(|arg| is_key_of(arg, &known.scalar)) {
                return Err(PlanError::new(
                    "42P10",
                    "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list",
                ));
            }
            aggregate.order_by.push(AggregateOrder {
                key: known.scalar,
                ty: known.ty,
                descending,
                nulls_first,
            });
        }
        if aggregate.kind() != AggregateKind::Collected {
            aggregate.order_by.clear();
        }
        if let Some(filter) = &function.filter {
            let clause = at.no_aggregates;
            at.no_aggregates = clause.map(|_| "FILTER");
            let typed = self.expr(filter, at)?;
            at.no_aggregates = clause;
            aggregate.filter = Some(self.truth(typed, "FILTER")?);
        }
        let nullable = !name.starts_with("count");
        Ok(BoundAggregate { aggregate, result: resolved.result, nullable })
    }

    /// `GROUPING (…)`.
    pub(super) fn grouping_call(
        &mut self,
        exprs: &[&Expr],
        span: Span,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        if let Some(clause) = at.no_aggregates {
            let message = format!("grouping operations are not allowed in {clause}");
            return Err(PlanError::new("42803", message).at(span));
        }
        let mut keys = Vec::with_capacity(exprs.len());
        for typed in self.exprs(exprs.iter().copied(), at)? {
            keys.push(self.settle(typed)?.scalar);
        }
        at.pending.aggregates.push(AggregateCall::Grouping(keys));
        let place = Place::Aggregate(at.pending.aggregates.len() - 1);
        Ok(Typed::known(place.scalar(), Type::Int4, false))
    }
}

/// Whether an ORDER BY key of a DISTINCT aggregate is its argument, canonical or not.
fn is_key_of(arg: &Scalar, key: &Scalar) -> bool {
    arg == key
        || matches!(arg, Scalar::Call { func: offtake_lir::Func::EqualityKey(_), args } if args.first() == Some(key))
}

/// Refuses `f(*)`, `count()` and their like.
fn check_form(name: &str, exprs: &[&Expr], star: bool, distinct: bool, span: Span) -> Result<(), PlanError> {
    if star && (name != "count" || !exprs.is_empty()) {
        let message = format!("{name}(*) specified, but {name} is not count");
        return Err(PlanError::new("42809", message).at(span));
    }
    if star && distinct {
        return Err(PlanError::syntax("syntax error at or near \"*\"").at(span));
    }
    if !star && exprs.is_empty() && name == "count" {
        let message = "count(*) must be used to call a parameterless aggregate function";
        return Err(PlanError::new("42809", message).at(span));
    }
    Ok(())
}

/// Whether all that an aggregate reads are an outer query's columns: it would belong to that query.
fn reads_outer_only(aggregate: &Aggregate) -> bool {
    let (mut outer, mut own) = (false, false);
    let mut stack: Vec<&Scalar> = aggregate.args.iter().collect();
    while let Some(scalar) = stack.pop() {
        match scalar {
            Scalar::Column(_) => own = true,
            Scalar::Parameter { index, .. } => outer |= *index >= OUTER,
            other => other.for_each_operand(&mut |operand| stack.push(operand)),
        }
    }
    outer && !own
}
