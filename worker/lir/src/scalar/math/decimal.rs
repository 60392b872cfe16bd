//! Decimals of any length, for functions whose intermediate values have more digits than their results.

use num_bigint::{BigInt, Sign};
use num_traits::{Signed, ToPrimitive, Zero};
use offtake_row::{Numeric, NumericError};

/// PostgreSQL's `NUMERIC_MIN_SIG_DIGITS`.
pub(super) const MIN_SIGNIFICANT_DIGITS: i64 = 16;
/// PostgreSQL's `NUMERIC_MAX_DISPLAY_SCALE`.
pub(super) const MAX_DISPLAY_SCALE: i64 = 1000;
/// Digits of one of the places in which PostgreSQL counts.
const PLACE_DIGITS: i64 = 4;

/// `mantissa / 10^scale`.
#[derive(Clone, Debug)]
pub(super) struct Decimal {
    pub mantissa: BigInt,
    pub scale: i64,
}

/// The value's first place of four digits, as PostgreSQL's `NumericVar` holds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leading {
    /// The power of 10,000 of the first place; 0 for zero.
    pub weight: i64,
    /// The first place.
    pub first: i64,
}

pub(super) fn pow10(exponent: i64) -> BigInt {
    BigInt::from(10).pow(u32::try_from(exponent).unwrap_or(0))
}

impl Decimal {
    /// `None` for NaN and the infinities.
    pub(super) fn of(value: Numeric) -> Option<Decimal> {
        match value {
            Numeric::Finite { mantissa, scale } => {
                Some(Decimal { mantissa: mantissa.into(), scale: scale.into() })
            }
            Numeric::NaN | Numeric::Infinity | Numeric::NegativeInfinity => None,
        }
    }

    pub(super) fn from_i64(value: i64) -> Decimal {
        Decimal { mantissa: value.into(), scale: 0 }
    }

    /// The value as `numeric`; an error where it has too many digits.
    pub(super) fn to_numeric(&self) -> Result<Numeric, NumericError> {
        let (Some(mantissa), Ok(scale)) = (self.mantissa.to_i128(), u8::try_from(self.scale)) else {
            return Err(NumericError::TooManyDigits);
        };
        Numeric::from_i128(mantissa, scale)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.mantissa.is_zero()
    }

    pub(super) fn is_negative(&self) -> bool {
        self.mantissa.is_negative()
    }

    /// -1, 0 or 1.
    pub(super) fn sign(&self) -> i64 {
        match self.mantissa.sign() {
            Sign::Minus => -1,
            Sign::NoSign => 0,
            Sign::Plus => 1,
        }
    }

    /// As PostgreSQL's `numericvar_to_double_no_overflow` has it.
    pub(super) fn to_f64(&self) -> f64 {
        // An integer's text with an exponent is always a number to Rust.
        format!("{}e{}", self.mantissa, -self.scale).parse().unwrap_or(f64::NAN)
    }

    /// The mantissa at another scale, cut off towards zero.
    pub(super) fn at(&self, scale: i64) -> BigInt {
        if scale >= self.scale {
            &self.mantissa * pow10(scale - self.scale)
        } else {
            &self.mantissa / pow10(self.scale - scale)
        }
    }

    /// Rounded to a scale, halves away from zero.
    pub(super) fn round(&self, scale: i64) -> Decimal {
        if scale >= self.scale {
            return Decimal { mantissa: self.at(scale), scale };
        }
        Decimal { mantissa: divide(&self.mantissa, &pow10(self.scale - scale)), scale }
    }

    pub(super) fn mul(&self, other: &Decimal) -> Decimal {
        Decimal { mantissa: &self.mantissa * &other.mantissa, scale: self.scale + other.scale }
    }

    pub(super) fn add(&self, other: &Decimal) -> Decimal {
        let scale = self.scale.max(other.scale);
        Decimal { mantissa: self.at(scale) + other.at(scale), scale }
    }

