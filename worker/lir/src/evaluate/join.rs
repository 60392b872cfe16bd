//! Joins: the stream's rows go through the stages one by one, so that only the looked-up inputs are held in memory.

use std::collections::HashMap;

use offtake_row::Row;

use super::{Context, Emit, hash_table::Lookup};
use crate::{
    error::EvalError,
    key::KeyOf,
    mfp::{Mfp, Scratch},
    node::{JoinKind, JoinStage, Lir},
    scalar::{Func, Scalar},
};

/// Runs a join.
pub(super) fn run(
    inputs: &[Lir],
    stages: &[JoinStage],
    context: &Context<'_>,
    emit: &mut Emit<'_>,
) -> Result<(), EvalError> {
    let Some((first, others)) = inputs.split_first() else { return Ok(()) };
    if others.len() != stages.len() {
        return Err(EvalError::internal("a join needs one stage per input after the first"));
    }
    let mut prepared = Vec::with_capacity(stages.len());
    for (input, stage) in others.iter().zip(stages) {
        prepared.push(Stage::new(input, stage, context)?);
    }
    super::settled(first, context, &mut |row, diff| push(row, diff, &mut prepared, context, emit))?;
    // Rows that an earlier stage did not find may be partners in a later one.
    for position in 0..prepared.len() {
        let Some((stage, rest)) = prepared[position..].split_first_mut() else { continue };
        stage.lonely(context, &mut |row, diff| push(row, diff, rest, context, emit))?;
    }
    Ok(())
}

/// A stage at work.
struct Stage<'p> {
    kind: JoinKind,
    lookup: Lookup,
    key: KeyOf,
    /// What is true of partners, beside their keys; it makes nothing.
    on: Option<Mfp>,
    /// Whether one partner is as good as all: no other could raise an error.
    one_will_do: bool,
    closure: &'p Mfp,
    /// The closure over stream rows without a partner.
    padded: Option<Mfp>,
    /// Of a full join: the closure over looked-up rows without a partner, and how often each row had one, by key and place.
    full: Option<(Mfp, HashMap<Row, Vec<i64>>)>,
    scratch: Scratch,
}

