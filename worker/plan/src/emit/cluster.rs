//! Clusters: inner joins, filters and projections over leaves, planned together.

use std::collections::BTreeSet;

use offtake_lir::{JoinKind, JoinStage, Lir, Scalar};
use offtake_row::{Datum, Row};

use super::{
    Input, input,
    order::{self, Connection},
    step::{apply, place, places, step},
};
use crate::{
    error::PlanError,
    optimise::may_fail,
    rel::{Equality, Predicate, Rel},
};

/// Most nodes of expressions that a cluster may copy: `x + x` of `x + x` of … doubles with every projection.
const MOST_NODES: usize = 100_000;

/// Leaves whose columns stand one after another; predicates and outputs read those.
struct Cluster {
    leaves: Vec<Rel>,
    predicates: Vec<Predicate>,
    outputs: Vec<Scalar>,
}

impl Cluster {
    /// The leaves of a relation; what is neither join, filter nor projection is one.
    fn of(rel: Rel) -> Cluster {
        match rel {
            Rel::Filter { input, predicates } => {
                let mut cluster = Cluster::of(*input);
                for predicate in predicates {
                    let predicate = predicate.substituted(&cluster.outputs);
                    cluster.predicates.push(predicate);
                }
                cluster
            }
            Rel::Project { input, outputs } => {
                let mut cluster = Cluster::of(*input);
                if copied(&outputs, &cluster.outputs) > MOST_NODES {
                    let below = cluster.closed();
                    return Cluster { outputs, ..Cluster::leaf(below) };
                }
                let below = std::mem::take(&mut cluster.outputs);
                cluster.outputs = outputs;
                for output in &mut cluster.outputs {
                    output.substitute_columns(&|column| {
                        below.get(column).cloned().unwrap_or(Scalar::Column(column))
                    });
                }
                cluster
            }
            Rel::Join { kind: JoinKind::Inner, left, right, on } => {
                let mut cluster = Cluster::of(*left);
                let other = Cluster::of(*right);
                let shift: usize = cluster.leaves.iter().map(Rel::arity).sum();
                cluster.leaves.extend(other.leaves);
                cluster.predicates.extend(other.predicates.into_iter().map(|mut predicate| {
                    predicate.remap(&|column| column + shift);
                    predicate
                }));
                cluster.outputs.extend(other.outputs.into_iter().map(|mut output| {
                    output.remap(&|column| column + shift);
                    output
                }));
                for predicate in on {
                    let predicate = predicate.substituted(&cluster.outputs);
                    cluster.predicates.push(predicate);
                }
                cluster
            }
            Rel::Constant { rows, arity: 0 } if rows.len() == 1 => {
                Cluster { leaves: Vec::new(), predicates: Vec::new(), outputs: Vec::new() }
            }
            leaf => Cluster::leaf(leaf),
        }
    }

    fn leaf(rel: Rel) -> Cluster {
        let outputs = (0..rel.arity()).map(Scalar::Column).collect();
        Cluster { leaves: vec![rel], predicates: Vec::new(), outputs }
    }

    /// The cluster as a relation again.
    fn closed(self) -> Rel {
        let mut leaves = self.leaves.into_iter();
        let first = leaves.next().unwrap_or_else(Rel::unit);
        let joined = leaves.fold(first, |left, right| left.join(JoinKind::Inner, right, Vec::new()));
        joined.filter(self.predicates).project(self.outputs)
    }
}

/// How many nodes expressions have below a projection, up to a little more than the limit.
fn copied(outputs: &[Scalar], below: &[Scalar]) -> usize {
    let mut nodes = 0;
    let mut stack: Vec<(&Scalar, bool)> = outputs.iter().map(|output| (output, true)).collect();
    while let Some((scalar, above)) = stack.pop() {
        nodes += 1;
        if nodes > MOST_NODES {
            break;
        }
        match scalar {
            Scalar::Column(column) if above => stack.extend(below.get(*column).map(|output| (output, false))),
            other => other.for_each_operand(&mut |operand| stack.push((operand, above))),
        }
    }
    nodes
}

