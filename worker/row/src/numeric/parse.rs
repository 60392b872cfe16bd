//! Reading the text of a numeric.

use super::{LIMIT, Numeric, NumericError, POW10};

impl Numeric {
    /// Reads what PostgreSQL 15's `numeric_in` reads: blanks around, `1.50`, `.5`, `1e-3`, `NaN`, `-Infinity`, `inf`.
    ///
    /// Errors: [`NumericError::Syntax`], and [`NumericError::TooManyDigits`] for more than 38 digits or 255 decimals.
    pub fn parse(text: &str) -> Result<Numeric, NumericError> {
        Numeric::parse_bytes(text.as_bytes())
    }

    fn parse_bytes(text: &[u8]) -> Result<Numeric, NumericError> {
        let text = crate::text::trim(text);
        let (negative, body) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let mut mantissa: u64 = 0;
        let mut wide: u128 = 0;
        let mut seen = 0usize;
        let mut too_many = false;
        let mut decimals: Option<i64> = None;
        let mut at = 0;
        while let Some(&byte) = body.get(at) {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                seen += 1;
                if seen <= 19 {
                    mantissa = mantissa * 10 + u64::from(digit);
                } else {
                    if seen == 20 {
                        wide = u128::from(mantissa);
                    }
                    if wide < LIMIT {
                        wide = wide * 10 + u128::from(digit);
                    } else {
                        too_many = true;
                    }
                }
                if let Some(decimals) = &mut decimals {
                    *decimals += 1;
                }
            } else if byte == b'.' && decimals.is_none() {
                decimals = Some(0);
            } else {
                break;
            }
            at += 1;
        }
        if seen == 0 {
            return special(negative, text.len() != body.len(), body);
        }
        let mut scale = decimals.unwrap_or(0);
        let rest = &body[at..];
        if !rest.is_empty() {
            scale -= exponent(rest)?;
        }
        let mut magnitude = if seen <= 19 { u128::from(mantissa) } else { wide };
        if too_many {
            return Err(NumericError::TooManyDigits);
        }
        if scale < 0 {
            if magnitude != 0 {
                let power = POW10.get(scale.unsigned_abs() as usize).ok_or(NumericError::TooManyDigits)?;
                magnitude = magnitude.checked_mul(*power as u128).ok_or(NumericError::TooManyDigits)?;
            }
            scale = 0;
        }
        if magnitude >= LIMIT {
            return Err(NumericError::TooManyDigits);
        }
        Numeric::finite(if negative { -(magnitude as i128) } else { magnitude as i128 }, scale)
    }
}

fn special(negative: bool, signed: bool, body: &[u8]) -> Result<Numeric, NumericError> {
    if !signed && body.eq_ignore_ascii_case(b"nan") {
        return Ok(Numeric::NaN);
    }
    if body.eq_ignore_ascii_case(b"infinity") || body.eq_ignore_ascii_case(b"inf") {
        return Ok(if negative { Numeric::NegativeInfinity } else { Numeric::Infinity });
    }
    Err(NumericError::Syntax)
}

/// Reads `e[+-]digits` to the end. The answer is clamped far beyond every scale that has an answer.
fn exponent(text: &[u8]) -> Result<i64, NumericError> {
    let [b'e' | b'E', rest @ ..] = text else { return Err(NumericError::Syntax) };
    let (negative, digits) = match rest {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return Err(NumericError::Syntax);
    }
    let mut value: i64 = 0;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return Err(NumericError::Syntax);
        }
        value = (value * 10 + i64::from(byte - b'0')).min(1_000_000_000);
    }
    Ok(if negative { -value } else { value })
}
