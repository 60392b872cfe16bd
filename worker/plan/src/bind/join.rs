//! JOIN: kinds, ON, USING and NATURAL.

use offtake_lir::{JoinKind, Scalar, functions};
use offtake_row::Type;
use sqlparser::{
    ast::{Ident, JoinConstraint, JoinOperator, Spanned},
    tokenizer::Span,
};

use super::{
    Binder, Surroundings, env,
    from::{Bound, put_beside},
    name,
    scope::{Column, Scope},
    typed::{Known, Typed},
};
use crate::{
    error::PlanError,
    rel::{Predicate, Rel},
};

/// The kinds of joins that can be written.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Inner,
    Left,
    Right,
    Full,
}

/// Whether rows of the right side without a partner stay.
pub(super) fn keeps_right(operator: &JoinOperator) -> bool {
    matches!(kind(operator), Ok((Kind::Right | Kind::Full, _)))
}

fn kind(operator: &JoinOperator) -> Result<(Kind, &JoinConstraint), PlanError> {
    let (kind, constraint) = match operator {
        JoinOperator::CrossJoin(constraint @ JoinConstraint::None) => return Ok((Kind::Inner, constraint)),
        JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => (Kind::Inner, constraint),
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => (Kind::Left, constraint),
        JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => (Kind::Right, constraint),
        JoinOperator::FullOuter(constraint) => (Kind::Full, constraint),
        _ => return Err(PlanError::syntax("syntax error: a join that is not PostgreSQL's")),
    };
    match constraint {
        JoinConstraint::None => Err(PlanError::syntax("syntax error: JOIN needs ON or USING")),
        constraint => Ok((kind, constraint)),
    }
}

