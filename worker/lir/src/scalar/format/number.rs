//! Templates of numbers, cut into their parts, and what the parts say together. Source: `NUM_keywords` and `NUMDesc_prepare`.

use super::template::first;
use crate::error::{EvalError, SqlState};

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part<'t> {
    Key(Key),
    /// A character that is no pattern.
    Char(&'t str),
}

/// A pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Key {
    Comma,
    /// `.`
    Point,
    Zero,
    Nine,
    Blank,
    /// `C`, which nothing is made of.
    Currency,
    /// `D`: the locale's point.
    LocalPoint,
    Scientific,
    Fill,
    /// `G`: the locale's separator of thousands.
    Group,
    /// `L`: the locale's currency.
    Money,
    Minus,
    Plus,
    Brackets,
    Roman {
        upper: bool,
    },
    AnySign,
    Spelled,
    Sign,
    Ordinal {
        upper: bool,
    },
    Shift,
}

/// Of lower-case patterns only the Roman numbers and ordinals are written in another way.
#[rustfmt::skip]
const KEYWORDS: &[(&str, Key)] = &[
    (",", Key::Comma), (".", Key::Point), ("0", Key::Zero), ("9", Key::Nine),
    ("B", Key::Blank), ("C", Key::Currency), ("D", Key::LocalPoint), ("EEEE", Key::Scientific),
    ("FM", Key::Fill), ("G", Key::Group), ("L", Key::Money), ("MI", Key::Minus), ("PL", Key::Plus),
    ("PR", Key::Brackets), ("RN", Key::Roman { upper: true }), ("SG", Key::AnySign),
    ("SP", Key::Spelled), ("S", Key::Sign), ("TH", Key::Ordinal { upper: true }), ("V", Key::Shift),
    ("b", Key::Blank), ("c", Key::Currency), ("d", Key::LocalPoint), ("eeee", Key::Scientific),
    ("fm", Key::Fill), ("g", Key::Group), ("l", Key::Money), ("mi", Key::Minus), ("pl", Key::Plus),
    ("pr", Key::Brackets), ("rn", Key::Roman { upper: false }), ("sg", Key::AnySign),
    ("sp", Key::Spelled), ("s", Key::Sign), ("th", Key::Ordinal { upper: false }), ("v", Key::Shift),
];

/// Where the sign is that `S` asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SignPlace {
    Before,
    Behind,
}

/// A template.
#[derive(Clone, Debug)]
pub(super) struct Template<'t> {
    pub parts: Vec<Part<'t>>,
    /// Digits before the point.
    pub before: usize,
    /// Digits behind it.
    pub behind: usize,
    /// Where `S` is, and behind how many digits.
    pub sign: Option<(SignPlace, usize)>,
    pub decimal: bool,
    pub fill: bool,
    pub brackets: bool,
    pub minus: bool,
    pub plus: bool,
    pub roman: bool,
    pub scientific: bool,
    /// The place of the first `0` before the point, from 0.
    pub zeros_from: Option<usize>,
    /// Behind the last `0`.
    pub zeros_to: usize,
    /// Whether there is a `V`, and digits behind it.
    pub shift: Option<usize>,
}

fn syntax(message: &str) -> EvalError {
    EvalError::new(SqlState::SYNTAX_ERROR, message)
}

