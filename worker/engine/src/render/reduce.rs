//! GROUP BY and DISTINCT.
//!
//! A group is one record whose difference is its aggregates' accumulators, so that an update costs the same in a group of any size.
//! DISTINCT aggregates contribute to the same record, each value once; `min` and `max` are found in an arrangement of the group's
//! values in their order, what is collected (`string_agg`) is made anew from an arrangement of the group's rows at each change of
//! them, and both contribute a record of their own under the same key. One last step reads all records and makes the row.

use differential_dataflow::difference::{IsZero, Semigroup};
use offtake_lir::{Accumulator, Aggregate, AggregateKind, Arena, EvalError, Scalar};
use offtake_row::{Datum, Row, RowIter, RowPacker};
use serde::{Deserialize, Serialize};

use super::{
    Bundle, Collection, Renderer, arrange,
    group::group,
    map::{Evaluator, fallible},
    order,
};

/// What is known of a group by addition: the difference type of its record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Sums {
    /// How many rows there are.
    rows: i64,
    /// One for each accumulable aggregate, in their order; empty for all zero.
    slots: Vec<Accumulator>,
}

impl IsZero for Sums {
    fn is_zero(&self) -> bool {
        self.rows == 0 && self.slots.iter().all(Accumulator::is_zero)
    }
}

impl Semigroup for Sums {
    fn plus_equals(&mut self, other: &Sums) {
        self.rows += other.rows;
        if self.slots.is_empty() {
            self.slots.clone_from(&other.slots);
        } else {
            for (slot, other) in self.slots.iter_mut().zip(&other.slots) {
                slot.plus_equals(other);
            }
        }
    }
}

/// A record of a group. The second row is empty for sums; for what is ordered or collected it is the aggregate's position and its value.
type Record = (Row, Row);

impl<'s> Renderer<'s> {
    pub(super) fn reduce(&self, input: Bundle<'s>, key: &[Scalar], aggregates: &[Aggregate]) -> Bundle<'s> {
        let Bundle { oks: rows, errs } = input;
        let mut errors = vec![errs];
        let mut records = Vec::new();
        if key.is_empty() {
            // Aggregates without GROUP BY have a row also over no input.
            records.push(
                self.constant(vec![((Row::empty(), Row::empty()), Sums { rows: 1, slots: Vec::new() })]),
            );
        }
        let (sums, errs) = sums(rows.clone(), key, aggregates);
        records.push(sums);
        errors.push(errs);
        let slots =
            aggregates.iter().filter(|aggregate| aggregate.kind() == AggregateKind::Accumulable).count();
        let mut slot = 0;
        for (position, aggregate) in aggregates.iter().enumerate() {
            let (records_of_one, errs) = match aggregate.kind() {
                AggregateKind::Ordered => ordered(rows.clone(), key, aggregate, position),
                AggregateKind::Collected => {
                    let (records, errs, failures) = collected(rows.clone(), key, aggregate, position);
                    errors.push(failures);
                    (records, errs)
                }
                AggregateKind::Accumulable => {
                    slot += 1;
                    if !aggregate.distinct {
                        continue;
                    }
                    distinct_values(rows.clone(), key, aggregate, slot - 1, slots)
                }
            };
            records.push(records_of_one);
            errors.push(errs);
        }
        let records = differential_dataflow::collection::concatenate(self.scope, records);
        let aggregates = aggregates.to_vec();
        let mut packer = RowPacker::new();
        let results = group(arrange(records, "Groups"), "Reduce", move |key, members| {
            result(key, members, &aggregates, &mut packer)
        });
        let (oks, errs) = fallible("Reduce results", results, |row, diff| row.map(|row| Some((row, diff))));
        errors.push(errs);
        Bundle { oks, errs: differential_dataflow::collection::concatenate(self.scope, errors) }
    }
}

/// The contributions of all plain accumulable aggregates, and of each row's being there.
fn sums<'s>(
    rows: Collection<'s, Row>,
    key: &[Scalar],
    aggregates: &[Aggregate],
) -> (Collection<'s, Record, Sums>, Collection<'s, Row>) {
    let (key, mut evaluator, mut packer) = (key.to_vec(), Evaluator::default(), RowPacker::new());
    let aggregates: Vec<Aggregate> = aggregates
        .iter()
        .filter(|aggregate| aggregate.kind() == AggregateKind::Accumulable)
        .cloned()
        .collect();
    let some = aggregates.iter().any(|aggregate| !aggregate.distinct);
    fallible("Sums", rows, move |row: Row, diff| {
        evaluator
            .with(&row, |datums, arena| {
                packer.clear();
                for scalar in &key {
                    packer.push(scalar.eval(datums, arena)?);
                }
                let mut slots = Vec::new();
                if some {
                    slots.reserve_exact(aggregates.len());
                    for aggregate in &aggregates {
                        let input = if aggregate.distinct { None } else { aggregate.input(datums, arena)? };
                        slots.push(
                            input.map_or_else(Accumulator::default, |input| {
                                aggregate.accumulate(&input, diff)
                            }),
                        );
                    }
                }
                Ok(Some(((packer.finish(), Row::empty()), Sums { rows: diff, slots })))
            })
            .map_err(|error: EvalError| error.to_row())
    })
}

