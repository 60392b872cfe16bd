//! Emission: blocks become LIR nodes, with what is not needed left out.

use std::collections::{BTreeMap, BTreeSet};

use offtake_lir::{Aggregate, JoinStage, Lir, Mfp, Scalar};
use offtake_row::Row;

use super::{
    Block, Equality, Leaf, Predicate,
    order::{self, Connection},
    push::{self, Placed},
};

/// A block's plan.
pub(crate) struct Emitted {
    pub(crate) lir: Lir,
    /// Output columns whose values occur once.
    pub(crate) key: Option<Vec<usize>>,
}

/// A leaf's plan: which of the leaf's columns it gives, in order.
struct Input {
    lir: Lir,
    layout: Vec<usize>,
}

/// Plans a block.
pub(crate) fn emit(mut block: Block) -> Emitted {
    let starts = push::starts(&block.leaves);
    let Some(placed) = push::place(&mut block) else {
        return Emitted { lir: Lir::Constant { rows: Vec::new() }, key: None };
    };
    match block.leaves.len() {
        0 => constant(&block, placed),
        1 => single(block, placed),
        _ => join(block, &starts, placed),
    }
}

fn scalars(predicates: Vec<Predicate>) -> Vec<Scalar> {
    predicates.into_iter().map(|predicate| predicate.scalar).collect()
}

fn constant(block: &Block, placed: Placed) -> Emitted {
    let key = Some(Vec::new());
    if placed.across.is_empty()
        && let Some(row) = block.literal_row()
    {
        return Emitted { lir: Lir::Constant { rows: vec![(row, 1)] }, key };
    }
    let one = Lir::Constant { rows: vec![(Row::empty(), 1)] };
    Emitted { lir: apply(one, step(0, scalars(placed.across), &block.outputs)), key }
}

fn single(block: Block, placed: Placed) -> Emitted {
    let mut predicates: Vec<Scalar> = placed.local.into_iter().flatten().collect();
    predicates.extend(scalars(placed.across));
    let mut needed = BTreeSet::new();
    predicates.iter().chain(&block.outputs).for_each(|scalar| scalar.collect_columns(&mut needed));
    let mut outputs = block.outputs;
    let Some(leaf) = block.leaves.into_iter().next() else {
        return Emitted { lir: Lir::Constant { rows: Vec::new() }, key: None };
    };
    let key = visible_key(leaf.unique_key(), &outputs);
    let input = input(leaf, &needed, Vec::new());
    let places = places(&input.layout);
    predicates
        .iter_mut()
        .chain(&mut outputs)
        .for_each(|scalar| scalar.remap(&|column| place(&places, column)));
    Emitted { lir: apply(input.lir, step(input.layout.len(), predicates, &outputs)), key }
}

