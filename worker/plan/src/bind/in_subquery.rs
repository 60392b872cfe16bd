//! `IN`, `op ANY` and `op ALL` over a subquery's rows. Source: PostgreSQL documentation, 9.23 (Subquery Expressions).

use offtake_lir::{AggregateFunction, Blanks, Func, JoinKind, Scalar, scalar::Comparison};
use offtake_row::{Datum, Type};
use sqlparser::ast::{BinaryOperator, Expr, Query};

use super::{
    Binder, Closed,
    expression::Clause,
    operator::fields,
    place::Place,
    scope::Capture,
    subquery::{Inner, Subquery, aggregate, check_width, grouped},
    typed::{Known, Typed},
};
use crate::{
    error::PlanError,
    rel::{Equality, Predicate, Rel},
};

/// A comparison with a subquery's rows.
pub(super) struct Compared {
    /// The conjuncts of the comparison; the subquery's columns stand as [`Place::Right`].
    pub(super) on: Vec<Predicate>,
    /// The comparison as a whole.
    whole: Scalar,
    /// Whether the comparison can be NULL because of the left side, or of the subquery's.
    left_nullable: bool,
    right_nullable: bool,
    /// The left side, if it is one value that is compared by `=`.
    single: Option<Scalar>,
}

impl Binder<'_> {
    /// Compares values with each row of a subquery.
    pub(super) fn compare(
        &mut self,
        closed: &Closed,
        lefts: Vec<Typed>,
        symbol: &str,
    ) -> Result<Compared, PlanError> {
        let rights: Vec<Typed> = closed
            .columns
            .iter()
            .enumerate()
            .map(|(position, column)| {
                Typed::known(Place::Right(position).scalar(), column.ty, column.nullable)
            })
            .collect();
        let left_nullable = lefts.iter().any(Typed::nullable);
        let right_nullable = rights.iter().any(Typed::nullable);
        let mut on = Vec::with_capacity(lefts.len());
        if symbol == "=" {
            for (left, right) in lefts.iter().zip(&rights) {
                on.push(self.equality(vec![left.clone(), right.clone()])?);
            }
        } else if let ([left], [right]) = (lefts.as_slice(), rights.as_slice()) {
            let typed = self.operator(symbol, vec![left.clone(), right.clone()])?;
            on.push(Predicate::new(self.truth(typed, "ANY")?));
        } else {
            let typed = self.row_comparison(symbol, lefts.clone(), rights)?;
            on.push(Predicate::new(self.truth(typed, "ANY")?));
        }
        let single = match (on.as_slice(), symbol) {
            ([Predicate { equality: Some(equality), .. }], "=") => Some(equality.left.clone()),
            _ => None,
        };
        let whole = Predicate::all(on.iter().map(|predicate| predicate.scalar.clone()).collect());
        Ok(Compared { on, whole, left_nullable, right_nullable, single })
    }

    /// The anti-joins that leave the rows for which the comparison is false with every row of the subquery (not true, and not NULL).
    pub(super) fn none_matches(
        &mut self,
        right: Rel,
        compared: Compared,
    ) -> Result<Vec<(Rel, Vec<Predicate>)>, PlanError> {
        let Compared { on, whole, left_nullable, right_nullable, single } = compared;
        if !left_nullable && !right_nullable {
            return Ok(vec![(right, on)]);
        }
        let mut again = |rel: &Rel| {
            let mut rel = rel.clone();
            rel.rename_locals(&mut self.next_local);
            rel
        };
        let Some(left) = single else {
            let not_false = Scalar::call(Func::IsNotFalse, [whole]);
            return Ok(vec![(right, vec![Predicate::new(not_false)])]);
        };
        let mut joins = Vec::with_capacity(3);
        if right_nullable {
            // One NULL in the subquery, and the comparison is false with no value.
            let is_null = Scalar::call(Func::IsNull, [Scalar::Column(0)]);
            joins.push((again(&right).filter(vec![Predicate::new(is_null)]), Vec::new()));
        }
        if left_nullable {
            // NULL is compared with nothing only if there is nothing.
            let truth = || Scalar::literal(Datum::Bool(true), Type::Bool);
            let left_is_null = Scalar::Case {
                branches: vec![(Scalar::call(Func::IsNull, [left]), truth())],
                otherwise: Box::new(Scalar::null(Type::Bool)),
            };
            let any = again(&right).project(vec![truth()]).distinct();
            let scalar = left_is_null.clone();
            let equality =
                Some(Equality { left: left_is_null, right: Place::Right(0).scalar(), nulls_meet: false });
            joins.push((any, vec![Predicate { scalar, equality }]));
        }
        joins.push((right, on));
        Ok(joins)
    }

    /// `x [NOT] IN (SELECT …)` as a value.
    pub(super) fn in_value(
        &mut self,
        left: &Expr,
        query: &Query,
        negated: bool,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let found = self.any_value(left, "=", query, true, at)?;
        if negated { self.not(found) } else { Ok(found) }
    }

    /// `x op ANY (…)` and `x op ALL (…)` over a subquery or an array.
    pub(super) fn quantified(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        any: bool,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let symbol = Self::symbol(op)?;
        let mut bare = right;
        while let Expr::Nested(inner) = bare {
            bare = inner;
        }
        if let Expr::Subquery(query) = bare {
            return self.any_value(left, &symbol, query, any, at);
        }
        let left = self.expr(left, at)?;
        let array = self.expr(right, at)?;
        self.compare_with_array(&symbol, left, array, any)
    }

    /// Whether a comparison is true with any (or with all) of a subquery's rows: true, false, or NULL if that hangs on a NULL.
    fn any_value(
        &mut self,
        left: &Expr,
        symbol: &str,
        query: &Query,
        any: bool,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let lefts = match fields(left) {
            Some(fields) => self.exprs(fields, at)?,
            None => vec![self.expr(left, at)?],
        };
        let Inner { closed, captures } = self.inner_query(query, at.env, at.named)?;
        check_width(lefts.len(), closed.columns.len())?;
        if any
            && symbol == "="
            && let [left] = lefts.as_slice()
        {
            return self.member(left.clone(), closed, captures, at);
        }
        // The left side is captured, the comparison is made for each row and summed up.
        let mut captures = captures;
        let mut outside = Vec::with_capacity(lefts.len());
        for left in lefts {
            let known = self.settle(left)?;
            outside.push(Typed::Known(self.captured(known, &mut captures)));
        }
        let compared = self.compare(&closed, outside, symbol)?;
        let mut whole = compared.whole;
        whole.remap(&|column| match Place::of(column) {
            Place::Right(column) => column,
            _ => column,
        });
        let sum = if any { AggregateFunction::BoolOr } else { AggregateFunction::BoolAnd };
        let mut unknown = aggregate(AggregateFunction::CountStar, Vec::new());
        unknown.filter = Some(Scalar::call(Func::IsNull, [whole.clone()]));
        let sums = grouped(closed.rel, vec![aggregate(sum, vec![whole]), unknown]);
        // Decided by one row; else NULL if one is; else the answer over no rows.
        let decided = Scalar::literal(Datum::Bool(any), Type::Bool);
        let zero = Scalar::literal(Datum::Int(0), Type::Int8);
        let value = Scalar::Case {
            branches: vec![
                (Scalar::call(if any { Func::IsTrue } else { Func::IsFalse }, [Scalar::Column(0)]), decided),
                (comparison(Comparison::Greater, Scalar::Column(1), zero), Scalar::null(Type::Bool)),
            ],
            otherwise: Box::new(Scalar::literal(Datum::Bool(!any), Type::Bool)),
        };
        let subquery = Subquery {
            kind: JoinKind::Inner,
            rel: sums.project(vec![value]),
            captures,
            on: Vec::new(),
            column: 0,
            in_aggregate: at.in_aggregate,
        };
        Ok(Typed::known(Self::pend(at, subquery), Type::Bool, true))
    }

    /// `x IN (SELECT y …)` as a value: a look-up among the distinct values, and what is to be known of NULLs.
    fn member(
        &mut self,
        left: Typed,
        closed: Closed,
        captures: Vec<Capture>,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let compared = self.compare(&closed, vec![left], "=")?;
        let Compared { mut on, left_nullable, right_nullable, single, .. } = compared;
        let Some(Predicate { scalar, equality: Some(equality) }) = on.first_mut() else {
            return Err(PlanError::internal("IN without an equality"));
        };
        let mut key = std::mem::replace(&mut equality.right, Place::Right(0).scalar());
        *scalar = comparison(Comparison::Equal, equality.left.clone(), equality.right.clone());
        key.remap(&|column| match Place::of(column) {
            Place::Right(column) => column,
            _ => column,
        });
        let truth = Scalar::literal(Datum::Bool(true), Type::Bool);
        let mut rel = closed.rel;
        let counted = (left_nullable || right_nullable).then(|| {
            let mut again = rel.clone();
            again.rename_locals(&mut self.next_local);
            again
        });
        rel = rel.project(vec![key]).distinct().extend(vec![truth.clone()]);
        let found = Self::pend(
            at,
            Subquery {
                kind: JoinKind::Left,
                rel,
                captures: captures.clone(),
                on,
                column: 1,
                in_aggregate: at.in_aggregate,
            },
        );
        let mut branches = vec![(Scalar::call(Func::IsNotNull, [found]), truth)];
        let zero = || Scalar::literal(Datum::Int(0), Type::Int8);
        if let (Some(counted), Some(left)) = (counted, single) {
            // How many rows there are, or how many NULLs, if only they matter.
            let mut nulls = aggregate(AggregateFunction::CountStar, Vec::new());
            nulls.filter = Some(Scalar::call(Func::IsNull, [Scalar::Column(0)]));
            let count = aggregate(AggregateFunction::CountStar, Vec::new());
            let sums = grouped(counted, vec![count, nulls]);
            let subquery = |column| Subquery {
                kind: JoinKind::Inner,
                rel: sums.clone().project(vec![Scalar::Column(column)]),
                captures: captures.clone(),
                on: Vec::new(),
                column: 0,
                in_aggregate: at.in_aggregate,
            };
            let (rows, nulls) = (subquery(0), subquery(1));
            let nothing = Scalar::null(Type::Bool);
            if left_nullable {
                let rows = Self::pend(at, rows);
                let left_is_null = Scalar::call(Func::IsNull, [left]);
                branches.push((
                    Scalar::And(vec![left_is_null, comparison(Comparison::Greater, rows, zero())]),
                    nothing.clone(),
                ));
            }
            if right_nullable {
                let nulls = Self::pend(at, nulls);
                branches.push((comparison(Comparison::Greater, nulls, zero()), nothing));
            }
        }
        let otherwise = Box::new(Scalar::literal(Datum::Bool(false), Type::Bool));
        let value = Scalar::Case { branches, otherwise };
        Ok(Typed::known(value, Type::Bool, left_nullable || right_nullable))
    }

    /// A value of the outer query, as the parameter that stands for it in the subquery.
    fn captured(&mut self, value: Known, captures: &mut Vec<Capture>) -> Known {
        let parameter = self.numbers.next();
        let inside = Known { scalar: Scalar::Parameter { index: parameter, ty: value.ty }, ..value.clone() };
        captures.push(Capture { parameter, value });
        inside
    }
}

fn comparison(comparison: Comparison, left: Scalar, right: Scalar) -> Scalar {
    Scalar::call(Func::Compare(comparison, Blanks::Count), [left, right])
}
