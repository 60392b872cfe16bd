//! The text of floating-point numbers: the shortest decimal that reads back as the same number, as PostgreSQL 12 and later print it.
//! Reading is in `read.rs`.

mod read;

use std::fmt::Write;

pub(crate) use read::{parse_f32, parse_f64};

/// A number's shortest decimal: `digits * 10^exponent`.
struct Decimal {
    digits: u64,
    exponent: i32,
}

/// What the two widths differ in.
#[derive(Clone, Copy)]
struct Format {
    /// Digits that always tell a number apart.
    max_digits: usize,
    /// The first power of ten that is printed with an exponent.
    scientific_from: i32,
}

const DOUBLE: Format = Format { max_digits: 17, scientific_from: 15 };
const SINGLE: Format = Format { max_digits: 9, scientific_from: 6 };

/// Prints `double precision`.
pub(crate) fn write_f64(value: f64, out: &mut String) {
    if write_special(value, out) {
        return;
    }
    let magnitude = value.abs();
    // Whole numbers of up to 15 digits are their own shortest decimal.
    if magnitude < 1e15 && magnitude.trunc() == magnitude {
        write_digits(magnitude as u64, out);
        return;
    }
    let bits = magnitude.to_bits();
    let stored = bits & ((1 << 52) - 1);
    let exponent = (bits >> 52) as i32;
    let (mantissa, power) = if exponent == 0 { (stored, -1074) } else { (stored | 1 << 52, exponent - 1075) };
    let narrow_below = stored == 0 && exponent > 1;
    let same = |text: &str| text.parse() == Ok(magnitude);
    let decimal =
        shortest(&format_args!("{magnitude:e}"), mantissa, power, narrow_below, DOUBLE, same, |n| {
            format!("{magnitude:.n$e}")
        });
    write_decimal(&decimal, DOUBLE, out);
}

/// Prints `real`.
pub(crate) fn write_f32(value: f32, out: &mut String) {
    if write_special(f64::from(value), out) {
        return;
    }
    let magnitude = value.abs();
    if magnitude < 1e6 && magnitude.trunc() == magnitude {
        write_digits(magnitude as u64, out);
        return;
    }
    let bits = magnitude.to_bits();
    let stored = u64::from(bits & ((1 << 23) - 1));
    let exponent = (bits >> 23) as i32;
    let (mantissa, power) = if exponent == 0 { (stored, -149) } else { (stored | 1 << 23, exponent - 150) };
    let narrow_below = stored == 0 && exponent > 1;
    let same = |text: &str| text.parse() == Ok(magnitude);
    let decimal =
        shortest(&format_args!("{magnitude:e}"), mantissa, power, narrow_below, SINGLE, same, |n| {
            format!("{magnitude:.n$e}")
        });
    write_decimal(&decimal, SINGLE, out);
}

/// Prints the sign, and all of NaN, the infinities and zero. Gives whether that was all.
fn write_special(value: f64, out: &mut String) -> bool {
    if value.is_nan() {
        out.push_str("NaN");
        return true;
    }
    if value.is_sign_negative() {
        out.push('-');
    }
    if value.is_infinite() {
        out.push_str("Infinity");
        return true;
    }
    if value == 0.0 {
        out.push('0');
        return true;
    }
    false
}

/// PostgreSQL's shortest decimal of `mantissa * 2^power`, starting from Rust's.
///
/// Both give the shortest decimal inside the interval that reads back, and the nearest of those. They differ in two rare cases: Rust
/// accepts a decimal that lies exactly on the interval's end (which reads back because halves go to even), PostgreSQL does not; and
/// of two decimals equally near, Rust takes the greater and PostgreSQL the even one.
fn shortest(
    rust: &std::fmt::Arguments<'_>,
    mantissa: u64,
    power: i32,
    narrow_below: bool,
    format: Format,
    same: impl Fn(&str) -> bool,
    rounded: impl Fn(usize) -> String,
) -> Decimal {
    let mut text = Buffer { bytes: [0; 32], len: 0 };
    // The longest is `1.2345678901234567e-308`.
    let _ = text.write_fmt(*rust);
    let mut decimal = Decimal::read(text.as_str());
    if mantissa.is_multiple_of(2) && decimal.ends_interval(mantissa, power, narrow_below) {
        for digits in decimal.count()..format.max_digits {
            let text = rounded(digits);
            let longer = Decimal::read(&text);
            if same(&text) && !longer.ends_interval(mantissa, power, narrow_below) {
                return longer;
            }
        }
        return decimal;
    }
    // An exact value with precisely one decimal more than the shortest ends in a 5: it was a tie.
    let odd = mantissa.trailing_zeros() as i32;
    if decimal.exponent < 0 && -(power + odd) == 1 - decimal.exponent && decimal.digits % 2 == 1 {
        let even = Decimal { digits: decimal.digits - 1, exponent: decimal.exponent };
        let text = format!("{}e{}", even.digits, even.exponent);
        if same(&text) && !even.ends_interval(mantissa, power, narrow_below) {
            decimal = even;
            decimal.trim();
        }
    }
    decimal
}

