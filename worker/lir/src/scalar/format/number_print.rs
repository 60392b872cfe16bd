//! Numbers by template. Source: `NUM_processor`, `NUM_numpart_to_char` and the `to_char` functions of numbers.

use offtake_row::Numeric;

use super::{number::Template, places};
use crate::error::{EvalError, SqlState};

/// `to_char(integer, text)`.
pub(super) fn int4(value: i64, template: &str) -> Result<String, EvalError> {
    let mut template = Template::parse(template)?;
    if template.roman {
        return places::print(template, &roman(Some(value)), 0, '+');
    }
    if template.scientific {
        return Ok(scientific(value as f64, template.behind));
    }
    let mut value = value;
    if let Some(shift) = template.shift {
        let power = u32::try_from(shift).ok().and_then(|shift| 10i32.checked_pow(shift));
        let product = power.and_then(|power| i32::try_from(value).ok()?.checked_mul(power));
        value = product.ok_or_else(|| EvalError::out_of_range("integer"))?.into();
        template.before += shift;
    }
    integer(template, &value.to_string())
}

/// `to_char(bigint, text)`.
pub(super) fn int8(value: i64, template: &str) -> Result<String, EvalError> {
    let mut template = Template::parse(template)?;
    if template.roman {
        let value = i32::try_from(value).map_err(|_| EvalError::out_of_range("integer"))?;
        return places::print(template, &roman(Some(value.into())), 0, '+');
    }
    if template.scientific {
        return Ok(signed(&scientific_decimal(&value.to_string(), template.behind)));
    }
    let mut value = value;
    if let Some(shift) = template.shift {
        let power = u32::try_from(shift).ok().and_then(|shift| 10i64.checked_pow(shift));
        let product = power.and_then(|power| value.checked_mul(power));
        value = product.ok_or_else(|| EvalError::out_of_range("bigint"))?;
        template.before += shift;
    }
    integer(template, &value.to_string())
}

/// A decimal number that has no fraction; the template's gets zeros.
fn integer(template: Template<'_>, shown: &str) -> Result<String, EvalError> {
    let (sign, digits) = apart(shown);
    let number = match template.behind {
        0 => digits.to_owned(),
        behind => format!("{digits}.{}", "0".repeat(behind)),
    };
    fitted(template, number, digits.len(), sign)
}

/// `to_char(numeric, text)`.
pub(super) fn numeric(value: Numeric, template: &str) -> Result<String, EvalError> {
    let mut template = Template::parse(template)?;
    if template.roman {
        let number = match value {
            Numeric::NaN => {
                return Err(EvalError::new(SqlState::FEATURE_NOT_SUPPORTED, "cannot convert NaN to integer"));
            }
            Numeric::Infinity | Numeric::NegativeInfinity => {
                return Err(EvalError::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "cannot convert infinity to integer",
                ));
            }
            value => value.to_i64_rounded().and_then(|value| i32::try_from(value).ok()),
        };
        let number = number.ok_or_else(|| EvalError::out_of_range("integer"))?;
        return places::print(template, &roman(Some(number.into())), 0, '+');
    }
    if template.scientific {
        if matches!(value, Numeric::NaN | Numeric::Infinity | Numeric::NegativeInfinity) {
            return Ok(unshown(&template));
        }
        return Ok(signed(&scientific_decimal(&value.to_string(), template.behind)));
    }
    let mut value = value;
    if let Some(shift) = template.shift {
        let power = Numeric::parse(&format!("1{}", "0".repeat(shift)))?;
        value = value.mul(&power)?;
        template.before += shift;
    }
    let shown = value.round(template.behind as i32)?.to_string();
    let (sign, number) = apart(&shown);
    let whole = number.find('.').unwrap_or(number.len());
    fitted(template, number.to_owned(), whole, sign)
}

/// `to_char(double precision, text)`.
pub(super) fn float8(value: f64, template: &str) -> Result<String, EvalError> {
    float(value, template, 15, |value, shift| value * 10f64.powi(shift))
}

/// `to_char(real, text)`.
pub(super) fn float4(value: f32, template: &str) -> Result<String, EvalError> {
    float(value.into(), template, 6, |value, shift| f64::from(value as f32 * 10f32.powi(shift)))
}

