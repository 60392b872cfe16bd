//! Subqueries whose correlation stands in filters at their top: the filters become the join's condition.

use std::collections::BTreeMap;

use offtake_lir::{AggregateFunction, JoinKind, Scalar};
use offtake_row::{Datum, Type};

use crate::rel::{Equality, Predicate, Rel, substitute};

/// The sides and the condition of an Apply that could not be pulled.
pub(super) type Unpulled = Box<(Rel, Rel, Vec<Predicate>)>;

/// The join that an Apply is, where its right side is an uncorrelated relation under projections and correlated filters.
pub(super) fn pulled(
    kind: JoinKind,
    left: Rel,
    right: Rel,
    bindings: &[(usize, Scalar)],
    mut on: Vec<Predicate>,
) -> Result<Rel, Unpulled> {
    let left_arity = left.arity();
    let values: BTreeMap<usize, Scalar> = bindings.iter().cloned().collect();
    if kind == JoinKind::Inner
        && let Some(grouped) = aggregated(&right, left_arity, &values)
        && on.is_empty()
    {
        return Ok(grouped.joined(left));
    }
    let Some(Peeled { rel, filters, outputs }) = peel(&right) else {
        return Err(Box::new((left, right, on)));
    };
    if rel.is_correlated() {
        return Err(Box::new((left, right, on)));
    }
    let arity = rel.arity();
    // Outputs that read outer values are computed above the join: not where a missing partner would have to make them NULL.
    let computed_outside = outputs.iter().any(reads_outer);
    if computed_outside && kind == JoinKind::Left {
        return Err(Box::new((left, right, on)));
    }
    let outside = |scalar: &mut Scalar| {
        scalar.remap(&|column| column + left_arity);
        substitute(scalar, &values);
    };
    let mut shifted = outputs;
    shifted.iter_mut().for_each(outside);
    for predicate in &mut on {
        predicate.each(&mut |scalar| {
            scalar.substitute_columns(&|column| match column.checked_sub(left_arity) {
                Some(output) => shifted.get(output).cloned().unwrap_or(Scalar::Column(column)),
                None => Scalar::Column(column),
            });
        });
    }
    for mut predicate in filters {
        predicate.each(&mut |scalar| outside(scalar));
        on.push(predicate);
    }
    let joined = left.join(kind, rel, on);
    Ok(match kind {
        JoinKind::Semi | JoinKind::Anti => joined,
        JoinKind::Inner | JoinKind::Left | JoinKind::Full => {
            debug_assert_eq!(joined.arity(), left_arity + arity, "a join has both sides' columns");
            joined.project((0..left_arity).map(Scalar::Column).chain(shifted).collect())
        }
    })
}

fn reads_outer(scalar: &Scalar) -> bool {
    let mut read = std::collections::BTreeSet::new();
    crate::rel::parameters(scalar, &mut read);
    !read.is_empty()
}

/// A relation without the projections and filters on top of it.
struct Peeled {
    rel: Rel,
    /// The correlated ones, over `rel`.
    filters: Vec<Predicate>,
    /// Over `rel`.
    outputs: Vec<Scalar>,
}

fn peel(rel: &Rel) -> Option<Peeled> {
    match rel {
        Rel::Project { input, outputs } => {
            let below = peel(input)?;
            let mut mine = outputs.clone();
            for output in &mut mine {
                put(output, &below.outputs);
            }
            Some(Peeled { outputs: mine, ..below })
        }
        Rel::Filter { input, predicates } => {
            let mut below = peel(input)?;
            let (mut correlated, mut local) = (Vec::new(), Vec::new());
            for predicate in predicates {
                let mut predicate = predicate.clone();
                predicate.each(&mut |scalar| put(scalar, &below.outputs));
                if predicate.parameters().is_empty() {
                    local.push(predicate)
                } else {
                    correlated.push(predicate)
                }
            }
            below.rel = below.rel.filter(local);
            below.filters.extend(correlated);
            Some(below)
        }
        // An inner join's side may be filtered: the filter is one of the join, too.
        Rel::Join { kind: JoinKind::Inner, left, right, on } => {
            let (one, other) = (peel(left)?, peel(right)?);
            let shift = one.rel.arity();
            let mut outputs = one.outputs;
            let mut filters = one.filters;
            outputs.extend(other.outputs.into_iter().map(|mut output| {
                output.remap(&|column| column + shift);
                output
            }));
            filters.extend(other.filters.into_iter().map(|mut predicate| {
                predicate.remap(&|column| column + shift);
                predicate
            }));
            let mut local = Vec::new();
            for predicate in on {
                let mut predicate = predicate.clone();
                predicate.each(&mut |scalar| put(scalar, &outputs));
                if predicate.parameters().is_empty() {
                    local.push(predicate)
                } else {
                    filters.push(predicate)
                }
            }
            Some(Peeled { rel: one.rel.join(JoinKind::Inner, other.rel, local), filters, outputs })
        }
        other => Some(Peeled {
            outputs: (0..other.arity()).map(Scalar::Column).collect(),
            rel: other.clone(),
            filters: Vec::new(),
        }),
    }
}

