//! Reading a pattern: PostgreSQL's advanced regular expressions (documentation 9.7.3), and literals behind `***=` or with option `q`.
//!
//! Refused by name: back references, look-around, and basic and extended syntax (options `b` and `e`).

use std::rc::Rc;

use super::{
    brackets, escapes,
    expr::{Expr, Item, Look, Parsed, Prefer, Run},
    options::{Fault, Options},
    sets::{CharSet, Named},
};
/// The greatest number in `{m,n}`.
const MOST_REPEATS: u32 = 255;
/// Parentheses within each other.
const MOST_DEPTH: usize = 250;

/// The least and the greatest number of repetitions, and what is preferred.
type Quantifier = (u16, Option<u16>, Option<Prefer>);

/// Reads a pattern.
pub(super) fn parse(pattern: &str, options: Options) -> Result<Parsed, Fault> {
    let mut parser = Parser {
        chars: pattern.chars().collect(),
        at: 0,
        options,
        sets: Vec::new(),
        groups: 0,
        closed: Vec::new(),
        looks: false,
        depth: 0,
    };
    parser.prefixes()?;
    let expr = if parser.options.literal { parser.literal() } else { parser.either()? };
    if parser.at < parser.chars.len() {
        // Only a closing parenthesis ends the top.
        return Err(Fault::Parentheses);
    }
    Ok(Parsed { expr: Rc::new(expr), sets: parser.sets, groups: parser.groups, looks: parser.looks })
}

pub(super) struct Parser {
    pub chars: Vec<char>,
    pub at: usize,
    pub options: Options,
    sets: Vec<CharSet>,
    groups: usize,
    /// Capturing parentheses that are closed, which back references may name.
    closed: Vec<usize>,
    looks: bool,
    depth: usize,
}

