//! Hash aggregation.

use std::collections::{HashMap, hash_map::Entry};

use offtake_row::{Datum, Row, RowPacker};

use super::{Context, Emit};
use crate::{
    aggregate::{Accumulator, Aggregate, AggregateKind, Input},
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
    /// Of each distinct value its first form ([`Aggregate::distinct`]).
    Distinct(HashMap<Row, Row>),
    /// What is kept of the rows, and how often each is there.
    Collected(Vec<(Row, i64)>),
}

/// What a group takes beside its key and its states, in bytes.
const GROUP: usize = 2 * size_of::<Vec<State>>();

pub(super) fn run(
    input: &Lir,
    key: &[Scalar],
    aggregates: &[Aggregate],
    context: &Context<'_>,
    emit: &mut Emit<'_>,
) -> Result<(), EvalError> {
    let fresh: Vec<State> = aggregates.iter().map(State::new).collect();
    let mut groups: HashMap<Row, Vec<State>> = HashMap::new();
    if key.is_empty() {
        groups.insert(Row::empty(), fresh.clone());
    }
    let mut arena = Arena::new();
    let mut packer = RowPacker::new();
    super::settled(input, context, &mut |row, diff| {
        // Of what is missing nothing is in a group.
        if diff <= 0 {
            return Ok(());
        }
        arena.reset();
        packer.clear();
        let datums = row.unpack();
        for scalar in key {
            packer.push(scalar.eval(&datums, &arena)?);
        }
        let group = match groups.entry(packer.finish()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                context.keep(super::size(new.key()) + GROUP + size_of_val(fresh.as_slice()))?;
                new.insert(fresh.clone())
            }
        };
        for (aggregate, state) in aggregates.iter().zip(group) {
            if let State::Collected(rows) = state {
                if let Some(kept) = aggregate.collect(&datums, &arena, &mut packer)? {
                    context.keep(super::size(&kept))?;
                    rows.push((kept, diff));
                }
            } else if let Some(input) = aggregate.input(&datums, &arena)? {
                state.add(aggregate, &input, diff, &arena, context)?;
            }
        }
        Ok(())
    })?;
    for (group, states) in groups {
        context.work()?;
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
            AggregateKind::Accumulable if aggregate.distinct => State::Distinct(HashMap::new()),
            AggregateKind::Accumulable => State::Sum(Accumulator::default()),
            AggregateKind::Collected => State::Collected(Vec::new()),
        }
    }

    /// Adds a row's input to what is not collected.
    fn add(
        &mut self,
        aggregate: &Aggregate,
        input: &Input<'_>,
        diff: i64,
        arena: &Arena,
        context: &Context<'_>,
    ) -> Result<(), EvalError> {
        match self {
            State::Sum(sum) => {
                let before = sum.heap_bytes();
                sum.plus_equals(&aggregate.accumulate(input, diff));
                match sum.heap_bytes().saturating_sub(before) {
                    0 => {}
                    more => context.keep(more)?,
                }
            }
            State::Best(best) => {
                // Compared as rows: of equal datums (0.0 and -0.0) one is the better form.
                let better = Row::pack([aggregate.better(best.datum(0), input[0])]);
                if better != *best {
                    context.keep(better.heap_bytes().saturating_sub(best.heap_bytes()))?;
                    *best = better;
                }
            }
            State::Distinct(values) => {
                let mut packer = RowPacker::new();
                let form = aggregate.distinct(input, arena, &mut packer);
                match values.entry(packer.finish()) {
                    Entry::Occupied(mut known) if form < *known.get() => {
                        known.insert(form);
                    }
                    Entry::Occupied(_) => {}
                    Entry::Vacant(new) => {
                        context.keep(super::size(new.key()) + super::size(&form))?;
                        new.insert(form);
                    }
                }
            }
            State::Collected(_) => {}
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
                for (value, form) in &values {
                    let input = aggregate.distinct_input(value.iter(), form);
                    sum.plus_equals(&aggregate.accumulate(&input, 1));
                }
                aggregate.finish(&sum, packer)
            }
            State::Collected(rows) => aggregate.finish_collected(&rows, packer),
        }
    }
}