fn put(scalar: &mut Scalar, outputs: &[Scalar]) {
    scalar.substitute_columns(&|column| outputs.get(column).cloned().unwrap_or(Scalar::Column(column)));
}

/// Aggregates over rows that equalities tie to the outer row: grouped by what is tied, and looked up.
struct Grouped {
    rel: Rel,
    on: Vec<Predicate>,
    /// Over the left side's columns, the keys and the aggregates.
    outputs: Vec<Scalar>,
}

impl Grouped {
    fn joined(self, left: Rel) -> Rel {
        let own = (0..left.arity()).map(Scalar::Column);
        let outputs = own.chain(self.outputs).collect();
        left.join(JoinKind::Left, self.rel, self.on).project(outputs)
    }
}

fn aggregated(right: &Rel, left_arity: usize, values: &BTreeMap<usize, Scalar>) -> Option<Grouped> {
    let (outputs, aggregate) = match right {
        Rel::Project { input, outputs } => (outputs.clone(), &**input),
        other => ((0..other.arity()).map(Scalar::Column).collect(), other),
    };
    let Rel::Aggregate { input, keys, aggregates, .. } = aggregate else { return None };
    if !keys.is_empty() {
        return None;
    }
    let Peeled { rel, filters, outputs: inner } = peel(input)?;
    if rel.is_correlated() || filters.is_empty() || inner.iter().any(reads_outer) {
        return None;
    }
    // A group that no outer row asks for must not raise an error: only aggregates that have none are grouped for all.
    let mut own = aggregates.clone();
    for aggregate in &mut own {
        if aggregate.scalars_mut().any(|scalar| reads_outer(scalar)) {
            return None;
        }
        aggregate.scalars_mut().for_each(|scalar| put(scalar, &inner));
        let plain = aggregate.args.iter().chain(&aggregate.filter).all(never_fails);
        if !plain || !over_nothing(aggregate.function).1 {
            return None;
        }
    }
    let (mut key, mut on) = (Vec::new(), Vec::new());
    for predicate in filters {
        let Equality { left, right, nulls_meet: false } = predicate.equality? else { return None };
        let (mine, mut theirs) = match (reads_outer(&left), reads_outer(&right)) {
            (false, true) => (left, right),
            (true, false) => (right, left),
            _ => return None,
        };
        if !theirs.columns().is_empty() || !never_fails(&mine) {
            return None;
        }
        substitute(&mut theirs, values);
        let column = Scalar::Column(left_arity + key.len());
        key.push(mine);
        on.push(Predicate {
            scalar: Scalar::call(
                offtake_lir::Func::Compare(
                    offtake_lir::scalar::Comparison::Equal,
                    offtake_lir::Blanks::Count,
                ),
                [theirs.clone(), column.clone()],
            ),
            equality: Some(Equality { left: theirs, right: column, nulls_meet: false }),
        });
    }
    // Without a group there are no rows: what each aggregate says of none.
    let width = key.len();
    let results: Vec<Scalar> = own
        .iter()
        .enumerate()
        .map(|(position, aggregate)| {
            let column = Scalar::Column(left_arity + width + position);
            match over_nothing(aggregate.function).0 {
                Some(value) => Scalar::Coalesce(vec![column, value]),
                None => column,
            }
        })
        .collect();
    let mut shown = outputs;
    for output in &mut shown {
        put(output, &results);
        substitute(output, values);
    }
    let keys: Vec<usize> = (0..width).collect();
    let rel = Rel::Aggregate { input: Box::new(rel), keys: key, aggregates: own, shown: keys };
    Some(Grouped { rel, on, outputs: shown })
}

/// What an aggregate says of no rows (`None`: NULL), and whether it never fails.
fn over_nothing(function: AggregateFunction) -> (Option<Scalar>, bool) {
    match function {
        AggregateFunction::CountStar | AggregateFunction::Count => {
            (Some(Scalar::literal(Datum::Int(0), Type::Int8)), true)
        }
        AggregateFunction::Min(_)
        | AggregateFunction::Max(_)
        | AggregateFunction::BoolAnd
        | AggregateFunction::BoolOr
        | AggregateFunction::SumInt4
        | AggregateFunction::SumInt8
        | AggregateFunction::SumNumeric
        | AggregateFunction::AvgInt
        | AggregateFunction::AvgNumeric => (None, true),
        _ => (None, false),
    }
}

/// Whether an expression has a value for every row: columns, constants, and comparisons of them.
fn never_fails(scalar: &Scalar) -> bool {
    use offtake_lir::Func;
    match scalar {
        Scalar::Column(_) | Scalar::Literal { .. } | Scalar::Parameter { .. } => true,
        Scalar::Call { func, args } => {
            matches!(
                func,
                Func::EqualityKey(_)
                    | Func::Compare(..)
                    | Func::IsNull
                    | Func::IsNotNull
                    | Func::IsDistinct(_)
                    | Func::IsNotDistinct(_)
                    | Func::Not
            ) && args.iter().all(never_fails)
        }
        Scalar::And(args) | Scalar::Or(args) | Scalar::Coalesce(args) => args.iter().all(never_fails),
        _ => false,
    }
}