/// Plans a cluster: the needed outputs, in order.
pub(super) fn emit(rel: Rel, needed: &BTreeSet<usize>) -> Result<Input, PlanError> {
    let Cluster { leaves, predicates, outputs } = Cluster::of(rel);
    let layout: Vec<usize> = needed.iter().copied().collect();
    let outputs: Vec<Scalar> = layout
        .iter()
        .map(|column| outputs.get(*column).cloned().unwrap_or(Scalar::Column(*column)))
        .collect();
    let mut starts = Vec::with_capacity(leaves.len());
    let mut end = 0;
    for leaf in &leaves {
        starts.push(end);
        end += leaf.arity();
    }
    let mut local: Vec<Vec<Scalar>> = leaves.iter().map(|_| Vec::new()).collect();
    let mut across = Vec::new();
    for mut predicate in predicates {
        match predicate.scalar.as_literal() {
            Some(Datum::Bool(true)) => continue,
            Some(_) => return Ok(Input { lir: Lir::Constant { rows: Vec::new() }, layout }),
            None => {}
        }
        // What may fail is asked for pairs, not for a leaf's rows: these may have no partner.
        let stays = leaves.len() > 1 && may_fail(&predicate.scalar);
        match only_leaf(&predicate, &starts).filter(|_| !stays) {
            Some(leaf) => {
                predicate.remap(&|column| column - starts[leaf]);
                local[leaf].push(predicate.scalar);
            }
            None => across.push(predicate),
        }
    }
    let lir = match leaves.len() {
        0 => constant(across, &outputs),
        1 => single(leaves, local, across, outputs)?,
        _ => joined(leaves, &starts, local, across, outputs)?,
    };
    Ok(Input { lir, layout })
}

/// The only leaf that a predicate reads.
fn only_leaf(predicate: &Predicate, starts: &[usize]) -> Option<usize> {
    let columns = predicate.columns();
    let (first, last) = (columns.first()?, columns.last()?);
    let leaf = starts.partition_point(|start| start <= first) - 1;
    let end = starts.get(leaf + 1).copied().unwrap_or(usize::MAX);
    (*last < end).then_some(leaf)
}

fn scalars(predicates: Vec<Predicate>) -> Vec<Scalar> {
    predicates.into_iter().map(|predicate| predicate.scalar).collect()
}

fn constant(across: Vec<Predicate>, outputs: &[Scalar]) -> Lir {
    let datums: Option<Vec<Datum<'_>>> = outputs.iter().map(Scalar::as_literal).collect();
    if let (true, Some(datums)) = (across.is_empty(), datums) {
        return Lir::Constant { rows: vec![(Row::pack(datums), 1)] };
    }
    let one = Lir::Constant { rows: vec![(Row::empty(), 1)] };
    apply(one, step(0, scalars(across), outputs))
}

fn single(
    leaves: Vec<Rel>,
    local: Vec<Vec<Scalar>>,
    across: Vec<Predicate>,
    mut outputs: Vec<Scalar>,
) -> Result<Lir, PlanError> {
    let mut predicates: Vec<Scalar> = local.into_iter().flatten().collect();
    predicates.extend(scalars(across));
    let mut needed = BTreeSet::new();
    predicates.iter().chain(&outputs).for_each(|scalar| scalar.collect_columns(&mut needed));
    let Some(leaf) = leaves.into_iter().next() else {
        return Err(PlanError::internal("a cluster without its leaf"));
    };
    let Input { lir, layout } = input(leaf, &needed)?;
    let places = places(&layout);
    predicates
        .iter_mut()
        .chain(&mut outputs)
        .for_each(|scalar| scalar.remap(&|column| place(&places, column)));
    Ok(apply(lir, step(layout.len(), predicates, &outputs)))
}

