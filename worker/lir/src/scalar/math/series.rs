//! Exponentials and logarithms of decimals, in the steps that PostgreSQL takes: intermediate values are rounded where it rounds them, so
//! that results agree in the last digit also where the true value lies near the middle of two. Source: `exp_var`, `ln_var` in `numeric.c`.

use super::decimal::{Decimal, pow10};

/// log10(2), as PostgreSQL has it.
#[allow(clippy::approx_constant, reason = "PostgreSQL estimates with so many digits")]
const LOG10_2: f64 = 0.301029995663981;
/// log10(e), as PostgreSQL has it.
#[allow(clippy::approx_constant, reason = "PostgreSQL estimates with so many digits")]
pub(super) const LOG10_E: f64 = 0.434294481903252;
/// Digits that are carried beyond those asked for.
const SPARE: i64 = 8;

/// `e^x`, rounded to a scale; x is between -6000 and 6000.
pub(super) fn exp(x: &Decimal, scale: i64) -> Decimal {
    let mut estimate = x.to_f64();
    let exponent = (estimate * LOG10_E) as i64;
    // Halved so often that the series ends soon.
    let mut halvings = 0;
    while estimate.abs() > 0.01 {
        halvings += 1;
        estimate /= 2.0;
    }
    let reduced = x.divide_int(1 << halvings, x.scale + i64::from(halvings));
    let digits = (1 + exponent + scale + (f64::from(halvings) * LOG10_2) as i64).max(0) + SPARE;
    let precision = digits - 1;
    let mut sum = Decimal::from_i64(1).add(&reduced);
    let mut term = reduced.mul(&reduced).round(precision).divide_int(2, precision);
    let mut count = 2;
    while !term.is_zero() {
        sum = sum.add(&term);
        count += 1;
        term = term.mul(&reduced).round(precision).divide_int(count, precision);
    }
    for _ in 0..halvings {
        let precision = (digits - sum.leading().weight * 2 * 4).max(0);
        sum = sum.mul(&sum).round(precision);
    }
    sum.round(scale)
}

/// The natural logarithm of a value above zero, rounded to a scale.
pub(super) fn ln(x: &Decimal, scale: i64) -> Decimal {
    let (low, high) = (Decimal { mantissa: 9.into(), scale: 1 }, Decimal { mantissa: 11.into(), scale: 1 });
    let one = Decimal::from_i64(1);
    // Roots bring it near 1, where the series ends soon.
    let mut near = x.clone();
    let mut roots = 0u32;
    while near.sub(&low).sign() <= 0 || near.sub(&high).sign() >= 0 {
        let precision = (scale - near.leading().weight * 4 / 2 + SPARE).max(0);
        near = near.sqrt(precision);
        roots += 1;
    }
    // 2 atanh((x - 1) / (x + 1))
    let precision = scale + (f64::from(roots + 1) * LOG10_2) as i64 + SPARE;
    let precision = precision.max(0);
    let Some(ratio) = near.sub(&one).div(&near.add(&one), precision) else { return one };
    let square = ratio.mul(&ratio).round(precision);
    let mut power = ratio.clone();
    let mut sum = ratio;
    let mut count = 1;
    loop {
        count += 2;
        power = power.mul(&square).round(precision);
        let term = power.divide_int(count, precision);
        if term.is_zero() {
            break;
        }
        sum = sum.add(&term);
        if term.leading().weight < sum.leading().weight - precision * 2 / 4 {
            break;
        }
    }
    Decimal { mantissa: sum.mantissa << (roots + 1), scale: sum.scale }.round(scale)
}

impl Decimal {
    /// The square root, rounded to a scale.
    pub(super) fn sqrt(&self, scale: i64) -> Decimal {
        // A place more than is asked for, so that it can be rounded.
        let more = scale + 4;
        let root = Decimal { mantissa: self.at(2 * more).sqrt(), scale: more };
        // What was cut off lies above: a 5 that ends it is more than half.
        root.round(scale)
    }

    fn divide_int(&self, divisor: i64, scale: i64) -> Decimal {
        let shift = scale - self.scale;
        let divisor = num_bigint::BigInt::from(divisor);
        let mantissa = if shift >= 0 {
            super::decimal::divide(&(&self.mantissa * pow10(shift)), &divisor)
        } else {
            super::decimal::divide(&self.mantissa, &(divisor * pow10(-shift)))
        };
        Decimal { mantissa, scale }
    }
}