/// The contributions of one `DISTINCT` aggregate: each value of a group once.
fn distinct_values<'s>(
    rows: Collection<'s, Row>,
    key: &[Scalar],
    aggregate: &Aggregate,
    slot: usize,
    slots: usize,
) -> (Collection<'s, Record, Sums>, Collection<'s, Row>) {
    let arity = key.len();
    let of_row = aggregate.clone();
    let (values, errs) = inputs(rows, key, move |key, datums, arena, packer| {
        let Some(input) = of_row.input(datums, arena)? else { return Ok(None) };
        packer.extend_from_row(&key);
        let form = of_row.distinct(&input, arena, packer);
        Ok(Some((packer.finish(), form)))
    });
    let firsts = group(arrange(values, "Distinct values"), "Distinct values", |value, mut members| {
        let (form, _) = members.find(|(_, diff)| *diff > 0)?;
        Some((value.clone(), form.clone()))
    });
    let aggregate = aggregate.clone();
    let (sums, _) = fallible("Distinct sums", firsts, move |(value, form): Record, diff| {
        let bytes = value.as_bytes();
        let mut datums = RowIter::new(bytes);
        datums.by_ref().take(arity).for_each(drop);
        let key = Row::from_bytes(&bytes[..bytes.len() - datums.remaining().len()]);
        let mut all = vec![Accumulator::default(); slots];
        all[slot] = aggregate.accumulate(&aggregate.distinct_input(datums, &form), diff);
        Ok(Some(((key, Row::empty()), Sums { rows: 0, slots: all })))
    });
    (sums, errs)
}

/// The records of one `min` or `max`.
fn ordered<'s>(
    rows: Collection<'s, Row>,
    key: &[Scalar],
    aggregate: &Aggregate,
    position: usize,
) -> (Collection<'s, Record, Sums>, Collection<'s, Row>) {
    let of_row = aggregate.clone();
    let (values, errs) = inputs(rows, key, move |key, datums, arena, packer| {
        let input = of_row.input(datums, arena)?;
        Ok(input.map(|[datum, _]| (key, order::encode(of_row.function, datum, packer))))
    });
    let mut packer = RowPacker::new();
    let best = group(arrange(values, "Ordered values"), "Ordered", move |key, mut members| {
        let (value, _) = members.find(|(_, diff)| *diff > 0)?;
        packer.clear();
        packer.push(Datum::Int(position as i64));
        let mut bytes = packer.as_bytes().to_vec();
        bytes.extend_from_slice(order::value(value));
        Some((key.clone(), Row::from_bytes(&bytes)))
    });
    let (records, _) = fallible("Ordered records", best, |record: Record, diff| {
        Ok(Some((record, Sums { rows: diff, slots: Vec::new() })))
    });
    (records, errs)
}

