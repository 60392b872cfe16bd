//! Angles in degrees, with exact values where there are some (`sind(30)` is 0.5). Source: `float.c`, from `asind` on.

use std::{f64::consts::PI, hint::black_box, sync::OnceLock};

use offtake_row::Datum;

use super::{MathFunc, trigonometry::input_range};
use crate::scalar::{
    Func,
    eval::{Value, mismatch},
};

const RADIANS: f64 = PI / 180.0;

/// What the C library gives at angles whose value is known: results are divided by it.
struct Known {
    sin_30: f64,
    one_minus_cos_60: f64,
    asin_half: f64,
    acos_half: f64,
    atan_one: f64,
    tan_45: f64,
    cot_45: f64,
}

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        // Not to be computed by the compiler, whose library may be another.
        let (thirty, sixty) = (black_box(30.0 * RADIANS), black_box(60.0 * RADIANS));
        let mut known = Known {
            sin_30: thirty.sin(),
            one_minus_cos_60: 1.0 - sixty.cos(),
            asin_half: black_box(0.5f64).asin(),
            acos_half: black_box(0.5f64).acos(),
            atan_one: black_box(1.0f64).atan(),
            tan_45: 1.0,
            cot_45: 1.0,
        };
        known.tan_45 = sin_q1(45.0, &known) / cos_q1(45.0, &known);
        known.cot_45 = cos_q1(45.0, &known) / sin_q1(45.0, &known);
        known
    })
}

/// Exact at 0 and 30 degrees.
fn sin_to_30(x: f64, known: &Known) -> f64 {
    (x * RADIANS).sin() / known.sin_30 / 2.0
}

/// Exact at 0 and 60 degrees.
fn cos_to_60(x: f64, known: &Known) -> f64 {
    1.0 - (1.0 - (x * RADIANS).cos()) / known.one_minus_cos_60 / 2.0
}

/// The first quadrant.
fn sin_q1(x: f64, known: &Known) -> f64 {
    if x <= 30.0 { sin_to_30(x, known) } else { cos_to_60(90.0 - x, known) }
}

fn cos_q1(x: f64, known: &Known) -> f64 {
    if x <= 60.0 { cos_to_60(x, known) } else { sin_to_30(90.0 - x, known) }
}

/// Exact at 0, 0.5 and 1.
fn asin_q1(x: f64, known: &Known) -> f64 {
    if x <= 0.5 { x.asin() / known.asin_half * 30.0 } else { 90.0 - x.acos() / known.acos_half * 60.0 }
}

fn acos_q1(x: f64, known: &Known) -> f64 {
    if x <= 0.5 { 90.0 - x.asin() / known.asin_half * 30.0 } else { x.acos() / known.acos_half * 60.0 }
}

pub(super) fn unary<'a>(func: MathFunc, x: f64) -> Value<'a> {
    if x.is_nan() {
        return Ok(Datum::Float8(x));
    }
    let known = known();
    let periodic = matches!(func, MathFunc::Sind | MathFunc::Cosd | MathFunc::Tand | MathFunc::Cotd);
    if periodic && x.is_infinite() {
        return Err(input_range());
    }
    if matches!(func, MathFunc::Asind | MathFunc::Acosd) && !(-1.0..=1.0).contains(&x) {
        return Err(input_range());
    }
    let answer = match func {
        MathFunc::Sind => sin(x, known),
        MathFunc::Cosd => cos(x, known),
        MathFunc::Tand => tan_or_cot(x, known, |x, known| sin_q1(x, known) / cos_q1(x, known) / known.tan_45),
        MathFunc::Cotd => tan_or_cot(x, known, |x, known| cos_q1(x, known) / sin_q1(x, known) / known.cot_45),
        MathFunc::Asind if x >= 0.0 => asin_q1(x, known),
        MathFunc::Asind => -asin_q1(-x, known),
        MathFunc::Acosd if x >= 0.0 => acos_q1(x, known),
        MathFunc::Acosd => 90.0 + asin_q1(-x, known),
        MathFunc::Atand => x.atan() / known.atan_one * 45.0,
        func => return Err(mismatch(Func::Math(func))),
    };
    Ok(Datum::Float8(answer))
}

fn sin(x: f64, known: &Known) -> f64 {
    let mut x = x % 360.0;
    let mut sign = 1.0;
    if x < 0.0 {
        (x, sign) = (-x, -sign);
    }
    if x > 180.0 {
        (x, sign) = (360.0 - x, -sign);
    }
    if x > 90.0 {
        x = 180.0 - x;
    }
    sign * sin_q1(x, known)
}

fn cos(x: f64, known: &Known) -> f64 {
    let mut x = (x % 360.0).abs();
    let mut sign = 1.0;
    if x > 180.0 {
        x = 360.0 - x;
    }
    if x > 90.0 {
        (x, sign) = (180.0 - x, -sign);
    }
    sign * cos_q1(x, known)
}

fn tan_or_cot(x: f64, known: &Known, first_quadrant: impl Fn(f64, &Known) -> f64) -> f64 {
    let mut x = x % 360.0;
    let mut sign = 1.0;
    if x < 0.0 {
        (x, sign) = (-x, -sign);
    }
    if x > 180.0 {
        (x, sign) = (360.0 - x, -sign);
    }
    if x > 90.0 {
        (x, sign) = (180.0 - x, -sign);
    }
    let answer = sign * first_quadrant(x, known);
    // Never -0.
    if answer == 0.0 { 0.0 } else { answer }
}

/// `atan2d(y, x)`.
pub(super) fn atan2<'a>(y: f64, x: f64) -> Value<'a> {
    if y.is_nan() || x.is_nan() {
        return Ok(Datum::Float8(f64::NAN));
    }
    Ok(Datum::Float8(y.atan2(x) / known().atan_one * 45.0))
}
