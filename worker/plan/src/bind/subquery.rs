//! Subqueries in expressions, and conditions that are subqueries.

use offtake_lir::{Aggregate, AggregateFunction, JoinKind, Scalar};
use offtake_row::{Datum, Type};
use sqlparser::ast::{BinaryOperator, Expr, Query, Spanned, UnaryOperator};

use super::{
    Binder, Closed, Surroundings,
    attach::Places,
    conjuncts,
    expression::{Clause, Pending},
    group::Regrouped,
    operator::fields,
    place::Place,
    query::Named,
    scope::{Capture, Env, Outer},
    typed::Typed,
};
use crate::{
    error::PlanError,
    rel::{Predicate, Rel},
};

/// A subquery that gives an expression a value: it is joined with the rows that the expression is over.
pub(super) struct Subquery {
    pub(super) kind: JoinKind,
    pub(super) rel: Rel,
    pub(super) captures: Vec<Capture>,
    /// Its own columns stand as [`Place::Right`].
    pub(super) on: Vec<Predicate>,
    /// Its column that is the value.
    pub(super) column: usize,
    /// Whether it stands in an aggregate's argument, below the grouping.
    pub(super) in_aggregate: bool,
}

impl Subquery {
    /// Puts the columns of grouped rows into what it reads of them.
    pub(super) fn regroup(&mut self, regrouped: &Regrouped<'_>) -> Result<(), PlanError> {
        for capture in &mut self.captures {
            regrouped.apply(&mut capture.value.scalar).map_err(|error| match error.sqlstate {
                "42803" => PlanError {
                    message: error.message.replace("column ", "subquery uses ungrouped column ").replace(
                        " must appear in the GROUP BY clause or be used in an aggregate function",
                        " from outer query",
                    ),
                    ..error
                },
                _ => error,
            })?;
        }
        let mut result = Ok(());
        for predicate in &mut self.on {
            predicate.each(&mut |scalar| {
                if result.is_ok() {
                    result = regrouped.apply(scalar);
                }
            });
        }
        result
    }
}

/// A subquery with what it reads of the query around it.
pub(super) struct Inner {
    pub(super) closed: Closed,
    pub(super) captures: Vec<Capture>,
}