impl Decimal {
    /// Reads `d.ddde±x`.
    fn read(text: &str) -> Decimal {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let mut digits = 0u64;
        let mut decimals = 0;
        let mut point = false;
        for byte in mantissa.bytes() {
            match byte {
                b'.' => point = true,
                digit => {
                    digits = digits.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0')));
                    decimals += i32::from(point);
                }
            }
        }
        let mut decimal = Decimal { digits, exponent: exponent.parse().unwrap_or(0) - decimals };
        decimal.trim();
        decimal
    }

    fn trim(&mut self) {
        while self.digits != 0 && self.digits.is_multiple_of(10) {
            self.digits /= 10;
            self.exponent += 1;
        }
    }

    fn count(&self) -> usize {
        self.digits.checked_ilog10().map_or(1, |log| log as usize + 1)
    }

    /// Whether it lies exactly half-way between `mantissa * 2^power` and one of its neighbours.
    fn ends_interval(&self, mantissa: u64, power: i32, narrow_below: bool) -> bool {
        self.is(2 * mantissa + 1, power - 1)
            || if narrow_below {
                self.is(4 * mantissa - 1, power - 2)
            } else {
                self.is(2 * mantissa - 1, power - 1)
            }
    }

    /// Whether it is exactly `odd * 2^power`.
    fn is(&self, odd: u64, power: i32) -> bool {
        let twos = self.digits.trailing_zeros();
        let own = u128::from(self.digits >> twos);
        if twos as i32 + self.exponent != power {
            return false;
        }
        let fives = 5u128.checked_pow(self.exponent.unsigned_abs());
        let (left, right) = if self.exponent >= 0 { (own, u128::from(odd)) } else { (u128::from(odd), own) };
        fives.and_then(|fives| left.checked_mul(fives)) == Some(right)
    }
}

fn write_decimal(decimal: &Decimal, format: Format, out: &mut String) {
    let mut buffer = [0; 20];
    let digits = decimal_digits(decimal.digits, &mut buffer);
    let leading = decimal.exponent + digits.len() as i32 - 1;
    if leading < -4 || leading >= format.scientific_from {
        out.push_str(&digits[..1]);
        if digits.len() > 1 {
            out.push('.');
            out.push_str(&digits[1..]);
        }
        out.push_str(if leading < 0 { "e-" } else { "e+" });
        if leading.unsigned_abs() < 10 {
            out.push('0');
        }
        write_digits(u64::from(leading.unsigned_abs()), out);
    } else if leading < 0 {
        out.push_str("0.");
        for _ in leading..-1 {
            out.push('0');
        }
        out.push_str(digits);
    } else {
        let whole = leading as usize + 1;
        if whole >= digits.len() {
            out.push_str(digits);
            for _ in digits.len()..whole {
                out.push('0');
            }
        } else {
            out.push_str(&digits[..whole]);
            out.push('.');
            out.push_str(&digits[whole..]);
        }
    }
}

/// Appends a whole number.
pub(crate) fn write_digits(value: u64, out: &mut String) {
    out.push_str(decimal_digits(value, &mut [0; 20]));
}

fn decimal_digits(mut value: u64, buffer: &mut [u8; 20]) -> &str {
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    // Only ASCII was written.
    std::str::from_utf8(&buffer[at..]).unwrap_or_default()
}

struct Buffer {
    bytes: [u8; 32],
    len: usize,
}

impl Buffer {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}
