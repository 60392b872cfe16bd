//! What a join's stage looks its rows up in: an index where there is one, else a hash table made of its input.

use std::{
    collections::{HashMap, hash_map::Entry},
    rc::Rc,
};

use offtake_row::Row;

use super::Context;
use crate::{
    error::EvalError,
    key::KeyOf,
    node::{CollectionId, JoinKind, JoinStage, Lir},
    scalar::{Func, Scalar},
};

/// What a key's list takes before it grows, in bytes.
const FIRST: usize = 2 * size_of::<Vec<(Row, i64)>>() + size_of::<(Row, i64)>();

#[derive(Clone)]
pub(super) enum Lookup {
    /// An index: its collection, its columns, and for each of them which of the stage's key expressions it is.
    Index {
        id: CollectionId,
        columns: Vec<usize>,
        places: Vec<usize>,
    },
    Rows(Rc<Table>),
    /// Only how many rows there are of each key, where no more matters.
    Keys(Rc<HashMap<Row, i64>>),
}

#[derive(Default)]
pub(super) struct Table {
    rows: HashMap<Row, Vec<(Row, i64)>>,
    /// Of a full join, the rows whose key meets nothing.
    strays: Vec<(Row, i64)>,
}

impl Table {
    /// The rows of a key.
    pub fn get(&self, key: &Row) -> &[(Row, i64)] {
        self.rows.get(key).map_or(&[], Vec::as_slice)
    }

    pub fn by_key(&self) -> impl Iterator<Item = (&Row, &[(Row, i64)])> {
        self.rows.iter().map(|(key, rows)| (key, rows.as_slice()))
    }

    pub fn strays(&self) -> &[(Row, i64)] {
        &self.strays
    }
}

impl Lookup {
    /// What the stage looks its rows up in; evaluates the input where that is a hash table.
    pub fn of(input: &Lir, plan: &JoinStage, context: &Context<'_>) -> Result<Lookup, EvalError> {
        if let Some(index) = index_of(input, plan, context) {
            return Ok(index);
        }
        context.remembered(plan, input, |context| {
            let keys_do = matches!(plan.kind, JoinKind::Semi | JoinKind::Anti) && plan.on.is_empty();
            if keys_do { keys(input, plan, context) } else { rows(input, plan, context) }
        })
    }
}

fn keys(input: &Lir, plan: &JoinStage, context: &Context<'_>) -> Result<Lookup, EvalError> {
    let mut key = KeyOf::joining(&plan.lookup_key, &plan.nulls_meet);
    let mut keys: HashMap<Row, i64> = HashMap::new();
    super::settled(input, context, &mut |row, diff| {
        if let Some(key) = key.of(&row)? {
            let count = match keys.entry(key) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    context.keep(super::size(new.key()))?;
                    new.insert(0)
                }
            };
            *count = count.checked_add(diff).ok_or_else(EvalError::copies)?;
        }
        Ok(())
    })?;
    Ok(Lookup::Keys(Rc::new(keys)))
}

fn rows(input: &Lir, plan: &JoinStage, context: &Context<'_>) -> Result<Lookup, EvalError> {
    let mut key = KeyOf::joining(&plan.lookup_key, &plan.nulls_meet);
    let mut table = Table::default();
    super::settled(input, context, &mut |row, diff| {
        match key.of(&row)? {
            Some(key) => match table.rows.entry(key) {
                Entry::Occupied(known) => {
                    context.keep(super::size(&row))?;
                    known.into_mut().push((row, diff));
                }
                Entry::Vacant(new) => {
                    context.keep(super::size(new.key()) + FIRST + row.own_bytes())?;
                    new.insert(vec![(row, diff)]);
                }
            },
            None if plan.kind == JoinKind::Full => {
                context.keep(super::size(&row))?;
                table.strays.push((row, diff));
            }
            None => {}
        }
        Ok(())
    })?;
    Ok(Lookup::Rows(Rc::new(table)))
}

/// The index that answers a stage's look-ups: on the columns of its key, all of them, in any order. NULLs are not looked up, and a full
/// join wants to know of all rows which had a partner.
fn index_of(input: &Lir, plan: &JoinStage, context: &Context<'_>) -> Option<Lookup> {
    if plan.kind == JoinKind::Full || !plan.nulls_meet.is_empty() {
        return None;
    }
    let Lir::Get { id } = input else { return None };
    let wanted: Vec<usize> = plan.lookup_key.iter().map(key_column).collect::<Option<_>>()?;
    let columns = context.indexes(*id).into_iter().find(|columns| {
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
        Scalar::Call { func: Func::EqualityKey(_), args } => match args.as_slice() {
            [Scalar::Column(column)] => Some(*column),
            _ => None,
        },
        _ => None,
    }
}
