//! Finds equality predicates that an index answers.

use std::collections::BTreeMap;

use offtake_row::{Datum, Row};

use crate::{
    arena::Arena,
    compare::{Blanks, canonical},
    scalar::{ArrayFunc, Comparison, Func, Scalar, Test},
};

/// More keys than this are not looked up one by one.
const MOST_KEYS: usize = 1000;

/// Look-ups in one index that give at least the rows that the predicates keep.
pub(super) struct LookUp {
    pub columns: Vec<usize>,
    /// Distinct.
    pub keys: Vec<Row>,
}

/// The index with the most columns that are all compared with constants, and the keys to look up; `None` if there is none.
pub(super) fn plan(indexes: &[Vec<usize>], predicates: &[Scalar]) -> Option<LookUp> {
    if indexes.is_empty() {
        return None;
    }
    let mut bound: BTreeMap<usize, Vec<Row>> = BTreeMap::new();
    for predicate in predicates {
        bind(predicate, &mut bound);
    }
    let usable = indexes.iter().filter(|columns| columns.iter().all(|column| bound.contains_key(column)));
    let columns = usable.filter(|columns| !columns.is_empty()).max_by_key(|columns| columns.len())?;
    let mut keys = vec![Row::empty()];
    for column in columns {
        let values = bound.get(column)?;
        if keys.len() * values.len() > MOST_KEYS {
            return None;
        }
        keys = keys
            .iter()
            .flat_map(|key| values.iter().map(move |value| Row::pack(key.iter().chain(value.iter()))))
            .collect();
    }
    Some(LookUp { columns: columns.clone(), keys })
}

/// Notes the columns that a predicate compares with constants, and the values it leaves possible.
fn bind(predicate: &Scalar, bound: &mut BTreeMap<usize, Vec<Row>>) {
    match predicate {
        Scalar::And(operands) => operands.iter().for_each(|operand| bind(operand, bound)),
        _ => {
            if let Some((column, values)) = values_of(predicate) {
                let shorter = bound.get(&column).is_none_or(|known| values.len() < known.len());
                if shorter {
                    bound.insert(column, values);
                }
            }
        }
    }
}

/// `column = constant`, `column = ANY (constant)`, or an OR of such on one column.
fn values_of(predicate: &Scalar) -> Option<(usize, Vec<Row>)> {
    match predicate {
        Scalar::Or(operands) => {
            let mut operands = operands.iter();
            let (column, mut values) = values_of(operands.next()?)?;
            for operand in operands {
                let (other, more) = values_of(operand)?;
                if other != column {
                    return None;
                }
                values.extend(more);
            }
            values.sort_unstable();
            values.dedup();
            Some((column, values))
        }
        Scalar::Call { func: Func::Compare(Comparison::Equal, blanks), args } => match args.as_slice() {
            [Scalar::Column(column), Scalar::Literal { value, .. }]
            | [Scalar::Literal { value, .. }, Scalar::Column(column)] => {
                Some((*column, key_of(*blanks, value.datum(0))))
            }
            _ => None,
        },
        // `column = ANY (array)`; of an array that is NULL no row is.
        Scalar::Call {
            func: Func::Array(ArrayFunc::Any(Test::Compare(Comparison::Equal, blanks))),
            args,
        } => match args.as_slice() {
            [Scalar::Column(column), Scalar::Literal { value, .. }] => {
                let mut values: Vec<Row> = match value.datum(0) {
                    Datum::Array(array) => array.iter().flat_map(|datum| key_of(*blanks, datum)).collect(),
                    _ => Vec::new(),
                };
                values.sort_unstable();
                values.dedup();
                Some((*column, values))
            }
            _ => None,
        },
        // A boolean column by itself.
        Scalar::Column(column) => Some((*column, vec![Row::pack([Datum::Bool(true)])])),
        _ => None,
    }
}

/// NULL is equal to nothing.
fn key_of(blanks: Blanks, datum: Datum<'_>) -> Vec<Row> {
    if datum.is_null() { Vec::new() } else { vec![Row::pack([canonical(blanks, datum, &Arena::new())])] }
}
