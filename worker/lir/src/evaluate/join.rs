//! Joins: each stage looks its rows up in an index where there is one, else in a hash table built from its input.

use std::collections::{HashMap, hash_map::Entry};

use offtake_row::{Datum, Row, RowPacker};

use super::{Emit, Source};
use crate::{
    arena::Arena,
    error::EvalError,
    mfp::Scratch,
    node::{CollectionId, JoinStage, Lir},
    scalar::Scalar,
};

/// What a key's list takes before it grows, in bytes.
const FIRST: usize = 2 * size_of::<Vec<(Row, i64)>>() + size_of::<(Row, i64)>();

/// Runs a join: the first input's rows go through all stages one by one, so that only the other inputs are held in memory.
pub(super) fn run(
    inputs: &[Lir],
    stages: &[JoinStage],
    source: &dyn Source,
    emit: &mut Emit<'_>,
) -> Result<(), EvalError> {
    let Some((first, others)) = inputs.split_first() else { return Ok(()) };
    if others.len() != stages.len() {
        return Err(EvalError::internal("a join needs one stage per input after the first"));
    }
    let mut prepared = Vec::with_capacity(stages.len());
    for (input, stage) in others.iter().zip(stages) {
        prepared.push(Stage::new(input, stage, source)?);
    }
    super::run(first, source, &mut |row, diff| push(row, diff, &mut prepared, source, emit))
}

struct Stage<'p> {
    plan: &'p JoinStage,
    lookup: Lookup,
    keys: Keys,
    scratch: Scratch,
}

enum Lookup {
    /// An index: its collection, its columns, and for each of them which of the stage's key expressions it is.
    Index {
        id: CollectionId,
        columns: Vec<usize>,
        places: Vec<usize>,
    },
    Hash(HashMap<Row, Vec<(Row, i64)>>),
}

impl<'p> Stage<'p> {
    fn new(input: &Lir, plan: &'p JoinStage, source: &dyn Source) -> Result<Stage<'p>, EvalError> {
        let mut keys = Keys::default();
        let lookup = match index_of(input, plan, source) {
            Some(index) => index,
            None => {
                let mut table: HashMap<Row, Vec<(Row, i64)>> = HashMap::new();
                super::run(input, source, &mut |row, diff| {
                    if let Some(key) = keys.of(&plan.lookup_key, None, &row)? {
                        match table.entry(key) {
                            Entry::Occupied(known) => {
                                source.keep(super::size(&row))?;
                                known.into_mut().push((row, diff));
                            }
                            Entry::Vacant(new) => {
                                source.keep(super::size(new.key()) + FIRST + row.own_bytes())?;
                                new.insert(vec![(row, diff)]);
                            }
                        }
                    }
                    Ok(())
                })?;
                Lookup::Hash(table)
            }
        };
        Ok(Stage { plan, lookup, keys, scratch: Scratch::new() })
    }
}

/// The index that answers a stage's look-ups: on the columns of its key, all of them, in any order.
fn index_of(input: &Lir, plan: &JoinStage, source: &dyn Source) -> Option<Lookup> {
    let Lir::Get { id } = input else { return None };
    let wanted: Vec<usize> = plan.lookup_key.iter().map(key_column).collect::<Option<_>>()?;
    let columns = source.indexes(*id).into_iter().find(|columns| {
        columns.len() == wanted.len()
            && !columns.is_empty()
            && columns.iter().all(|column| wanted.contains(column))
            && wanted.iter().all(|column| columns.contains(column))
    })?;
    let places = columns
        .iter()
        .map(|column| wanted.iter().position(|other| other == column))
        .collect::<Option<_>>()?;
    Some(Lookup::Index { id: *id, columns, places })
}

/// The column that a key expression is, canonical or not: indexes are over canonical values.
fn key_column(key: &Scalar) -> Option<usize> {
    match key {
        Scalar::Column(column) => Some(*column),
        Scalar::Call { func: crate::Func::EqualityKey(_), args } => match args.as_slice() {
            [Scalar::Column(column)] => Some(*column),
            _ => None,
        },
        _ => None,
    }
}

fn push(
    row: Row,
    diff: i64,
    stages: &mut [Stage<'_>],
    source: &dyn Source,
    emit: &mut Emit<'_>,
) -> Result<(), EvalError> {
    let Some((stage, rest)) = stages.split_first_mut() else { return emit(row, diff) };
    let Stage { plan, lookup, keys, scratch } = stage;
    let mut meet = |other: &Row, times: i64| match plan.closure.eval_pair(&row, other, scratch)? {
        Some(joined) => push(joined, diff * times, rest, source, emit),
        None => Ok(()),
    };
    match lookup {
        Lookup::Hash(table) => {
            let Some(key) = keys.of(&plan.stream_key, None, &row)? else { return Ok(()) };
            table.get(&key).into_iter().flatten().try_for_each(|(other, times)| meet(other, *times))
        }
        Lookup::Index { id, columns, places } => {
            let Some(key) = keys.of(&plan.stream_key, Some(places), &row)? else { return Ok(()) };
            let mut result = Ok(());
            let answer = source.lookup(*id, columns, &key, &mut |other, times| {
                if result.is_ok() {
                    result = meet(other, times);
                }
            });
            answer.unwrap_or_else(|| Err(EvalError::internal("an index went away during a query")))?;
            result
        }
    }
}

/// Evaluates keys.
#[derive(Default)]
struct Keys {
    arena: Arena,
    packer: RowPacker,
}

impl Keys {
    /// The row's key, in the order of `places` where given; `None` if a part is NULL, which meets nothing.
    fn of(&mut self, key: &[Scalar], places: Option<&[usize]>, row: &Row) -> Result<Option<Row>, EvalError> {
        self.arena.reset();
        self.packer.clear();
        let datums = row.unpack();
        for position in 0..key.len() {
            let place = places.map_or(position, |places| places[position]);
            match key[place].eval(&datums, &self.arena)? {
                Datum::Null => return Ok(None),
                datum => self.packer.push(datum),
            }
        }
        Ok(Some(self.packer.finish()))
    }
}
