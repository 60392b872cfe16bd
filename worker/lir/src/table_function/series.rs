//! `generate_series`. Source: `generate_series_step_int8` and its like in `int8.c`, `numeric.c` and `timestamp.c`.

use offtake_row::{Datum, Numeric, time};

use super::Give;
use crate::{
    error::EvalError,
    scalar::{Span, timestamp_plus},
};

pub(super) fn integers(
    start: i64,
    stop: i64,
    step: &[Datum<'_>],
    give: &mut Give<'_>,
) -> Result<(), EvalError> {
    let step = match step {
        [Datum::Int(step)] => *step,
        _ => 1,
    };
    check(step != 0)?;
    let mut next = Some(start);
    // Behind the type's last number there is none.
    while let Some(value) = next.filter(|value| if step > 0 { *value <= stop } else { *value >= stop }) {
        give(&[Datum::Int(value)])?;
        next = value.checked_add(step);
    }
    Ok(())
}

pub(super) fn numerics(
    start: Numeric,
    stop: Numeric,
    step: &[Datum<'_>],
    give: &mut Give<'_>,
) -> Result<(), EvalError> {
    let step = match step {
        [Datum::Numeric(step)] => *step,
        _ => Numeric::from_i64(1),
    };
    for (value, what) in [(start, "start value"), (stop, "stop value"), (step, "step size")] {
        if value.is_special() {
            let special = if value.is_nan() { "NaN" } else { "infinity" };
            return Err(EvalError::invalid_parameter(format!("{what} cannot be {special}")));
        }
    }
    check(!step.is_zero())?;
    let mut value = start;
    loop {
        let order = value.cmp_sql(&stop);
        if if step.is_negative() { order.is_lt() } else { order.is_gt() } {
            return Ok(());
        }
        give(&[Datum::Numeric(value)])?;
        value = value.add(&step)?;
    }
}

pub(super) fn timestamps(
    start: i64,
    stop: i64,
    step: Datum<'_>,
    give: &mut Give<'_>,
) -> Result<(), EvalError> {
    let Some(step) = Span::of(step) else {
        return Err(EvalError::internal("the step of a series of timestamps is no interval"));
    };
    let length = time::interval_length(step.months, step.days, step.micros);
    check(length != 0)?;
    let mut value = start;
    while if length > 0 { value <= stop } else { value >= stop } {
        give(&[Datum::Timestamp(value)])?;
        value = timestamp_plus(value, step)?;
    }
    Ok(())
}

fn check(moves: bool) -> Result<(), EvalError> {
    if moves { Ok(()) } else { Err(EvalError::invalid_parameter("step size cannot equal zero")) }
}