impl Parser {
    /// Capturing parentheses so far, open ones included.
    pub(super) fn group_count(&self) -> usize {
        self.groups
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    pub(super) fn looking_at(&self, text: &str) -> bool {
        let ahead = self.chars.get(self.at..).unwrap_or_default();
        text.chars().enumerate().all(|(place, c)| ahead.get(place) == Some(&c))
    }

    /// `***:`, `***=` and embedded options.
    fn prefixes(&mut self) -> Result<(), Fault> {
        if self.options.literal {
            return if self.options.expanded || self.options.newline_stops || self.options.newline_anchors {
                Err(Fault::Argument)
            } else {
                Ok(())
            };
        }
        if self.looking_at("***") {
            self.at += 3;
            match self.peek() {
                Some('=') => {
                    self.at += 1;
                    self.options = Options { literal: true, ..self.options };
                    return Ok(());
                }
                Some(':') => {
                    self.at += 1;
                    self.options.old_syntax = false;
                }
                Some('?') => return Err(Fault::Version),
                _ => return Err(Fault::Quantifier),
            }
        }
        if self.looking_at("(?") && self.chars.get(self.at + 2).is_some_and(char::is_ascii_alphabetic) {
            self.at += 2;
            while let Some(letter) = self.peek().filter(char::is_ascii_alphabetic) {
                self.at += 1;
                if !self.options.take(letter) {
                    return Err(Fault::Option);
                }
            }
            if !self.eat(')') {
                return Err(Fault::Option);
            }
        }
        if self.options.old_syntax {
            return Err(Fault::Refused("basic or extended syntax"));
        }
        Ok(())
    }

    fn literal(&mut self) -> Expr {
        let chars = self.chars.split_off(self.at);
        let items: Vec<Item> = chars.into_iter().map(|c| once(self.one(c.into()))).collect();
        run(items)
    }

    /// Blanks and comments of expanded syntax.
    fn skip(&mut self) {
        while self.options.expanded {
            match self.peek() {
                Some(' ' | '\t'..='\r') => self.at += 1,
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// Skips what is no part of the pattern, `(?#…)` too.
    fn skip_comments(&mut self) -> Result<(), Fault> {
        loop {
            self.skip();
            if !self.looking_at("(?#") {
                return Ok(());
            }
            while self.peek().is_some_and(|c| c != ')') {
                self.at += 1;
            }
            self.eat(')');
        }
    }

    /// Branches, up to a closing parenthesis or the end.
    fn either(&mut self) -> Result<Expr, Fault> {
        let mut branches = vec![Rc::new(self.branch()?)];
        while self.eat('|') {
            branches.push(Rc::new(self.branch()?));
        }
        match branches.as_slice() {
            [only] => Ok(Expr::clone(only)),
            _ => Ok(Expr::Either(branches)),
        }
    }

    fn branch(&mut self) -> Result<Expr, Fault> {
        let mut items = Vec::new();
        loop {
            self.skip_comments()?;
            match self.peek() {
                None | Some('|') => break,
                Some(')') if self.depth > 0 => break,
                Some(')') => return Err(Fault::Parentheses),
                Some(_) => items.push(self.item()?),
            }
        }
        Ok(run(items))
    }

    fn item(&mut self) -> Result<Item, Fault> {
        let atom = self.atom()?;
        self.skip_comments()?;
        if let Expr::Look(_) = atom {
            // A constraint takes no quantifier; one that follows it has nothing to work on.
            self.looks = true;
            return Ok(once(atom));
        }
        let Some((min, max, prefer)) = self.quantifier()? else { return Ok(once(atom)) };
        Ok(Item { atom: Rc::new(atom), min, max, prefer })
    }

    fn quantifier(&mut self) -> Result<Option<Quantifier>, Fault> {
        let (min, max) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') if self.begins_bound() => {
                self.at += 1;
                return self.bound().map(Some);
            }
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some((min, max, Some(self.preference()))))
    }

    fn preference(&mut self) -> Prefer {
        if self.eat('?') { Prefer::Shorter } else { Prefer::Longer }
    }

    /// A brace that no digit follows is a plain character.
    fn begins_bound(&mut self) -> bool {
        let start = self.at;
        self.at += 1;
        self.skip();
        let digit = self.peek().is_some_and(|c| c.is_ascii_digit());
        self.at = start;
        digit
    }

    /// `m}`, `m,}` or `m,n}`.
    fn bound(&mut self) -> Result<Quantifier, Fault> {
        let min = self.count()?;
        self.skip();
        let mut max = Some(min);
        let ranged = self.eat(',');
        if ranged {
            self.skip();
            max = if self.peek().is_some_and(|c| c.is_ascii_digit()) { Some(self.count()?) } else { None };
            if max.is_some_and(|max| min > max) {
                return Err(Fault::RepetitionCount);
            }
        }
        self.skip();
        match self.peek() {
            Some('}') => self.at += 1,
            Some(_) => return Err(Fault::RepetitionCount),
            None => return Err(Fault::Braces),
        }
        let preference = self.preference();
        Ok((min, max, ranged.then_some(preference)))
    }

    fn count(&mut self) -> Result<u16, Fault> {
        let mut value = 0;
        loop {
            self.skip();
            let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) else { break };
            self.at += 1;
            value = value * 10 + digit;
            if value > MOST_REPEATS {
                return Err(Fault::RepetitionCount);
            }
        }
        u16::try_from(value).map_err(|_| Fault::RepetitionCount)
    }

    fn atom(&mut self) -> Result<Expr, Fault> {
        let Some(c) = self.peek() else { return Err(Fault::Parentheses) };
        match c {
            '^' => self.look(if self.options.newline_anchors { Look::LineStart } else { Look::TextStart }),
            '$' => self.look(if self.options.newline_anchors { Look::LineEnd } else { Look::TextEnd }),
            '*' | '+' | '?' => Err(Fault::Quantifier),
            '{' if self.begins_bound() => Err(Fault::Quantifier),
            '(' => self.group(),
            '[' if self.looking_at("[[:<:]]") => {
                self.at += 6;
                self.look(Look::WordStart)
            }
            '[' if self.looking_at("[[:>:]]") => {
                self.at += 6;
                self.look(Look::WordEnd)
            }
            '[' => {
                self.at += 1;
                let set = brackets::parse(self)?;
                Ok(self.set(set))
            }
            '.' => {
                self.at += 1;
                let mut newline = CharSet::default();
                if self.options.newline_stops {
                    newline.add('\n'.into(), '\n'.into());
                }
                let set = if self.options.newline_stops { newline.complement() } else { CharSet::all() };
                Ok(self.set(set))
            }
            '\\' => {
                self.at += 1;
                self.escape()
            }
            c => {
                self.at += 1;
                Ok(self.one(c.into()))
            }
        }
    }

    fn look(&mut self, look: Look) -> Result<Expr, Fault> {
        self.at += 1;
        Ok(Expr::Look(look))
    }

    fn escape(&mut self) -> Result<Expr, Fault> {
        use escapes::Escape;
        match escapes::parse(self, &|number, groups: &Parser| groups.closed.contains(&number))? {
            Escape::Char(code) => Ok(self.one(code)),
            Escape::Class(class, complement) => {
                let set = class.set().clone();
                Ok(self.set(if complement { set.complement() } else { set }))
            }
            Escape::Look(look) => Ok(Expr::Look(look)),
        }
    }

    fn group(&mut self) -> Result<Expr, Fault> {
        self.at += 1;
        let mut number = None;
        if self.eat('?') {
            match self.peek() {
                Some(':') => self.at += 1,
                Some('=' | '!') => return Err(Fault::Refused("look-ahead")),
                Some('<') if matches!(self.chars.get(self.at + 1), Some('=' | '!')) => {
                    return Err(Fault::Refused("look-behind"));
                }
                _ => return Err(Fault::Quantifier),
            }
        } else {
            self.groups += 1;
            number = Some(self.groups);
        }
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(Fault::TooComplex);
        }
        let inner = self.either()?;
        self.depth -= 1;
        if !self.eat(')') {
            return Err(Fault::Parentheses);
        }
        self.closed.extend(number);
        Ok(Expr::Group(Rc::new(inner), number))
    }

    /// A character, in both cases where case does not matter.
    fn one(&mut self, code: u32) -> Expr {
        let mut set = CharSet::default();
        if self.options.ignore_case {
            set.add_cases(code, code);
        } else {
            set.add(code, code);
        }
        self.set(set)
    }

    fn set(&mut self, mut set: CharSet) -> Expr {
        set.settle();
        let number = self.sets.iter().position(|known| *known == set).unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        });
        Expr::Set(number)
    }

    /// Adds a named class to a set; where case does not matter, both cases are all letters.
    pub(super) fn add_class(&self, class: Named, set: &mut CharSet) {
        let class = match class {
            Named::Lower | Named::Upper if self.options.ignore_case => Named::Alpha,
            class => class,
        };
        set.add_all(class.set());
    }
}

fn once(atom: Expr) -> Item {
    Item { atom: Rc::new(atom), min: 1, max: Some(1), prefer: None }
}

fn run(items: Vec<Item>) -> Expr {
    let range = 0..items.len();
    Expr::Run(Run { items: items.into(), range })
}
