//! Escapes: what a backslash makes of the characters behind it. Source: documentation 9.7.3.3, and `lexescape` for what it leaves open.

use super::{expr::Look, options::Fault, sets::Named, syntax::Parser};

pub(super) enum Escape {
    /// A character by its code.
    Char(u32),
    /// A class or, with true, all but it.
    Class(Named, bool),
    Look(Look),
}

/// Reads what follows a backslash. `is_group` says whether a number is that of parentheses which are closed.
pub(super) fn parse(parser: &mut Parser, is_group: &dyn Fn(usize, &Parser) -> bool) -> Result<Escape, Fault> {
    let c = parser.peek().ok_or(Fault::Escape)?;
    parser.at += 1;
    if !c.is_ascii_alphanumeric() {
        return Ok(Escape::Char(c.into()));
    }
    Ok(match c {
        'a' => Escape::Char(7),
        'A' => Escape::Look(Look::TextStart),
        'b' => Escape::Char(8),
        'B' => Escape::Char('\\'.into()),
        'c' => {
            let control = parser.peek().ok_or(Fault::Escape)?;
            parser.at += 1;
            Escape::Char(u32::from(control) & 0x1f)
        }
        'd' | 'D' => Escape::Class(Named::Digit, c == 'D'),
        'e' => Escape::Char(0x1b),
        'f' => Escape::Char(0xc),
        'm' => Escape::Look(Look::WordStart),
        'M' => Escape::Look(Look::WordEnd),
        'n' => Escape::Char('\n'.into()),
        'r' => Escape::Char('\r'.into()),
        's' | 'S' => Escape::Class(Named::Space, c == 'S'),
        't' => Escape::Char('\t'.into()),
        'u' => Escape::Char(digits(parser, 16, 4, 4)?),
        'U' => Escape::Char(digits(parser, 16, 8, 8)?),
        'v' => Escape::Char(0xb),
        'w' | 'W' => Escape::Class(Named::Word, c == 'W'),
        'x' => Escape::Char(digits(parser, 16, 1, 255)?),
        'y' => Escape::Look(Look::WordEdge),
        'Y' => Escape::Look(Look::NotWordEdge),
        'Z' => Escape::Look(Look::TextEnd),
        '1'..='9' => {
            parser.at -= 1;
            let start = parser.at;
            let number = digits(parser, 10, 1, 255)? as usize;
            // One digit is always a back reference, more are one where there are so many parentheses; else they are octal.
            if parser.at == start + 1 || (number > 0 && number <= parser.group_count()) {
                if !is_group(number, parser) {
                    return Err(Fault::BackReference);
                }
                return Err(Fault::Refused("back references"));
            }
            parser.at = start;
            octal(parser)?
        }
        '0' => {
            parser.at -= 1;
            octal(parser)?
        }
        _ => return Err(Fault::Escape),
    })
}

/// Up to three octal digits; a code beyond a byte gives the last one back.
fn octal(parser: &mut Parser) -> Result<Escape, Fault> {
    let code = digits(parser, 8, 1, 3)?;
    if code > 0xff {
        parser.at -= 1;
        return Ok(Escape::Char(code >> 3));
    }
    Ok(Escape::Char(code))
}

fn digits(parser: &mut Parser, base: u32, least: usize, most: usize) -> Result<u32, Fault> {
    let mut value: u32 = 0;
    let mut count = 0;
    while count < most
        && let Some(digit) = parser.peek().and_then(|c| c.to_digit(base))
    {
        parser.at += 1;
        count += 1;
        value = value.saturating_mul(base).saturating_add(digit);
    }
    if count < least || value > 0x7fff_fffe { Err(Fault::Escape) } else { Ok(value) }
}
