//! Exact sums and sums of squares of numerics and integers: what their variances are made of, to PostgreSQL's last digit.

use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive, Zero};
use offtake_row::Numeric;
use serde::{Deserialize, Serialize};

use super::Spread;
use crate::error::{EvalError, SqlState};

/// PostgreSQL's `NUMERIC_MIN_SIG_DIGITS`.
const LEAST_DIGITS: i64 = 16;
/// PostgreSQL's `NUMERIC_MAX_DISPLAY_SCALE`.
const MOST_DECIMALS: i64 = 1000;

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NumericMoments {
    /// Values that are NaN or infinite.
    specials: i64,
    /// By ascending scale; none is all zero.
    scales: Vec<ScaleMoments>,
}

/// Of the values of one scale.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct ScaleMoments {
    scale: u32,
    count: i64,
    /// Of the mantissas; two's complement, little-endian, in the fewest bytes.
    sum: Vec<u8>,
    /// Of the mantissas' squares.
    squares: Vec<u8>,
}

fn big(bytes: &[u8]) -> BigInt {
    BigInt::from_signed_bytes_le(bytes)
}

impl ScaleMoments {
    fn new(scale: u32, count: i64, sum: &BigInt, squares: &BigInt) -> ScaleMoments {
        ScaleMoments { scale, count, sum: sum.to_signed_bytes_le(), squares: squares.to_signed_bytes_le() }
    }

    fn is_zero(&self) -> bool {
        self.count == 0 && big(&self.sum).is_zero() && big(&self.squares).is_zero()
    }

    fn plus(&self, other: &ScaleMoments) -> ScaleMoments {
        ScaleMoments::new(
            self.scale,
            self.count.wrapping_add(other.count),
            &(big(&self.sum) + big(&other.sum)),
            &(big(&self.squares) + big(&other.squares)),
        )
    }
}

impl NumericMoments {
    pub(super) fn of(value: Numeric, diff: i64) -> NumericMoments {
        let Numeric::Finite { mantissa, scale } = value else {
            return NumericMoments { specials: diff, scales: Vec::new() };
        };
        let mantissa = BigInt::from(mantissa);
        let part =
            ScaleMoments::new(scale.into(), diff, &(&mantissa * diff), &(&mantissa * &mantissa * diff));
        NumericMoments { specials: 0, scales: vec![part] }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.specials == 0 && self.scales.is_empty()
    }

    #[must_use]
    pub(super) fn plus(&self, other: &NumericMoments) -> NumericMoments {
        let mut scales = self.scales.clone();
        for part in &other.scales {
            match scales.binary_search_by_key(&part.scale, |known| known.scale) {
                Ok(place) => scales[place] = scales[place].plus(part),
                Err(place) => scales.insert(place, part.clone()),
            }
        }
        scales.retain(|part| !part.is_zero());
        NumericMoments { specials: self.specials.wrapping_add(other.specials), scales }
    }

    #[must_use]
    pub(super) fn times(&self, factor: i64) -> NumericMoments {
        let part = |part: &ScaleMoments| {
            let (sum, squares) = (big(&part.sum) * factor, big(&part.squares) * factor);
            ScaleMoments::new(part.scale, part.count.wrapping_mul(factor), &sum, &squares)
        };
        let mut scales: Vec<ScaleMoments> = self.scales.iter().map(part).collect();
        scales.retain(|part| !part.is_zero());
        NumericMoments { specials: self.specials.wrapping_mul(factor), scales }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let parts: usize = self.scales.iter().map(|part| part.sum.len() + part.squares.len()).sum();
        size_of::<NumericMoments>() + size_of_val(self.scales.as_slice()) + parts
    }

    /// `None` of too few values. Source: `numeric_stddev_internal`.
    pub(super) fn spread(&self, spread: Spread) -> Result<Option<Numeric>, EvalError> {
        let finite = self.scales.iter().fold(0i64, |count, part| count.wrapping_add(part.count));
        let count = finite.wrapping_add(self.specials);
        if count <= i64::from(spread.of_sample()) {
            return Ok(None);
        }
        if self.specials != 0 {
            return Ok(Some(Numeric::NaN));
        }
        let scale = self.scales.last().map_or(0, |last| last.scale);
        let (mut sum, mut squares) = (BigInt::zero(), BigInt::zero());
        for part in &self.scales {
            let power = BigInt::from(10).pow(scale - part.scale);
            sum += big(&part.sum) * &power;
            squares += big(&part.squares) * &power * &power;
        }
        let deviations = squares * count - &sum * &sum;
        if !deviations.is_positive() {
            return Ok(Some(Numeric::ZERO));
        }
        let divisor = BigInt::from(count) * if spread.of_sample() { count - 1 } else { count };
        let decimals = quotient_scale(&deviations, 2 * scale, &divisor);
        let power = |decimals: i64| BigInt::from(10).pow(u32::try_from(decimals).unwrap_or(0));
        let shift = decimals - 2 * i64::from(scale);
        let (numerator, divisor) = (deviations * power(shift), divisor * power(-shift));
        let variance = (numerator * 2 + &divisor) / (divisor * 2);
        if !spread.is_deviation() {
            return numeric(&variance, decimals);
        }
        let square = variance * power(decimals);
        let root = square.sqrt();
        let up = square - &root * &root > root;
        numeric(&(root + i64::from(up)), decimals)
    }
}

/// PostgreSQL's `select_div_scale` for a positive numerator and an integer divisor: it counts in digits of base 10,000.
fn quotient_scale(numerator: &BigInt, scale: u32, divisor: &BigInt) -> i64 {
    let (weight, first) = leading_digit(numerator, scale);
    let (other_weight, other_first) = leading_digit(divisor, 0);
    let weight = weight - other_weight - i64::from(first <= other_first);
    (LEAST_DIGITS - weight * 4).max(scale.into()).min(MOST_DECIMALS)
}

/// The power and the value of the first digit in base 10,000.
fn leading_digit(mantissa: &BigInt, scale: u32) -> (i64, i64) {
    let digits = mantissa.to_str_radix(10);
    let before_point = digits.len() as i64 - i64::from(scale);
    let weight = (before_point - 1).div_euclid(4);
    // One to four decimal digits, and zeros behind those that there are.
    let width = (before_point - weight * 4) as usize;
    let first = digits.bytes().chain(std::iter::repeat(b'0')).take(width);
    (weight, first.fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
}

fn numeric(mantissa: &BigInt, scale: i64) -> Result<Option<Numeric>, EvalError> {
    let scale = u8::try_from(scale).ok();
    match (mantissa.to_i128(), scale) {
        (Some(mantissa), Some(scale)) => Ok(Some(Numeric::from_i128(mantissa, scale)?)),
        _ => Err(EvalError::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            "the result needs more than the 38 digits that Offtake keeps",
        )),
    }
}
