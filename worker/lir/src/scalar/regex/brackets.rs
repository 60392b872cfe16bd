//! Bracket expressions. Source: documentation 9.7.3.2.

use super::{
    escapes::{self, Escape},
    options::Fault,
    sets::{CharSet, Named},
    syntax::Parser,
};

/// What stands at one place of a bracket expression.
enum Part {
    /// A character, which may begin a range.
    Char(u32),
    Class(Named, bool),
    /// `[=x=]`: no range begins with it.
    Equivalents(u32),
    /// A `-` that is no plain character.
    Dash,
}

/// Reads what follows an opening bracket, the closing one included.
pub(super) fn parse(parser: &mut Parser) -> Result<CharSet, Fault> {
    let complement = parser.eat('^');
    let mut set = CharSet::default();
    let mut first = true;
    loop {
        let c = parser.peek().ok_or(Fault::Brackets)?;
        if c == ']' && !first {
            parser.at += 1;
            break;
        }
        let part = part(parser, first)?;
        first = false;
        let from = match part {
            Part::Dash => return Err(Fault::Range),
            Part::Class(class, false) => {
                parser.add_class(class, &mut set);
                continue;
            }
            Part::Class(class, true) => {
                set.add_all(&class.set().clone().complement());
                continue;
            }
            Part::Equivalents(code) => {
                add(parser, code, code, &mut set);
                continue;
            }
            Part::Char(code) => code,
        };
        // A `-` before the closing bracket is a plain character.
        let ranged = parser.peek() == Some('-') && parser.chars.get(parser.at + 1) != Some(&']');
        if !ranged {
            add(parser, from, from, &mut set);
            continue;
        }
        parser.at += 1;
        if parser.peek().is_none() {
            return Err(Fault::Brackets);
        }
        let to = match self::part(parser, false)? {
            Part::Char(code) => code,
            Part::Dash => '-'.into(),
            Part::Class(..) | Part::Equivalents(_) => return Err(Fault::Range),
        };
        if from > to {
            return Err(Fault::Range);
        }
        add(parser, from, to, &mut set);
    }
    if !complement {
        return Ok(set);
    }
    if parser.options.newline_stops {
        set.add('\n'.into(), '\n'.into());
    }
    Ok(set.complement())
}

fn add(parser: &Parser, from: u32, to: u32, set: &mut CharSet) {
    if parser.options.ignore_case {
        set.add_cases(from, to);
    } else {
        set.add(from, to);
    }
}

fn part(parser: &mut Parser, first: bool) -> Result<Part, Fault> {
    let c = parser.peek().ok_or(Fault::Brackets)?;
    parser.at += 1;
    match c {
        '\\' => match escapes::parse(parser, &|_, _| false)? {
            Escape::Char(code) => Ok(Part::Char(code)),
            Escape::Class(class, complement) => Ok(Part::Class(class, complement)),
            Escape::Look(_) => Err(Fault::Escape),
        },
        // Plain at the start and at the end.
        '-' if first || parser.peek() == Some(']') => Ok(Part::Char(c.into())),
        '-' => Ok(Part::Dash),
        '[' => match parser.peek() {
            Some(kind @ ('.' | '=' | ':')) => {
                parser.at += 1;
                named(parser, kind)
            }
            Some(_) => Ok(Part::Char(c.into())),
            None => Err(Fault::Brackets),
        },
        c => Ok(Part::Char(c.into())),
    }
}

/// `[.x.]`, `[=x=]`, `[:name:]`.
fn named(parser: &mut Parser, kind: char) -> Result<Part, Fault> {
    let mut name = String::new();
    loop {
        let c = parser.peek().ok_or(Fault::Brackets)?;
        if c == kind && parser.chars.get(parser.at + 1) == Some(&']') {
            parser.at += 2;
            break;
        }
        parser.at += 1;
        name.push(c);
    }
    let mut chars = name.chars();
    match (kind, chars.next(), chars.next()) {
        (':', _, _) => Named::of(&name).map(|class| Part::Class(class, false)).ok_or(Fault::CharacterClass),
        ('.', Some(c), None) => Ok(Part::Char(c.into())),
        ('=', Some(c), None) => Ok(Part::Equivalents(c.into())),
        (_, None, _) => Err(Fault::CollatingElement),
        // The names that POSIX gives to characters.
        _ => Err(Fault::Refused("named collating elements")),
    }
}