impl Binder<'_> {
    pub(super) fn inner_query(
        &mut self,
        query: &Query,
        env: &Env<'_>,
        named: &Named,
    ) -> Result<Inner, PlanError> {
        // Each is one more join.
        self.count(1)?;
        let outer = Outer::new(env, &self.numbers);
        let closed = self.query(query, Surroundings { named, outer: Some(&outer) })?;
        Ok(Inner { closed, captures: outer.into_captures() })
    }

    /// Notes a subquery and gives the place of its value.
    pub(super) fn pend(at: &mut Clause<'_>, subquery: Subquery) -> Scalar {
        let subquery = Subquery { in_aggregate: at.in_aggregate, ..subquery };
        at.pending.subqueries.push(subquery);
        Place::Subquery(at.pending.subqueries.len() - 1).scalar()
    }

    /// `(SELECT …)` as a value: NULL of no row, 21000 of more than one.
    pub(super) fn scalar_subquery(&mut self, query: &Query, at: &mut Clause<'_>) -> Result<Typed, PlanError> {
        let Inner { closed, captures } = self.inner_query(query, at.env, at.named)?;
        let [column] = closed.columns.as_slice() else {
            return Err(PlanError::syntax("subquery must return only one column").at(query.body.span()));
        };
        let (ty, nullable) = (column.ty, true);
        let once = closed.rel.unique_key().is_some_and(|key| key.is_empty());
        let (kind, rel) = if always_one_row(&closed.rel) {
            (JoinKind::Inner, closed.rel)
        } else if once {
            (JoinKind::Left, closed.rel)
        } else {
            let single = aggregate(AggregateFunction::Single, vec![Scalar::Column(0)]);
            (JoinKind::Inner, grouped(closed.rel, vec![single]))
        };
        let subquery =
            Subquery { kind, rel, captures, on: Vec::new(), column: 0, in_aggregate: at.in_aggregate };
        Ok(Typed::known(Self::pend(at, subquery), ty, nullable))
    }

    /// `EXISTS (…)` as a value.
    pub(super) fn exists_value(
        &mut self,
        query: &Query,
        negated: bool,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let Inner { closed, captures } = self.inner_query(query, at.env, at.named)?;
        let rel =
            grouped(without_limit(closed.rel), vec![aggregate(AggregateFunction::CountStar, Vec::new())]);
        let subquery = Subquery {
            kind: JoinKind::Inner,
            rel,
            captures,
            on: Vec::new(),
            column: 0,
            in_aggregate: at.in_aggregate,
        };
        let count = Typed::known(Self::pend(at, subquery), Type::Int8, false);
        let zero = Typed::known(Scalar::literal(Datum::Int(0), Type::Int8), Type::Int8, false);
        self.operator(if negated { "=" } else { ">" }, vec![count, zero])
    }

    /// Filters rows by a condition. Conjuncts that are subqueries become semi- and anti-joins.
    pub(super) fn condition(
        &mut self,
        mut rel: Rel,
        expr: &Expr,
        env: &Env<'_>,
        named: &Named,
        clause: &'static str,
    ) -> Result<Rel, PlanError> {
        let conjuncts = conjuncts::of(expr);
        let whole = if conjuncts.len() > 1 { "AND" } else { clause };
        // Subqueries are asked for the rows that all other conjuncts leave: what they raise for others is not seen in PostgreSQL either,
        // which looks at cheap conditions first.
        let mut plain = Vec::with_capacity(conjuncts.len());
        let (mut tests, mut computed) = (Vec::new(), Vec::new());
        for conjunct in conjuncts {
            if let Some(test) = test_of(conjunct, false) {
                tests.push(test);
                continue;
            }
            let mut pending = Pending::default();
            let mut at = Clause::plain(env, &mut pending, named, clause);
            let predicate = self.conjunct(conjunct, whole, &mut at)?;
            if pending.subqueries.is_empty() {
                plain.push(predicate);
            } else {
                computed.push((predicate, pending.subqueries));
            }
        }
        rel = rel.filter(plain);
        for test in tests {
            rel = self.semi_join(rel, &test, env, named, clause)?;
        }
        for (mut predicate, subqueries) in computed {
            let mut places = Places::default();
            rel = places.attach(rel, subqueries.into_iter().enumerate())?;
            let mut filled = Ok(());
            predicate.each(&mut |scalar| {
                if filled.is_ok() {
                    filled = places.fill(scalar);
                }
            });
            filled?;
            rel = rel.filter(vec![predicate]);
        }
        Ok(rel)
    }

    /// The condition of an outer join.
    pub(super) fn join_condition(
        &mut self,
        expr: &Expr,
        env: &Env<'_>,
        named: &Named,
    ) -> Result<Vec<Predicate>, PlanError> {
        let conjuncts = conjuncts::of(expr);
        let whole = if conjuncts.len() > 1 { "AND" } else { "JOIN/ON" };
        let mut predicates = Vec::with_capacity(conjuncts.len());
        for conjunct in conjuncts {
            let mut pending = Pending::default();
            let mut at = Clause::plain(env, &mut pending, named, "JOIN conditions");
            predicates.push(self.conjunct(conjunct, whole, &mut at)?);
            if !pending.subqueries.is_empty() {
                return Err(PlanError::unsupported(
                    "a subquery in the condition of an outer join is",
                    "compute it in a subquery in FROM and compare with its column",
                )
                .at(conjunct.span()));
            }
        }
        Ok(predicates)
    }

    fn conjunct(&mut self, expr: &Expr, clause: &str, at: &mut Clause<'_>) -> Result<Predicate, PlanError> {
        if let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = expr
            && fields(left).is_none()
        {
            let sides = vec![self.expr(left, at)?, self.expr(right, at)?];
            return self.equality(sides).map_err(|error| error.at(expr.span()));
        }
        let typed = self.expr(expr, at)?;
        Ok(Predicate::new(self.truth(typed, clause).map_err(|error| error.at(expr.span()))?))
    }

    /// Keeps the rows for which a subquery's test is true.
    fn semi_join(
        &mut self,
        mut rel: Rel,
        test: &Test<'_>,
        env: &Env<'_>,
        named: &Named,
        clause: &'static str,
    ) -> Result<Rel, PlanError> {
        let Inner { closed, captures } = self.inner_query(test.query, env, named)?;
        let Some((left, symbol)) = &test.comparison else {
            let kind = if test.negated { JoinKind::Anti } else { JoinKind::Semi };
            return Places::default().join(rel, kind, without_limit(closed.rel), captures, Vec::new());
        };
        let mut pending = Pending::default();
        let mut at = Clause::plain(env, &mut pending, named, clause);
        let lefts = match fields(left) {
            Some(fields) => self.exprs(fields, &mut at)?,
            None => vec![self.expr(left, &mut at)?],
        };
        check_width(lefts.len(), closed.columns.len()).map_err(|error| error.at(left.span()))?;
        let mut places = Places::default();
        rel = places.attach(rel, pending.subqueries.into_iter().enumerate())?;
        let compared = self.compare(&closed, lefts, symbol).map_err(|error| error.at(left.span()))?;
        if !test.negated {
            return places.join(rel, JoinKind::Semi, closed.rel, captures, compared.on);
        }
        for (right, on) in self.none_matches(closed.rel, compared)? {
            rel = places.join(rel, JoinKind::Anti, right, captures.clone(), on)?;
        }
        Ok(rel)
    }
}