    pub(super) fn sub(&self, other: &Decimal) -> Decimal {
        let scale = self.scale.max(other.scale);
        Decimal { mantissa: self.at(scale) - other.at(scale), scale }
    }

    /// The quotient rounded to a scale, halves away from zero; `None` for a division by zero.
    pub(super) fn div(&self, other: &Decimal, scale: i64) -> Option<Decimal> {
        if other.is_zero() {
            return None;
        }
        // a / 10^s over b / 10^t is a * 10^(t - s) / b.
        let shift = scale + other.scale - self.scale;
        let (mut numerator, mut denominator) = (self.mantissa.clone(), other.mantissa.clone());
        if shift >= 0 {
            numerator *= pow10(shift);
        } else {
            denominator *= pow10(-shift);
        }
        Some(Decimal { mantissa: divide(&numerator, &denominator), scale })
    }

    /// The power of ten of the first digit; 0 for zero.
    pub(super) fn exponent(&self) -> i64 {
        if self.is_zero() { 0 } else { digits(&self.mantissa) - 1 - self.scale }
    }

    pub(super) fn leading(&self) -> Leading {
        if self.is_zero() {
            return Leading { weight: 0, first: 0 };
        }
        let weight = self.exponent().div_euclid(PLACE_DIGITS);
        Leading { weight, first: self.places(weight, 1) }
    }

    /// The first `count` places, the first of which is that of `weight`, as a number.
    pub(super) fn places(&self, weight: i64, count: i64) -> i64 {
        let scale = (count - 1 - weight) * PLACE_DIGITS;
        let cut = if scale >= 0 { self.at(scale) } else { &self.mantissa / pow10(self.scale - scale) };
        cut.abs().to_i64().unwrap_or(0)
    }

    /// How many places it has from the first to the last that is not 0.
    pub(super) fn place_count(&self) -> i64 {
        if self.is_zero() {
            return 0;
        }
        let mut mantissa = self.mantissa.abs();
        let mut scale = self.scale;
        let ten = BigInt::from(10);
        while (&mantissa % &ten).is_zero() {
            mantissa /= &ten;
            scale -= 1;
        }
        // The last digit stands in the place of this weight.
        let last = (-scale).div_euclid(PLACE_DIGITS);
        self.leading().weight - last + 1
    }

    pub(super) fn is_integer(&self) -> bool {
        self.scale <= 0 || (&self.mantissa % pow10(self.scale)).is_zero()
    }

    /// The value, if it is an integer of 64 bits.
    pub(super) fn to_i64(&self) -> Option<i64> {
        if self.is_integer() { self.at(0).to_i64() } else { None }
    }
}

/// Divides, halves away from zero.
pub(super) fn divide(numerator: &BigInt, denominator: &BigInt) -> BigInt {
    let mut quotient = numerator / denominator;
    let remainder = (numerator % denominator).abs();
    if remainder * 2 >= denominator.abs() {
        quotient += if numerator.is_negative() == denominator.is_negative() { 1 } else { -1 };
    }
    quotient
}

/// How many decimal digits a number that is not zero has.
fn digits(value: &BigInt) -> i64 {
    // 2^b has at least b * 0.30102 digits; one more is tried.
    let guess = (value.bits().saturating_sub(1) as f64 * std::f64::consts::LOG10_2) as i64;
    if value.abs() >= pow10(guess + 1) { guess + 2 } else { guess + 1 }
}

/// The scale that PostgreSQL divides with (`select_div_scale`).
pub(super) fn division_scale(a: &Decimal, b: &Decimal) -> i64 {
    let (first, second) = (a.leading(), b.leading());
    let weight = first.weight - second.weight - i64::from(first.first <= second.first);
    let scale = MIN_SIGNIFICANT_DIGITS - weight * PLACE_DIGITS;
    scale.max(a.scale).max(b.scale).clamp(0, MAX_DISPLAY_SCALE)
}