impl Binder<'_> {
    /// Joins what FROM's item has so far (of which `left` is in sight) with its next part.
    pub(super) fn join(
        &mut self,
        rel: Rel,
        left: Scope,
        right: Bound,
        operator: &JoinOperator,
        span: Span,
        around: Surroundings<'_>,
    ) -> Result<(Rel, Scope), PlanError> {
        let (kind, constraint) = kind(operator).map_err(|error| error.at(span))?;
        if !right.captures.is_empty() && matches!(kind, Kind::Right | Kind::Full) {
            return Err(PlanError::new("42P10", "invalid reference to FROM-clause entry")
                .hint("The combining JOIN type must be INNER or LEFT for a LATERAL reference.")
                .at(span));
        }
        let shift = rel.arity();
        let (on, names) = match constraint {
            JoinConstraint::On(on) => (Some(on), Vec::new()),
            JoinConstraint::None => (None, Vec::new()),
            JoinConstraint::Using(names) => {
                let names = names.iter().map(|name| match name.0.as_slice() {
                    [part] => {
                        part.as_ident().cloned().ok_or_else(|| PlanError::syntax("syntax error in USING"))
                    }
                    _ => Err(PlanError::syntax("syntax error at or near \".\"").at(name.span())),
                });
                (None, names.collect::<Result<_, _>>()?)
            }
            JoinConstraint::Natural => {
                let common = left
                    .visible
                    .iter()
                    .filter(|column| right.scope.visible.iter().any(|other| other.name == column.name));
                (None, common.map(|column| Ident::with_quote('"', &column.name)).collect())
            }
        };
        let (using, merged) = self.using(&names, &left, &right.scope, shift, kind)?;
        let left_scope = if matches!(kind, Kind::Right | Kind::Full) {
            left.clone().made_nullable()
        } else {
            left.clone()
        };
        let right_scope = if matches!(kind, Kind::Left | Kind::Full) {
            right.scope.clone().made_nullable()
        } else {
            right.scope.clone()
        };
        let mut scope = left_scope.join(right_scope, shift)?;
        // In ON nothing is NULL yet for want of a partner.
        let inner = left.join(right.scope, shift)?;
        let mut predicates = using;
        if let Some(on) = on {
            let sight = env(&inner, around);
            if kind == Kind::Inner {
                let rel = put_beside(rel, JoinKind::Inner, right.rel, right.captures, predicates);
                return Ok((self.condition(rel, on, &sight, around.named, "JOIN/ON")?, scope));
            }
            predicates.extend(self.join_condition(on, &sight, around.named)?);
        }
        scope.merge(merged);
        let rel = match kind {
            Kind::Inner => put_beside(rel, JoinKind::Inner, right.rel, right.captures, predicates),
            Kind::Left => put_beside(rel, JoinKind::Left, right.rel, right.captures, predicates),
            Kind::Full => rel.join(JoinKind::Full, right.rel, predicates),
            Kind::Right => mirrored(rel, right.rel, predicates),
        };
        Ok((rel, scope))
    }

    /// The equalities of USING's columns, and the columns that it makes of them.
    fn using(
        &mut self,
        names: &[Ident],
        left: &Scope,
        right: &Scope,
        shift: usize,
        kind: Kind,
    ) -> Result<(Vec<Predicate>, Vec<Column>), PlanError> {
        let mut predicates = Vec::with_capacity(names.len());
        let mut merged: Vec<Column> = Vec::with_capacity(names.len());
        for ident in names {
            let name = name::ident(ident);
            if merged.iter().any(|column| column.name == name) {
                let message = format!("column name \"{name}\" appears more than once in USING clause");
                return Err(PlanError::new("42701", message).at(ident.span));
            }
            let side = |scope: &Scope, side: &str| {
                let ambiguous =
                    || format!("common column name \"{name}\" appears more than once in {side} table");
                let column = scope
                    .unqualified(&name, ident.span)
                    .map_err(|error| PlanError { message: ambiguous(), ..error })?;
                let missing =
                    || format!("column \"{name}\" specified in USING clause does not exist in {side} table");
                let known = column.map(|column| column.known.clone());
                known.ok_or_else(|| PlanError::new("42703", missing()).at(ident.span))
            };
            let l = side(left, "left")?;
            let mut r = side(right, "right")?;
            r.scalar.remap(&|column| column + shift);
            let sides = vec![Typed::Known(l.clone()), Typed::Known(r.clone())];
            predicates.push(self.equality(sides)?);
            merged.push(Column { name, known: self.merged(l, r, kind)? });
        }
        Ok((predicates, merged))
    }

    /// The value that USING shows of two columns. Source: `buildMergedJoinVar` in PostgreSQL's `parse_clause.c`.
    fn merged(&mut self, left: Known, right: Known, kind: Kind) -> Result<Known, PlanError> {
        let (left_type, right_type) = (left.ty, right.ty);
        let nullable = match kind {
            Kind::Inner => left.nullable && right.nullable,
            Kind::Left => left.nullable,
            Kind::Right => right.nullable,
            Kind::Full => left.nullable || right.nullable,
        };
        let ty = functions::common_type(&[Some(left_type), Some(right_type)])
            .map_err(|error| super::coerce::no_common_type(error, "JOIN/USING"))?;
        let (left_origin, right_origin) = (left.origin, right.origin);
        let cast = |known: Known, from: Type| {
            if from == ty { known.scalar } else { functions::apply_cast(known.scalar, from, ty) }
        };
        let (scalar, origin) = match kind {
            // The side that needs no cast, the left one of two.
            Kind::Inner if left_type != ty && right_type == ty => (right.scalar, right_origin),
            Kind::Inner | Kind::Left => (cast(left, left_type), left_origin),
            Kind::Right => (cast(right, right_type), right_origin),
            Kind::Full => (Scalar::Coalesce(vec![cast(left, left_type), cast(right, right_type)]), None),
        };
        Ok(Known { scalar, ty, nullable, origin })
    }
}

/// A right join: a left join of the sides exchanged, with the columns in the written order.
fn mirrored(left: Rel, right: Rel, mut on: Vec<Predicate>) -> Rel {
    let (left_arity, right_arity) = (left.arity(), right.arity());
    on.iter_mut().for_each(|predicate| {
        predicate.remap(&|column| {
            if column < left_arity { column + right_arity } else { column - left_arity }
        });
    });
    let outputs = (0..left_arity).map(|column| column + right_arity).chain(0..right_arity);
    right.join(JoinKind::Left, left, on).project(outputs.map(Scalar::Column).collect())
}
