//! `format`. Source: `text_format` in `varlena.c`.

use offtake_row::Datum;

use super::{check_size, quote};
use crate::error::{EvalError, SqlState};

/// Fills the arguments into the pattern. They are texts, or booleans that print as `t` and `f`.
pub(super) fn format(pattern: &str, args: &[Datum<'_>]) -> Result<String, EvalError> {
    let mut out = String::with_capacity(pattern.len());
    let mut reader = Reader { rest: pattern };
    // The next argument, from 1.
    let mut next = 1;
    while let Some(at) = reader.rest.find('%') {
        out.push_str(&reader.rest[..at]);
        reader.rest = &reader.rest[at..];
        reader.advance()?;
        if reader.first() == Some('%') {
            out.push('%');
            reader.rest = &reader.rest[1..];
            continue;
        }
        let spec = reader.spec()?;
        let kind = reader.first().unwrap_or_default();
        if !matches!(kind, 's' | 'I' | 'L') {
            let message = format!("unrecognized format() type specifier \"{kind}\"");
            return Err(EvalError::invalid_parameter(message));
        }
        reader.rest = &reader.rest[1..];
        let width = match spec.width {
            Width::None => 0,
            Width::Given(width) => width,
            Width::Argument(place) => {
                next = place.unwrap_or(next);
                let width = argument(args, next)?;
                next += 1;
                match width {
                    Some(text) => width_of(text)?,
                    None => 0,
                }
            }
        };
        next = spec.argument.unwrap_or(next);
        let value = argument(args, next)?;
        next += 1;
        let text = match (kind, value) {
            ('s', value) => value.unwrap_or_default().to_owned(),
            ('L', None) => "NULL".to_owned(),
            ('L', Some(value)) => quote::literal(value),
            (_, Some(value)) => quote::ident(value),
            (_, None) => {
                let message = "null values cannot be formatted as an SQL identifier";
                return Err(EvalError::new(SqlState::NULL_NOT_ALLOWED, message));
            }
        };
        pad(&text, width, spec.left, &mut out)?;
    }
    out.push_str(reader.rest);
    check_size(out.len())?;
    Ok(out)
}

fn argument<'d>(args: &[Datum<'d>], place: usize) -> Result<Option<&'d str>, EvalError> {
    match place.checked_sub(1).and_then(|place| args.get(place)) {
        None => Err(EvalError::invalid_parameter("too few arguments for format()")),
        Some(Datum::Text(text)) => Ok(Some(text)),
        Some(Datum::Bool(value)) => Ok(Some(if *value { "t" } else { "f" })),
        Some(_) => Ok(None),
    }
}

/// A width that is an argument, as `integer` reads it.
fn width_of(text: &str) -> Result<i64, EvalError> {
    let mut packer = offtake_row::RowPacker::new();
    offtake_row::text::parse(offtake_row::Type::Int4, text, &mut packer)
        .map_err(|error| EvalError::new(SqlState::new(error.sqlstate()), error.to_string()))?;
    match packer.finish().datum(0) {
        Datum::Int(width) => Ok(width),
        _ => Ok(0),
    }
}

/// Appends a text with blanks up to a width in characters; behind it where the width is negative.
fn pad(text: &str, width: i64, left: bool, out: &mut String) -> Result<(), EvalError> {
    if width == i64::from(i32::MIN) {
        return Err(out_of_range());
    }
    let left = left || width < 0;
    let missing = usize::try_from(width.unsigned_abs()).unwrap_or(0).saturating_sub(text.chars().count());
    check_size(out.len().saturating_add(text.len()).saturating_add(missing))?;
    if !left {
        out.extend(std::iter::repeat_n(' ', missing));
    }
    out.push_str(text);
    if left {
        out.extend(std::iter::repeat_n(' ', missing));
    }
    Ok(())
}

fn out_of_range() -> EvalError {
    EvalError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "number is out of range")
}

enum Width {
    None,
    Given(i64),
    /// An argument's value: of this one, or of the next.
    Argument(Option<usize>),
}

/// What stands between a `%` and the letter.
struct Spec {
    argument: Option<usize>,
    left: bool,
    width: Width,
}

struct Reader<'p> {
    rest: &'p str,
}

impl Reader<'_> {
    fn first(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Goes over one character, behind which there must be another.
    fn advance(&mut self) -> Result<(), EvalError> {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
        if self.rest.is_empty() {
            return Err(EvalError::invalid_parameter("unterminated format() type specifier"));
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<Option<i64>, EvalError> {
        let mut value: Option<i32> = None;
        while let Some(digit) = self.first().and_then(|c| c.to_digit(10)) {
            let tens = value.unwrap_or(0).checked_mul(10).and_then(|tens| tens.checked_add(digit as i32));
            value = Some(tens.ok_or_else(out_of_range)?);
            self.advance()?;
        }
        Ok(value.map(i64::from))
    }

    fn spec(&mut self) -> Result<Spec, EvalError> {
        let mut spec = Spec { argument: None, left: false, width: Width::None };
        if let Some(number) = self.digits()? {
            if self.first() != Some('$') {
                spec.width = Width::Given(number);
                return Ok(spec);
            }
            spec.argument = Some(place(number)?);
            self.advance()?;
        }
        while self.first() == Some('-') {
            spec.left = true;
            self.advance()?;
        }
        if self.first() == Some('*') {
            self.advance()?;
            spec.width = Width::Argument(match self.digits()? {
                Some(_) if self.first() != Some('$') => {
                    let message = "width argument position must be ended by \"$\"";
                    return Err(EvalError::invalid_parameter(message));
                }
                Some(number) => {
                    let place = place(number)?;
                    self.advance()?;
                    Some(place)
                }
                None => None,
            });
        } else if let Some(number) = self.digits()? {
            spec.width = Width::Given(number);
        }
        Ok(spec)
    }
}

/// An argument's place, from 1.
fn place(number: i64) -> Result<usize, EvalError> {
    match usize::try_from(number) {
        Ok(place) if place > 0 => Ok(place),
        _ => {
            let message = "format specifies argument 0, but arguments are numbered from 1";
            Err(EvalError::invalid_parameter(message))
        }
    }
}
