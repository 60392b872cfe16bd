//! Aggregates over a sorted set of values: percentiles and the mode. Source: `orderedsetaggs.c`.
//!
//! A row is the value, then the direct argument.

use std::cmp::Ordering;

use offtake_row::{ArrayBuilder, ArrayRef, Datum, Dimension, RowPacker};

use super::Percentile;
use crate::{
    error::{EvalError, SqlState},
    scalar::Span,
};

/// `percentile_cont` or `percentile_disc` of one fraction or an array of them. `direct` is the argument where there are no rows.
pub(super) fn percentile<'a>(
    kind: Percentile,
    many: bool,
    rows: impl Iterator<Item = &'a [Datum<'a>]>,
    direct: Datum<'_>,
    packer: &mut RowPacker,
) -> Result<(), EvalError> {
    let rows: Vec<&[Datum<'_>]> = rows.collect();
    let fractions = rows.first().and_then(|row| row.get(1)).copied().unwrap_or(direct);
    let values: Vec<Datum<'_>> = rows.iter().filter_map(|row| row.first()).copied().collect();
    match fractions {
        Datum::Float8(fraction) if !many => {
            check(fraction)?;
            packer.push(at(kind, fraction, &values)?);
        }
        Datum::Array(fractions) if many && !values.is_empty() => array(kind, fractions, &values, packer)?,
        _ => packer.push(Datum::Null),
    }
    Ok(())
}

fn array(
    kind: Percentile,
    fractions: ArrayRef<'_>,
    values: &[Datum<'_>],
    packer: &mut RowPacker,
) -> Result<(), EvalError> {
    for fraction in fractions {
        if let Datum::Float8(fraction) = fraction {
            check(fraction)?;
        }
    }
    let mut answers = ArrayBuilder::new();
    for fraction in fractions {
        answers.push(match fraction {
            Datum::Float8(fraction) => at(kind, fraction, values)?,
            _ => Datum::Null,
        });
    }
    let dimensions: Vec<Dimension> = fractions.dimensions().collect();
    packer.push(Datum::Array(answers.finish_with(&dimensions)));
    Ok(())
}

fn check(fraction: f64) -> Result<(), EvalError> {
    if (0.0..=1.0).contains(&fraction) {
        return Ok(());
    }
    let shown = shortest(fraction);
    Err(EvalError::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("percentile value {shown} is not between 0 and 1"),
    ))
}

/// The value at a fraction of the way; NULL of no values.
fn at<'a>(kind: Percentile, fraction: f64, values: &[Datum<'a>]) -> Result<Datum<'a>, EvalError> {
    let Some(last) = values.len().checked_sub(1) else { return Ok(Datum::Null) };
    match kind {
        Percentile::Discrete => {
            let place = (fraction * values.len() as f64).ceil() as usize;
            Ok(values[place.saturating_sub(1).min(last)])
        }
        Percentile::Continuous => {
            let place = fraction * last as f64;
            let (below, above) = (place.floor(), place.ceil());
            let (low, high) = (values[(below as usize).min(last)], values[(above as usize).min(last)]);
            match (low, high) {
                _ if below == above => Ok(low),
                (Datum::Float8(low), Datum::Float8(high)) => {
                    Ok(Datum::Float8(low + (place - below) * (high - low)))
                }
                (low, high) => match (Span::of(low), Span::of(high)) {
                    (Some(low), Some(high)) => Ok(high.minus(low)?.times(place - below)?.plus(low)?.datum()),
                    _ => Err(EvalError::internal("a percentile between values that have no between")),
                },
            }
        }
    }
}

/// The value that comes most often; of several the first. NULL of no values.
pub(super) fn mode<'a>(
    rows: impl Iterator<Item = &'a [Datum<'a>]>,
    compare: impl Fn(Datum<'a>, Datum<'a>) -> Ordering,
) -> Datum<'a> {
    let mut best = (Datum::Null, 0usize);
    let mut run = (Datum::Null, 0usize);
    for value in rows.filter_map(|row| row.first()).copied() {
        run = if run.1 > 0 && compare(run.0, value).is_eq() { (run.0, run.1 + 1) } else { (value, 1) };
        if run.1 > best.1 {
            best = run;
        }
    }
    best.0
}

/// C's `%g`: six significant digits.
fn shortest(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "nan"
        } else if value > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned();
    }
    let scientific = format!("{value:.5e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    if (-4..6).contains(&exponent) {
        let decimals = usize::try_from(5 - exponent).unwrap_or(0);
        return trimmed(&format!("{value:.decimals$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(digits), exponent.abs())
}
