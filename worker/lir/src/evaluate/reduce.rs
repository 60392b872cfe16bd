//! Hash aggregation.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use offtake_row::{Datum, Row, RowPacker};

use super::{Emit, Source};
use crate::{
    aggregate::{Accumulator, Aggregate, AggregateKind},
    arena::Arena,
    error::EvalError,
    node::Lir,
    scalar::Scalar,
};

/// What is known of one aggregate of one group.
#[derive(Clone)]
enum State {
    Sum(Accumulator),
    /// The best value so far, as a row of one datum.
    Best(Row),
    /// The distinct values, each a row of one datum.
    Distinct(HashSet<Row>),
}

/// What a group takes beside its key and its states, in bytes.
const GROUP: usize = 2 * size_of::<Vec<State>>();

pub(super) fn run(
    input: &Lir,
    key: &[Scalar],
    aggregates: &[Aggregate],
    source: &dyn Source,
    emit: &mut Emit<'_>,
) -> Result<(), EvalError> {
    let fresh: Vec<State> = aggregates.iter().map(State::new).collect();
    let mut groups: HashMap<Row, Vec<State>> = HashMap::new();
    if key.is_empty() {
        groups.insert(Row::empty(), fresh.clone());
    }
    let mut arena = Arena::new();
    let mut packer = RowPacker::new();
    super::run(input, source, &mut |row, diff| {
        arena.reset();
        packer.clear();
        let datums = row.unpack();
        for scalar in key {
            packer.push(scalar.eval(&datums, &arena)?);
        }
        let group = match groups.entry(packer.finish()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                source.keep(super::size(new.key()) + GROUP + size_of_val(fresh.as_slice()))?;
                new.insert(fresh.clone())
            }
        };
        for (aggregate, state) in aggregates.iter().zip(group) {
            if let Some(datum) = aggregate.input(&datums, &arena)? {
                state.add(aggregate, datum, diff, source)?;
            }
        }
        Ok(())
    })?;
    for (group, states) in groups {
        packer.clear();
        packer.extend_from_row(&group);
        for (aggregate, state) in aggregates.iter().zip(states) {
            state.finish(aggregate, &mut packer)?;
        }
        emit(packer.finish(), 1)?;
    }
    Ok(())
}

impl State {
    fn new(aggregate: &Aggregate) -> State {
        match aggregate.kind() {
            AggregateKind::Ordered => State::Best(Row::pack([Datum::Null])),
            AggregateKind::Accumulable if aggregate.distinct => State::Distinct(HashSet::new()),
            AggregateKind::Accumulable => State::Sum(Accumulator::default()),
        }
    }

    fn add(
        &mut self,
        aggregate: &Aggregate,
        datum: Datum<'_>,
        diff: i64,
        source: &dyn Source,
    ) -> Result<(), EvalError> {
        match self {
            State::Sum(sum) => {
                let before = sum.heap_bytes();
                sum.plus_equals(&aggregate.accumulate(datum, diff));
                match sum.heap_bytes().saturating_sub(before) {
                    0 => {}
                    more => source.keep(more)?,
                }
            }
            State::Best(best) => {
                // Compared as rows: of equal datums (0.0 and -0.0) one is the better form.
                let better = Row::pack([aggregate.better(best.datum(0), datum)]);
                if better != *best {
                    source.keep(better.heap_bytes().saturating_sub(best.heap_bytes()))?;
                    *best = better;
                }
            }
            State::Distinct(values) => {
                let value = Row::pack([datum]);
                if !datum.is_null() && !values.contains(&value) {
                    source.keep(super::size(&value))?;
                    values.insert(value);
                }
            }
        }
        Ok(())
    }

    fn finish(self, aggregate: &Aggregate, packer: &mut RowPacker) -> Result<(), EvalError> {
        match self {
            State::Sum(sum) => aggregate.finish(&sum, packer),
            State::Best(best) => {
                packer.push(best.datum(0));
                Ok(())
            }
            State::Distinct(values) => {
                let mut sum = Accumulator::default();
                for value in values {
                    sum.plus_equals(&aggregate.accumulate(value.datum(0), 1));
                }
                aggregate.finish(&sum, packer)
            }
        }
    }
}