fn float(
    value: f64,
    template: &str,
    digits: usize,
    shifted: impl Fn(f64, i32) -> f64,
) -> Result<String, EvalError> {
    let mut template = Template::parse(template)?;
    if template.roman {
        let rounded = value.round_ties_even();
        let number = (1.0..4000.0).contains(&rounded).then_some(rounded as i64);
        return places::print(template, &roman(number), 0, '+');
    }
    if template.scientific {
        return Ok(if value.is_finite() { scientific(value, template.behind) } else { unshown(&template) });
    }
    let mut value = value;
    if let Some(shift) = template.shift {
        value = shifted(value, shift as i32);
        template.before += shift;
    }
    // No more digits than the type has.
    let whole = plain(value.abs(), 0).len();
    if whole >= digits {
        template.behind = 0;
    } else if whole + template.behind > digits {
        template.behind = digits - whole;
    }
    let shown = plain(value, template.behind);
    let (sign, number) = apart(&shown);
    let whole = number.find('.').unwrap_or(number.len());
    fitted(template, number.to_owned(), whole, sign)
}

/// C's `%.*f`, with PostgreSQL's words.
fn plain(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
    } else {
        format!("{value:.decimals$}")
    }
}

fn apart(shown: &str) -> (char, &str) {
    match shown.strip_prefix('-') {
        Some(number) => ('-', number),
        None => ('+', shown),
    }
}

/// A number with as many blanks before it as its template has places more, or as hashes.
fn fitted(template: Template<'_>, number: String, whole: usize, sign: char) -> Result<String, EvalError> {
    if whole <= template.before {
        let blanks = template.before - whole;
        return places::print(template, &number, blanks, sign);
    }
    let mut hashes = vec![b'#'; template.before + template.behind + 1];
    hashes[template.before] = b'.';
    let hashes = String::from_utf8(hashes).unwrap_or_default();
    places::print(template, &hashes, 0, sign)
}

/// What stands for a number without digits in scientific notation.
fn unshown(template: &Template<'_>) -> String {
    let mut hashes = vec![b'#'; template.before + template.behind + 6];
    hashes[0] = b' ';
    if let Some(point) = hashes.get_mut(template.before + 1) {
        *point = b'.';
    }
    String::from_utf8(hashes).unwrap_or_default()
}

fn signed(number: &str) -> String {
    if number.starts_with('-') { number.to_owned() } else { format!(" {number}") }
}

fn with_exponent(mantissa: &str, exponent: i64) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// C's `%.*e`, with a blank for a plus.
fn scientific(value: f64, decimals: usize) -> String {
    let shown = format!("{value:.decimals$e}");
    let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    signed(&with_exponent(mantissa, exponent.parse().unwrap_or(0)))
}

/// A decimal number in scientific notation, rounded half away from zero. The exponent is that before rounding. Source:
/// `get_str_from_var_sci`.
fn scientific_decimal(shown: &str, decimals: usize) -> String {
    let (sign, number) = apart(shown);
    let point = number.find('.').unwrap_or(number.len());
    let digits: Vec<u8> = number.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect();
    let first = digits.iter().position(|digit| *digit != 0);
    let exponent = first.map_or(0, |first| point as i64 - 1 - first as i64);
    let significant = &digits[first.unwrap_or(digits.len())..];
    let mut kept: Vec<u8> =
        significant.iter().copied().chain(std::iter::repeat(0)).take(decimals + 1).collect();
    if significant.get(decimals + 1).is_some_and(|digit| *digit >= 5) {
        let mut carry = true;
        for digit in kept.iter_mut().rev() {
            if !carry {
                break;
            }
            carry = *digit == 9;
            *digit = if carry { 0 } else { *digit + 1 };
        }
        // The exponent stays also where ten come before the point.
        if carry {
            kept.insert(0, 1);
        }
    }
    let shown: String = kept.iter().map(|digit| char::from(b'0' + digit)).collect();
    let (whole, fraction) = shown.split_at(shown.len() - decimals);
    let mantissa = if decimals == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") };
    let number = with_exponent(&mantissa, exponent);
    if sign == '-' { format!("-{number}") } else { number }
}

/// A Roman number; hashes for what is none.
fn roman(number: Option<i64>) -> String {
    const PARTS: [(i64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let Some(mut rest) = number.filter(|number| (1..=3999).contains(number)) else { return "#".repeat(15) };
    let mut shown = String::new();
    for (value, letters) in PARTS {
        while rest >= value {
            shown.push_str(letters);
            rest -= value;
        }
    }
    shown
}