fn join(block: Block, starts: &[usize], placed: Placed) -> Emitted {
    let Block { leaves, outputs, .. } = block;
    let filtered: Vec<bool> = placed.local.iter().map(|filters| !filters.is_empty()).collect();
    let order = order::order(&leaves, starts, &filtered, &placed.across);
    let mut key = Some(Vec::new());
    for (position, (leaf, connection)) in order.iter().enumerate() {
        if position == 0 || *connection != Connection::Unique {
            let more = leaves[*leaf].unique_key();
            key = key.zip(more).map(|(mut key, more): (Vec<usize>, Vec<usize>)| {
                key.extend(more.into_iter().map(|column| column + starts[*leaf]));
                key
            });
        }
    }
    let key = visible_key(key, &outputs);

    let mut across = placed.across;
    // What is read of each leaf: by outputs, and by predicates and keys across leaves.
    let mut needed: BTreeSet<usize> = BTreeSet::new();
    outputs.iter().for_each(|scalar| scalar.collect_columns(&mut needed));
    across.iter().for_each(|predicate| needed.extend(predicate.columns()));
    let mut inputs: Vec<Option<Input>> = leaves
        .into_iter()
        .zip(placed.local)
        .enumerate()
        .map(|(position, (leaf, filters))| {
            let (start, end) = (starts[position], starts[position] + leaf.arity());
            let mut mine: BTreeSet<usize> = needed.range(start..end).map(|column| column - start).collect();
            if !matches!(leaf, Leaf::Get { .. } | Leaf::Constant { .. }) {
                filters.iter().for_each(|filter| filter.collect_columns(&mut mine));
            }
            let mut input = input(leaf, &mine, filters);
            input.layout.iter_mut().for_each(|column| *column += start);
            Some(input)
        })
        .collect();

    let mut take = |leaf: usize| {
        inputs[leaf].take().unwrap_or(Input { lir: Lir::Constant { rows: Vec::new() }, layout: Vec::new() })
    };
    let mut remaining = order.iter();
    let first = remaining.next().map_or(0, |(leaf, _)| *leaf);
    let Input { lir, layout: mut stream } = take(first);
    let mut lirs = vec![lir];
    let mut stages = Vec::new();
    let last = order.len() - 1;
    for (position, (leaf, _)) in order.iter().enumerate().skip(1) {
        let Input { lir, layout } = take(*leaf);
        lirs.push(lir);
        let (stream_key, lookup_key) = keys(&mut across, &stream, &layout);
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
            both.iter()
                .filter(|column| wanted.contains(column))
                .map(|column| Scalar::Column(*column))
                .collect()
        };
        let next = shown.iter().filter_map(|scalar| match scalar {
            Scalar::Column(column) => Some(*column),
            _ => None,
        });
        let next = next.collect();
        predicates
            .iter_mut()
            .chain(&mut shown)
            .for_each(|scalar| scalar.remap(&|column| place(&places, column)));
        stages.push(JoinStage { stream_key, lookup_key, closure: step(both.len(), predicates, &shown) });
        stream = next;
    }
    Emitted { lir: Lir::Join { inputs: lirs, stages }, key }
}

/// Takes the equalities that connect the stream with the looked-up columns, as keys over each side's own layout.
fn keys(across: &mut Vec<Predicate>, stream: &[usize], lookup: &[usize]) -> (Vec<Scalar>, Vec<Scalar>) {
    let (mut stream_key, mut lookup_key) = (Vec::new(), Vec::new());
    let (stream_places, lookup_places) = (places(stream), places(lookup));
    across.retain(|predicate| {
        let Some(Equality { left, right }) = &predicate.equality else { return true };
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
        if !stream_key.iter().zip(&lookup_key).any(|pair| pair == (&mine, &theirs)) {
            stream_key.push(mine);
            lookup_key.push(theirs);
        }
        false
    });
    (stream_key, lookup_key)
}

/// Plans a leaf so that it gives at least the needed columns of the rows that pass the filters.
fn input(leaf: Leaf, needed: &BTreeSet<usize>, filters: Vec<Scalar>) -> Input {
    let arity = leaf.arity();
    let all = || (0..arity).collect::<Vec<_>>();
    match leaf {
        Leaf::Get { id, .. } => filter(Lir::Get { id }, all(), needed, filters),
        Leaf::Constant { rows, .. } => {
            let rows = rows.into_iter().map(|row| (row, 1)).collect();
            filter(Lir::Constant { rows }, all(), needed, filters)
        }
        Leaf::Distinct(block) => {
            let lir = Lir::Distinct { input: Box::new(emit(*block).lir) };
            filter(lir, all(), needed, filters)
        }
        Leaf::Union { inputs, .. } => {
            let inputs = inputs.into_iter().map(|mut block| {
                let mut position = 0;
                block.outputs.retain(|_| {
                    position += 1;
                    needed.contains(&(position - 1))
                });
                emit(block).lir
            });
            let lir = Lir::Union { inputs: inputs.collect() };
            filter(lir, needed.iter().copied().collect(), needed, filters)
        }
        Leaf::Reduce { input, key, aggregates, .. } => {
            let keys = key.len();
            let mut layout: Vec<usize> = (0..keys).collect();
            let mut kept = Vec::with_capacity(aggregates.len());
            for (position, aggregate) in aggregates.into_iter().enumerate() {
                // A plan without keys needs something to show.
                if needed.contains(&(keys + position)) || (keys == 0 && position == 0) {
                    layout.push(keys + position);
                    kept.push(aggregate);
                }
            }
            filter(reduce(*input, key, kept), layout, needed, filters)
        }
    }
}