/// The records of one aggregate that is collected, the errors of its rows, and those of its groups.
fn collected<'s>(
    rows: Collection<'s, Row>,
    key: &[Scalar],
    aggregate: &Aggregate,
    position: usize,
) -> (Collection<'s, Record, Sums>, Collection<'s, Row>, Collection<'s, Row>) {
    let of_row = aggregate.clone();
    let (values, errs) = inputs(rows, key, move |key, datums, arena, packer| {
        Ok(of_row.collect(datums, arena, packer)?.map(|kept| (key, kept)))
    });
    let (aggregate, mut packer) = (aggregate.clone(), RowPacker::new());
    let results = group(arrange(values, "Collected rows"), "Collected", move |key, members| {
        let rows: Vec<(Row, i64)> =
            members.filter(|(_, diff)| *diff > 0).map(|(row, diff)| (row.clone(), diff)).collect();
        if rows.is_empty() {
            return None;
        }
        packer.clear();
        packer.push(Datum::Int(position as i64));
        Some(match aggregate.finish_collected(&rows, &mut packer) {
            Ok(()) => Ok((key.clone(), packer.finish())),
            Err(error) => Err(error.to_row()),
        })
    });
    let (records, failures) = fallible("Collected records", results, |record: Result<Record, Row>, diff| {
        Ok(Some((record?, Sums { rows: diff, slots: Vec::new() })))
    });
    (records, errs, failures)
}

/// What `make` makes of each row's key and columns for an aggregate. Errors of the key are told by [`sums`].
fn inputs<'s>(
    rows: Collection<'s, Row>,
    key: &[Scalar],
    mut make: impl FnMut(Row, &[Datum<'_>], &Arena, &mut RowPacker) -> Result<Option<Record>, EvalError> + 'static,
) -> (Collection<'s, Record>, Collection<'s, Row>) {
    let key = key.to_vec();
    let (mut evaluator, mut packer) = (Evaluator::default(), RowPacker::new());
    fallible("Aggregate input", rows, move |row: Row, diff| {
        evaluator
            .with(&row, |datums, arena| {
                packer.clear();
                for scalar in &key {
                    let Ok(datum) = scalar.eval(datums, arena) else { return Ok(None) };
                    packer.push(datum);
                }
                let key = packer.finish();
                Ok(make(key, datums, arena, &mut packer)?.map(|record| (record, diff)))
            })
            .map_err(|error: EvalError| error.to_row())
    })
}

/// A group's row, or its error; `None` if the group has no rows.
fn result<'a>(
    key: &Row,
    members: impl Iterator<Item = (&'a Row, Sums)>,
    aggregates: &[Aggregate],
    packer: &mut RowPacker,
) -> Option<Result<Row, Row>> {
    let mut sums = None;
    let mut best: Vec<(usize, &Row)> = Vec::new();
    for (value, of_value) in members {
        match value.iter().next() {
            None => sums = Some(of_value),
            Some(Datum::Int(position)) => best.push((position as usize, value)),
            Some(_) => {}
        }
    }
    let Sums { rows, slots } = sums?;
    if rows <= 0 {
        return None;
    }
    packer.clear();
    packer.extend_from_row(key);
    let none = Accumulator::default();
    let mut slot = 0;
    for (position, aggregate) in aggregates.iter().enumerate() {
        let finished = match aggregate.kind() {
            AggregateKind::Ordered | AggregateKind::Collected => {
                match best.iter().find(|(of, _)| *of == position) {
                    Some((_, value)) => {
                        packer.push(value.datum(1));
                        Ok(())
                    }
                    None if aggregate.kind() == AggregateKind::Collected => {
                        aggregate.finish_collected(&[], packer)
                    }
                    None => {
                        packer.push(Datum::Null);
                        Ok(())
                    }
                }
            }
            AggregateKind::Accumulable => {
                slot += 1;
                aggregate.finish(slots.get(slot - 1).unwrap_or(&none), packer)
            }
        };
        if let Err(error) = finished {
            packer.clear();
            return Some(Err(error.to_row()));
        }
    }
    Some(Ok(packer.finish()))
}