/// A condition that is a subquery: `EXISTS`, `IN`, `op ANY` and their negations.
struct Test<'q> {
    query: &'q Query,
    /// What the rows are compared with, and how; `None`: whether there are any.
    comparison: Option<(&'q Expr, String)>,
    negated: bool,
}

fn test_of(expr: &Expr, negate: bool) -> Option<Test<'_>> {
    match expr {
        Expr::Nested(inner) => test_of(inner, negate),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => test_of(expr, !negate),
        Expr::Exists { subquery, negated } => {
            Some(Test { query: subquery, comparison: None, negated: *negated != negate })
        }
        Expr::InSubquery { expr, subquery, negated } => Some(Test {
            query: subquery,
            comparison: Some((expr, "=".to_owned())),
            negated: *negated != negate,
        }),
        Expr::AnyOp { left, compare_op, right, .. } => match &**right {
            Expr::Subquery(query) => Some(Test {
                query,
                comparison: Some((left, Binder::symbol(compare_op).ok()?)),
                negated: negate,
            }),
            _ => None,
        },
        Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } if !negate => match &**right {
            Expr::Subquery(query) => {
                Some(Test { query, comparison: Some((left, "=".to_owned())), negated: true })
            }
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn check_width(left: usize, right: usize) -> Result<(), PlanError> {
    match left.cmp(&right) {
        std::cmp::Ordering::Less => Err(PlanError::syntax("subquery has too many columns")),
        std::cmp::Ordering::Greater => Err(PlanError::syntax("subquery has too few columns")),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

/// Aggregates over all rows.
pub(super) fn grouped(rel: Rel, aggregates: Vec<Aggregate>) -> Rel {
    Rel::Aggregate { input: Box::new(rel), keys: Vec::new(), aggregates, shown: Vec::new() }
}

pub(super) fn aggregate(function: AggregateFunction, args: Vec<Scalar>) -> Aggregate {
    Aggregate { function, args, order_by: Vec::new(), filter: None, distinct: false }
}

/// Whether there is one row whatever the data: aggregates without GROUP BY.
fn always_one_row(rel: &Rel) -> bool {
    match rel {
        Rel::Aggregate { keys, .. } => keys.is_empty(),
        Rel::Project { input, .. } | Rel::Window { input, .. } => always_one_row(input),
        Rel::Constant { rows, .. } => rows.len() == 1,
        _ => false,
    }
}

/// Whether there are rows does not depend on a limit above zero.
fn without_limit(rel: Rel) -> Rel {
    match rel {
        Rel::Project { input, outputs } => Rel::Project { input: Box::new(without_limit(*input)), outputs },
        Rel::Top { input, top }
            if top.offset.is_none()
                && top.limit.as_ref().is_none_or(|limit| {
                    matches!(limit.as_literal(), Some(Datum::Int(1..) | Datum::Null))
                }) =>
        {
            *input
        }
        rel => rel,
    }
}