impl<'p> Stage<'p> {
    fn new(input: &Lir, plan: &'p JoinStage, context: &Context<'_>) -> Result<Stage<'p>, EvalError> {
        let lookup = Lookup::of(input, plan, context)?;
        let key = match &lookup {
            Lookup::Index { places, .. } => {
                let scalars: Vec<Scalar> =
                    places.iter().filter_map(|place| plan.stream_key.get(*place)).cloned().collect();
                KeyOf::joining(&scalars, &[])
            }
            Lookup::Rows(_) | Lookup::Keys(_) => KeyOf::joining(&plan.stream_key, &plan.nulls_meet),
        };
        let on = (!plan.on.is_empty()).then(|| Mfp {
            input_arity: plan.stream_arity() + plan.lookup_arity,
            expressions: Vec::new(),
            predicates: plan.on.clone(),
            projection: Vec::new(),
        });
        let (outer, full, existence) = match plan.kind {
            JoinKind::Inner => (false, false, false),
            JoinKind::Left => (true, false, false),
            JoinKind::Full => (true, true, false),
            JoinKind::Semi | JoinKind::Anti => (false, false, true),
        };
        Ok(Stage {
            kind: plan.kind,
            lookup,
            key,
            on,
            one_will_do: existence && plan.on.iter().all(cannot_fail),
            closure: &plan.closure,
            padded: outer.then(|| plan.closure_of_stream()),
            full: full.then(|| (plan.closure_of_lookup(), HashMap::new())),
            scratch: Scratch::new(),
        })
    }

    /// Hands on what is made of a stream row.
    fn meet(
        &mut self,
        row: &Row,
        diff: i64,
        context: &Context<'_>,
        next: &mut Emit<'_>,
    ) -> Result<(), EvalError> {
        let Stage { kind, lookup, key, on, one_will_do, closure, padded, full, scratch } = self;
        let existence = matches!(kind, JoinKind::Semi | JoinKind::Anti);
        // How many partners there are.
        let mut partners: i64 = 0;
        let key = key.of(row)?;
        if let Some(key) = &key {
            let mut partner = |place: usize, other: &Row, times: i64| -> Result<(), EvalError> {
                if *one_will_do && partners > 0 {
                    return Ok(());
                }
                if let Some(on) = on
                    && on.eval_pair(row, other, scratch)?.is_none()
                {
                    return Ok(());
                }
                partners = partners.checked_add(times).ok_or_else(EvalError::copies)?;
                if let Some((_, met)) = full {
                    note(met, key, place, diff, context)?;
                }
                if existence {
                    return Ok(());
                }
                match closure.eval_pair(row, other, scratch)? {
                    Some(joined) => next(joined, diff.checked_mul(times).ok_or_else(EvalError::copies)?),
                    None => Ok(()),
                }
            };
            match lookup {
                Lookup::Keys(keys) => partners = keys.get(key).copied().unwrap_or(0),
                Lookup::Rows(table) => {
                    for (place, (other, times)) in table.get(key).iter().enumerate() {
                        context.work()?;
                        partner(place, other, *times)?;
                    }
                }
                Lookup::Index { id, columns, .. } => {
                    context.lookup(*id, columns, key, &mut |other, times| partner(0, other, times))?;
                }
            }
        }
        let made = match (kind, partners > 0) {
            (JoinKind::Semi, true) | (JoinKind::Anti, false) => closure.eval(row, scratch)?,
            (JoinKind::Left | JoinKind::Full, false) => match padded {
                Some(padded) => padded.eval(row, scratch)?,
                None => None,
            },
            (JoinKind::Semi, false) | (JoinKind::Anti | JoinKind::Left | JoinKind::Full, true) => None,
            (JoinKind::Inner, _) => None,
        };
        match made {
            Some(row) => next(row, diff),
            None => Ok(()),
        }
    }

    /// Hands on what a full join makes of looked-up rows without a partner.
    fn lonely(&mut self, context: &Context<'_>, next: &mut Emit<'_>) -> Result<(), EvalError> {
        let Stage { lookup: Lookup::Rows(table), full: Some((closure, met)), scratch, .. } = self else {
            return Ok(());
        };
        let mut visit = |row: &Row, diff: i64| {
            context.work()?;
            match closure.eval(row, scratch)? {
                Some(row) => next(row, diff),
                None => Ok(()),
            }
        };
        for (key, rows) in table.by_key() {
            let met = met.get(key);
            for (place, (row, diff)) in rows.iter().enumerate() {
                if met.and_then(|met| met.get(place)).is_none_or(|times| *times <= 0) {
                    visit(row, *diff)?;
                }
            }
        }
        table.strays().iter().try_for_each(|(row, diff)| visit(row, *diff))
    }
}

/// Sends a row through the stages.
fn push(
    row: Row,
    diff: i64,
    stages: &mut [Stage<'_>],
    context: &Context<'_>,
    emit: &mut Emit<'_>,
) -> Result<(), EvalError> {
    match stages.split_first_mut() {
        Some((stage, rest)) => {
            stage.meet(&row, diff, context, &mut |row, diff| push(row, diff, rest, context, emit))
        }
        None => emit(row, diff),
    }
}

/// Notes that a looked-up row has a partner.
fn note(
    met: &mut HashMap<Row, Vec<i64>>,
    key: &Row,
    place: usize,
    diff: i64,
    context: &Context<'_>,
) -> Result<(), EvalError> {
    if !met.contains_key(key) {
        context.keep(super::size(key))?;
        met.insert(key.clone(), Vec::new());
    }
    let Some(met) = met.get_mut(key) else { return Ok(()) };
    if met.len() <= place {
        context.keep(size_of::<i64>() * (place + 1 - met.len()))?;
        met.resize(place + 1, 0);
    }
    met[place] += diff;
    Ok(())
}

/// Whether an expression has a value for every row: conditions that only compare. Others may have one too.
fn cannot_fail(scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Column(_) | Scalar::Literal { .. } => true,
        Scalar::And(operands) | Scalar::Or(operands) | Scalar::Coalesce(operands) => {
            operands.iter().all(cannot_fail)
        }
        Scalar::Call { func, args } => {
            let compares = matches!(
                func,
                Func::Compare(..)
                    | Func::IsDistinct(_)
                    | Func::IsNotDistinct(_)
                    | Func::IsNull
                    | Func::IsNotNull
                    | Func::IsTrue
                    | Func::IsNotTrue
                    | Func::IsFalse
                    | Func::IsNotFalse
                    | Func::Not
                    | Func::EqualityKey(_)
            );
            compares && args.iter().all(cannot_fail)
        }
        Scalar::Parameter { .. } | Scalar::Case { .. } | Scalar::Lookup { .. } => false,
    }
}