/// Joins the leaves in order; each predicate is applied as soon as all that it reads is there.
fn joined(
    leaves: Vec<Rel>,
    starts: &[usize],
    local: Vec<Vec<Scalar>>,
    mut across: Vec<Predicate>,
    outputs: Vec<Scalar>,
) -> Result<Lir, PlanError> {
    let filtered: Vec<bool> = local.iter().map(|filters| !filters.is_empty()).collect();
    let order: Vec<(usize, Connection)> = order::order(&leaves, starts, &filtered, &across);
    // What is read of each leaf: by outputs, and by predicates and keys across leaves.
    let mut needed: BTreeSet<usize> = BTreeSet::new();
    outputs.iter().for_each(|scalar| scalar.collect_columns(&mut needed));
    across.iter().for_each(|predicate| needed.extend(predicate.columns()));
    let mut inputs = Vec::with_capacity(leaves.len());
    for (position, (leaf, filters)) in leaves.into_iter().zip(local).enumerate() {
        let (start, end) = (starts[position], starts[position] + leaf.arity());
        let mine: BTreeSet<usize> = needed.range(start..end).map(|column| column - start).collect();
        let mut input = filtered_leaf(leaf, mine, filters)?;
        input.layout.iter_mut().for_each(|column| *column += start);
        inputs.push(Some(input));
    }
    let mut take = |leaf: usize| {
        inputs
            .get_mut(leaf)
            .and_then(Option::take)
            .ok_or_else(|| PlanError::internal("a leaf that is joined twice"))
    };
    let mut remaining = order.iter();
    let first = remaining.next().map_or(0, |(leaf, _)| *leaf);
    let Input { lir, layout: mut stream } = take(first)?;
    let mut lirs = vec![lir];
    let mut stages = Vec::new();
    let last = order.len() - 1;
    for (position, (leaf, _)) in order.iter().enumerate().skip(1) {
        let Input { lir, layout } = take(*leaf)?;
        lirs.push(lir);
        let keys = Keys::taken(&mut across, &stream, &layout);
        let both: Vec<usize> = stream.iter().chain(&layout).copied().collect();
        let ready =
            |predicate: &Predicate| position == last || predicate.columns().iter().all(|c| both.contains(c));
        let (now, later): (Vec<_>, Vec<_>) = across.into_iter().partition(ready);
        across = later;
        let mut predicates = scalars(now);
        let places = places(&both);
        let mut shown: Vec<Scalar> = if position == last {
            outputs.clone()
        } else {
            let mut wanted = BTreeSet::new();
            outputs.iter().for_each(|scalar| scalar.collect_columns(&mut wanted));
            across.iter().for_each(|predicate| wanted.extend(predicate.columns()));
            let kept = both.iter().filter(|column| wanted.contains(column));
            kept.map(|column| Scalar::Column(*column)).collect()
        };
        let next = shown
            .iter()
            .filter_map(|scalar| match scalar {
                Scalar::Column(column) => Some(*column),
                _ => None,
            })
            .collect();
        predicates
            .iter_mut()
            .chain(&mut shown)
            .for_each(|scalar| scalar.remap(&|column| place(&places, column)));
        let closure = step(both.len(), predicates, &shown);
        let mut stage = JoinStage::inner(keys.stream, keys.lookup, layout.len(), closure);
        stage.nulls_meet = keys.nulls_meet;
        stages.push(stage);
        stream = next;
    }
    Ok(Lir::Join { inputs: lirs, stages })
}

/// A leaf's rows that pass the filters, narrowed to the needed columns if that makes a step anyway.
fn filtered_leaf(leaf: Rel, needed: BTreeSet<usize>, mut filters: Vec<Scalar>) -> Result<Input, PlanError> {
    let mut read = needed.clone();
    filters.iter().for_each(|filter| filter.collect_columns(&mut read));
    let Input { lir, layout } = input(leaf, &read)?;
    if filters.is_empty() {
        return Ok(Input { lir, layout });
    }
    let places = places(&layout);
    filters.iter_mut().for_each(|scalar| scalar.remap(&|column| place(&places, column)));
    let kept: Vec<usize> = layout.iter().copied().filter(|column| needed.contains(column)).collect();
    let outputs: Vec<Scalar> = kept.iter().map(|column| Scalar::Column(place(&places, *column))).collect();
    Ok(Input { lir: apply(lir, step(layout.len(), filters, &outputs)), layout: kept })
}

/// The keys by which a stage's sides meet, each over its side's own layout.
pub(super) struct Keys {
    pub(super) stream: Vec<Scalar>,
    pub(super) lookup: Vec<Scalar>,
    pub(super) nulls_meet: Vec<usize>,
}

impl Keys {
    /// Takes the equalities that connect the stream with the looked-up columns.
    pub(super) fn taken(across: &mut Vec<Predicate>, stream: &[usize], lookup: &[usize]) -> Keys {
        let mut keys = Keys { stream: Vec::new(), lookup: Vec::new(), nulls_meet: Vec::new() };
        let (stream_places, lookup_places) = (places(stream), places(lookup));
        across.retain(|predicate| {
            let Some(Equality { left, right, nulls_meet }) = &predicate.equality else { return true };
            let reads = |scalar: &Scalar, columns: &[usize]| {
                let read = scalar.columns();
                !read.is_empty() && read.iter().all(|column| columns.contains(column))
            };
            let (mine, theirs) = if reads(left, stream) && reads(right, lookup) {
                (left, right)
            } else if reads(right, stream) && reads(left, lookup) {
                (right, left)
            } else {
                return true;
            };
            let (mut mine, mut theirs) = (mine.clone(), theirs.clone());
            mine.remap(&|column| place(&stream_places, column));
            theirs.remap(&|column| place(&lookup_places, column));
            let same = |pair: (&Scalar, &Scalar)| pair == (&mine, &theirs);
            match keys.stream.iter().zip(&keys.lookup).position(same) {
                // Of two equalities of the same values, the one that NULL does not pass holds.
                Some(known) if !nulls_meet => keys.nulls_meet.retain(|place| *place != known),
                Some(_) => {}
                None => {
                    if *nulls_meet {
                        keys.nulls_meet.push(keys.stream.len());
                    }
                    keys.stream.push(mine);
                    keys.lookup.push(theirs);
                }
            }
            false
        });
        keys
    }
}