fn reduce(mut input: Block, mut key: Vec<Scalar>, mut aggregates: Vec<Aggregate>) -> Lir {
    let mut read = BTreeSet::new();
    key.iter().for_each(|scalar| scalar.collect_columns(&mut read));
    for aggregate in &aggregates {
        aggregate.arg.iter().chain(&aggregate.filter).for_each(|scalar| scalar.collect_columns(&mut read));
    }
    // A plain table stays as it is, so that its rows need not be rewritten.
    let bare = matches!(input.leaves.as_slice(), [Leaf::Get { .. }]) && input.predicates.is_empty();
    if !bare {
        let layout: Vec<usize> = read.into_iter().collect();
        let places = places(&layout);
        let moved = |scalar: &mut Scalar| scalar.remap(&|column| place(&places, column));
        key.iter_mut().for_each(moved);
        for aggregate in &mut aggregates {
            aggregate.arg.iter_mut().chain(&mut aggregate.filter).for_each(moved);
        }
        input.outputs = layout.into_iter().map(Scalar::Column).collect();
    }
    Lir::Reduce { input: Box::new(emit(input).lir), key, aggregates }
}

/// Filters and, if that makes a step anyway, narrows to the needed columns.
fn filter(lir: Lir, layout: Vec<usize>, needed: &BTreeSet<usize>, mut filters: Vec<Scalar>) -> Input {
    if filters.is_empty() {
        return Input { lir, layout };
    }
    let places = places(&layout);
    filters.iter_mut().for_each(|scalar| scalar.remap(&|column| place(&places, column)));
    let kept: Vec<usize> = layout.iter().copied().filter(|column| needed.contains(column)).collect();
    let outputs: Vec<Scalar> = kept.iter().map(|column| Scalar::Column(place(&places, *column))).collect();
    Input { lir: apply(lir, step(layout.len(), filters, &outputs)), layout: kept }
}

fn places(layout: &[usize]) -> BTreeMap<usize, usize> {
    layout.iter().enumerate().map(|(place, column)| (*column, place)).collect()
}

/// Where a column of the block is in a layout. All that is read is there: what is needed was collected from the same scalars.
fn place(places: &BTreeMap<usize, usize>, column: usize) -> usize {
    places.get(&column).copied().unwrap_or(usize::MAX)
}

/// Filters by `predicates`, then computes `outputs`; equal outputs are computed once.
fn step(input_arity: usize, predicates: Vec<Scalar>, outputs: &[Scalar]) -> Mfp {
    let mut expressions: Vec<Scalar> = Vec::new();
    let projection = outputs
        .iter()
        .map(|output| match output {
            Scalar::Column(column) => *column,
            computed => {
                let known = expressions.iter().position(|expression| expression == computed);
                input_arity
                    + known.unwrap_or_else(|| {
                        expressions.push(computed.clone());
                        expressions.len() - 1
                    })
            }
        })
        .collect();
    Mfp { input_arity, expressions, predicates, projection }
}

/// Puts a step on a plan, fused with the one below where there is one.
fn apply(lir: Lir, mfp: Mfp) -> Lir {
    if mfp.is_identity() {
        return lir;
    }
    match lir {
        Lir::Mfp { input, mfp: below } => Lir::Mfp { input, mfp: below.compose(mfp) },
        Lir::Join { inputs, mut stages } => {
            if let Some(stage) = stages.last_mut() {
                let below = std::mem::replace(&mut stage.closure, Mfp::identity(0));
                stage.closure = below.compose(mfp);
            }
            Lir::Join { inputs, stages }
        }
        lir => Lir::Mfp { input: Box::new(lir), mfp },
    }
}

/// A key over the block's columns as positions of outputs, if all of it is shown.
fn visible_key(key: Option<Vec<usize>>, outputs: &[Scalar]) -> Option<Vec<usize>> {
    key?.into_iter()
        .map(|column| outputs.iter().position(|output| *output == Scalar::Column(column)))
        .collect()
}