impl<'t> Template<'t> {
    pub fn parse(template: &'t str) -> Result<Template<'t>, EvalError> {
        let mut made = Template {
            parts: Vec::new(),
            before: 0,
            behind: 0,
            sign: None,
            decimal: false,
            fill: false,
            brackets: false,
            minus: false,
            plus: false,
            roman: false,
            scientific: false,
            zeros_from: None,
            zeros_to: 0,
            shift: None,
        };
        let mut blank = false;
        let mut rest = template;
        while !rest.is_empty() {
            if let Some((name, key)) = KEYWORDS.iter().find(|(name, _)| rest.starts_with(name)) {
                rest = &rest[name.len()..];
                made.add(*key, &mut blank)?;
                made.parts.push(Part::Key(*key));
                continue;
            }
            if let Some(tail) = rest.strip_prefix('"') {
                rest = made.quoted(tail);
                continue;
            }
            if rest.starts_with("\\\"") {
                rest = &rest[1..];
            }
            let (char, tail) = first(rest);
            made.parts.push(Part::Char(char));
            rest = tail;
        }
        Ok(made)
    }

    fn quoted(&mut self, mut rest: &'t str) -> &'t str {
        while !rest.is_empty() {
            if let Some(tail) = rest.strip_prefix('"') {
                return tail;
            }
            if rest.len() > 1 && rest.starts_with('\\') {
                rest = &rest[1..];
            }
            let (char, tail) = first(rest);
            self.parts.push(Part::Char(char));
            rest = tail;
        }
        rest
    }

    fn add(&mut self, key: Key, blank: &mut bool) -> Result<(), EvalError> {
        if self.scientific && key != Key::Scientific {
            return Err(syntax("\"EEEE\" must be the last pattern used"));
        }
        match key {
            Key::Nine => {
                if self.brackets {
                    return Err(syntax("\"9\" must be ahead of \"PR\""));
                }
                match &mut self.shift {
                    Some(shift) => *shift += 1,
                    None if self.decimal => self.behind += 1,
                    None => self.before += 1,
                }
            }
            Key::Zero => {
                if self.brackets {
                    return Err(syntax("\"0\" must be ahead of \"PR\""));
                }
                if self.decimal {
                    self.behind += 1;
                } else {
                    self.zeros_from.get_or_insert(self.before);
                    self.before += 1;
                }
                self.zeros_to = self.before + self.behind;
            }
            Key::Blank => *blank |= self.before == 0 && self.behind == 0 && self.zeros_from.is_none(),
            Key::Point | Key::LocalPoint => {
                if self.decimal {
                    return Err(syntax("multiple decimal points"));
                }
                if self.shift.is_some() {
                    return Err(syntax("cannot use \"V\" and decimal point together"));
                }
                self.decimal = true;
            }
            Key::Fill => self.fill = true,
            Key::Sign => {
                if self.sign.is_some() {
                    return Err(syntax("cannot use \"S\" twice"));
                }
                if self.plus || self.minus || self.brackets {
                    return Err(syntax("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together"));
                }
                let place = if self.decimal { SignPlace::Behind } else { SignPlace::Before };
                self.sign = Some((place, self.before));
            }
            Key::Minus => {
                if self.sign.is_some() {
                    return Err(syntax("cannot use \"S\" and \"MI\" together"));
                }
                self.minus = true;
            }
            Key::Plus => {
                if self.sign.is_some() {
                    return Err(syntax("cannot use \"S\" and \"PL\" together"));
                }
                self.plus = true;
            }
            Key::AnySign => {
                if self.sign.is_some() {
                    return Err(syntax("cannot use \"S\" and \"SG\" together"));
                }
                (self.minus, self.plus) = (true, true);
            }
            Key::Brackets => {
                if self.sign.is_some() || self.plus || self.minus {
                    return Err(syntax("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together"));
                }
                self.brackets = true;
            }
            Key::Roman { .. } => self.roman = true,
            Key::Shift => {
                if self.decimal {
                    return Err(syntax("cannot use \"V\" and decimal point together"));
                }
                self.shift.get_or_insert(0);
            }
            Key::Scientific => {
                if self.scientific {
                    return Err(syntax("cannot use \"EEEE\" twice"));
                }
                let other = *blank
                    || self.fill
                    || self.sign.is_some()
                    || self.brackets
                    || self.minus
                    || self.plus
                    || self.roman
                    || self.shift.is_some();
                if other {
                    return Err(syntax("\"EEEE\" is incompatible with other formats"));
                }
                self.scientific = true;
            }
            Key::Comma | Key::Currency | Key::Group | Key::Money | Key::Spelled | Key::Ordinal { .. } => {}
        }
        Ok(())
    }
}
