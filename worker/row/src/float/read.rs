//! The input functions of floating-point numbers: what C's `strtod` reads, which is more than Rust does.

use crate::{
    text::{TextError, trim},
    types::Type,
};

/// What the two widths differ in.
struct Width {
    ty: Type,
    /// Bits of a mantissa.
    bits: i64,
    /// The power of two of the least number's only bit.
    least: i64,
    /// The first power of two that is too great.
    limit: i64,
}

const DOUBLE: Width = Width { ty: Type::Float8, bits: 53, least: -1074, limit: 1024 };
const SINGLE: Width = Width { ty: Type::Float4, bits: 24, least: -149, limit: 128 };

/// Reads `double precision`.
pub(crate) fn parse_f64(text: &str) -> Result<f64, TextError> {
    match Number::of(text) {
        Some(Number::Decimal(number)) => match number.parse::<f64>() {
            Ok(value) => checked(DOUBLE, text, number, value, value.is_infinite(), value == 0.0),
            Err(_) => Err(syntax(DOUBLE, text)),
        },
        Some(Number::Hexadecimal(number)) => number.value(&DOUBLE).ok_or_else(|| range(DOUBLE, text)),
        Some(Number::Nan) => Ok(f64::NAN),
        None => Err(syntax(DOUBLE, text)),
    }
}

/// Reads `real`.
pub(crate) fn parse_f32(text: &str) -> Result<f32, TextError> {
    match Number::of(text) {
        Some(Number::Decimal(number)) => match number.parse::<f32>() {
            Ok(value) => checked(SINGLE, text, number, value, value.is_infinite(), value == 0.0),
            Err(_) => Err(syntax(SINGLE, text)),
        },
        // It was rounded to the bits that there are.
        Some(Number::Hexadecimal(number)) => {
            number.value(&SINGLE).map(|value| value as f32).ok_or_else(|| range(SINGLE, text))
        }
        Some(Number::Nan) => Ok(f32::NAN),
        None => Err(syntax(SINGLE, text)),
    }
}

fn syntax(width: Width, text: &str) -> TextError {
    TextError::Syntax { ty: width.ty, text: text.to_owned() }
}

fn range(width: Width, text: &str) -> TextError {
    let number = trim(text.as_bytes());
    TextError::FloatRange { ty: width.ty, text: String::from_utf8_lossy(number).into_owned() }
}

/// An infinity or a zero that the text did not say is an error.
fn checked<T>(
    width: Width,
    text: &str,
    number: &str,
    value: T,
    infinite: bool,
    zero: bool,
) -> Result<T, TextError> {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let overflow = infinite && number.bytes().any(|byte| byte.is_ascii_digit());
    let underflow = zero && mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    if overflow || underflow { Err(range(width, text)) } else { Ok(value) }
}

enum Number<'t> {
    /// Decimals and the words for NaN and the infinities, which Rust reads as `strtod` does.
    Decimal(&'t str),
    Hexadecimal(Hexadecimal),
    /// `nan(…)`.
    Nan,
}

impl Number<'_> {
    fn of(text: &str) -> Option<Number<'_>> {
        let number = std::str::from_utf8(trim(text.as_bytes())).ok()?;
        let (negative, unsigned) = match number.as_bytes().first() {
            Some(b'-') => (true, &number[1..]),
            Some(b'+') => (false, &number[1..]),
            _ => (false, number),
        };
        let begins =
            |word: &str| unsigned.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        if begins("0x") {
            return Hexadecimal::read(&unsigned[2..], negative).map(Number::Hexadecimal);
        }
        if begins("nan(") {
            let inside = unsigned.get(4..)?.strip_suffix(')')?;
            let plain = inside.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            return plain.then_some(Number::Nan);
        }
        Some(Number::Decimal(number))
    }
}

/// `mantissa * 2^exponent`.
struct Hexadecimal {
    negative: bool,
    mantissa: u128,
    exponent: i64,
    /// Whether digits that are not 0 were left out of the mantissa.
    more: bool,
}

impl Hexadecimal {
    /// Reads what follows `0x`: digits, perhaps with a point, perhaps with an exponent of two.
    fn read(text: &str, negative: bool) -> Option<Hexadecimal> {
        let end = text.find(['p', 'P']).unwrap_or(text.len());
        let mut number = Hexadecimal { negative, mantissa: 0, exponent: 0, more: false };
        let (mut digits, mut point) = (0, false);
        for byte in text[..end].bytes() {
            if byte == b'.' && !point {
                point = true;
                continue;
            }
            let digit = char::from(byte).to_digit(16)?;
            digits += 1;
            if number.mantissa >> 120 == 0 {
                number.mantissa = number.mantissa << 4 | u128::from(digit);
                number.exponent -= if point { 4 } else { 0 };
            } else {
                number.more |= digit != 0;
                number.exponent += if point { 0 } else { 4 };
            }
        }
        if digits == 0 {
            return None;
        }
        if let Some(power) = text.get(end + 1..) {
            let (below, digits) = match power.as_bytes() {
                [b'-', digits @ ..] => (true, digits),
                [b'+', digits @ ..] => (false, digits),
                digits => (false, digits),
            };
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return None;
            }
            let power = digits
                .iter()
                .fold(0i64, |power, digit| (power * 10 + i64::from(digit - b'0')).min(1_000_000_000));
            number.exponent += if below { -power } else { power };
        }
        Some(number)
    }

    /// The nearest number, halves to even; `None` where it is too great, or too small to be more than zero.
    fn value(&self, width: &Width) -> Option<f64> {
        let sign = if self.negative { -1.0 } else { 1.0 };
        if self.mantissa == 0 {
            return Some(sign * 0.0);
        }
        let bits = i64::from(128 - self.mantissa.leading_zeros());
        // The power of two of the last bit that is kept.
        let last = (self.exponent + bits - width.bits).max(width.least);
        let drop = last - self.exponent;
        let kept = if drop <= 0 {
            // Not more than the bits of a mantissa: nothing is shifted out.
            self.mantissa << -drop
        } else if drop > 128 {
            0
        } else {
            let kept = self.mantissa.checked_shr(drop as u32).unwrap_or(0);
            let rest = self.mantissa - if drop < 128 { kept << drop } else { 0 };
            let half = 1u128 << (drop - 1);
            let up = rest > half || rest == half && (self.more || kept & 1 == 1);
            kept + u128::from(up)
        };
        if kept == 0 || last + i64::from(128 - kept.leading_zeros()) > width.limit {
            return None;
        }
        // A power of two in two steps, for the least ones are no normal numbers.
        let half = last / 2;
        let power = |exponent: i64| 2f64.powi(exponent as i32);
        Some(sign * kept as f64 * power(half) * power(last - half))
    }
}
