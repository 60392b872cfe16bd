//! Which parts of an expression prefer long matches and which short ones, and into which parts a match is taken apart to find what
//! parentheses captured. Source: documentation 9.7.3.5; `parse`, `parsebranch` and `parseqatom` for what it leaves open.

use std::rc::Rc;

use super::expr::{Expr, Item, Prefer, Run};

/// What is known of a part.
#[derive(Clone, Copy, Debug, Default)]
struct Traits {
    longer: bool,
    shorter: bool,
    /// Long and short ones are within it.
    mixed: bool,
    captures: bool,
}

impl Traits {
    fn prefer(prefer: Option<Prefer>) -> Traits {
        Traits {
            longer: prefer == Some(Prefer::Longer),
            shorter: prefer == Some(Prefer::Shorter),
            ..Traits::default()
        }
    }

    fn and(self, other: Traits) -> Traits {
        Traits {
            longer: self.longer || other.longer,
            shorter: self.shorter || other.shorter,
            mixed: self.mixed || other.mixed,
            captures: self.captures || other.captures,
        }
    }

    /// What a part that holds these has of them: no preference.
    fn up(self) -> Traits {
        Traits {
            longer: false,
            shorter: false,
            mixed: self.mixed || (self.longer && self.shorter),
            captures: self.captures,
        }
    }

    /// One after the other: the first preference is that of both.
    fn combine(self, other: Traits) -> Traits {
        let first = if self.longer || self.shorter { self } else { other };
        Traits { longer: first.longer, shorter: first.shorter, ..self.and(other).up() }
    }

    /// Whether it must be taken apart.
    fn is_messy(self) -> bool {
        self.mixed || self.captures
    }
}

/// A part of an expression.
#[derive(Debug)]
pub(super) struct Part {
    pub expr: Rc<Expr>,
    pub shape: Shape,
    /// Whether it prefers the shortest match.
    pub shorter: bool,
    /// The parentheses that capture it, by number from 1.
    pub capture: Option<usize>,
    /// Its place among all parts.
    pub number: usize,
    traits: Traits,
}

#[derive(Debug)]
pub(super) enum Shape {
    /// Nothing in it is of interest.
    Plain,
    Both(Box<[Part; 2]>),
    Either(Vec<Part>),
    /// Up to so many times.
    Repeat(Box<Part>, Option<u16>),
    /// The part within two pairs of parentheses.
    Inner(Box<Part>),
}

/// Takes an expression apart; gives it and how many parts there are.
pub(super) fn plan(expr: &Rc<Expr>) -> (Part, usize) {
    let mut planner = Planner { count: 0 };
    let part = planner.part(expr);
    (part, planner.count)
}

struct Planner {
    count: usize,
}

impl Planner {
    fn numbered(&mut self, expr: Rc<Expr>, shape: Shape, traits: Traits) -> Part {
        self.count += 1;
        Part { expr, shape, shorter: traits.shorter, capture: None, number: self.count - 1, traits }
    }

    fn part(&mut self, expr: &Rc<Expr>) -> Part {
        match &**expr {
            Expr::Set(_) | Expr::Look(_) | Expr::Repeat { .. } => {
                self.numbered(expr.clone(), Shape::Plain, Traits::default())
            }
            Expr::Run(run) => self.run(run.clone()),
            Expr::Group(inner, None) => self.part(inner),
            Expr::Group(inner, Some(number)) => {
                let mut part = self.part(inner);
                let traits = Traits { captures: true, ..part.traits };
                if part.capture.is_some() {
                    part = self.numbered(part.expr.clone(), Shape::Inner(Box::new(part)), traits);
                }
                Part { capture: Some(*number), traits, ..part }
            }
            Expr::Either(branches) => {
                let parts: Vec<Part> = branches.iter().map(|branch| self.part(branch)).collect();
                let longer = Traits::prefer(Some(Prefer::Longer));
                let traits =
                    parts.iter().fold(longer, |traits, part| traits.and(traits.and(part.traits).up()));
                let shape = if traits.is_messy() { Shape::Either(parts) } else { Shape::Plain };
                self.numbered(expr.clone(), shape, traits)
            }
        }
    }

    /// Items of a branch: those that need no taking apart, one that does, and the rest.
    fn run(&mut self, run: Run) -> Part {
        let slice = |range: std::ops::Range<usize>| Run {
            items: run.items.clone(),
            range: run.range.start + range.start..run.range.start + range.end,
        };
        let whole = Rc::new(Expr::Run(run.clone()));
        let mut before = Traits::default();
        for (place, item) in run.items().iter().enumerate() {
            if matches!(*item.atom, Expr::Look(_)) || item.max == Some(0) {
                continue;
            }
            let atom = self.part(&item.atom);
            let together = before.and(Traits::prefer(item.prefer)).and(atom.traits);
            if !atom.traits.captures && !together.up().is_messy() {
                before = together;
                continue;
            }
            let prefix = self.numbered(Rc::new(Expr::Run(slice(0..place))), Shape::Plain, before);
            let quantified = self.quantified(item, atom);
            let count = run.items().len();
            let rest = self.run(slice(place + 1..count));
            let traits = quantified.traits.combine(rest.traits);
            let behind = self.numbered(
                Rc::new(Expr::Run(slice(place..count))),
                Shape::Both(Box::new([quantified, rest])),
                traits,
            );
            let traits = before.combine(behind.traits);
            return self.numbered(whole, Shape::Both(Box::new([prefix, behind])), traits);
        }
        self.numbered(whole, Shape::Plain, before)
    }

    fn quantified(&mut self, item: &Item, atom: Part) -> Part {
        let Item { min, max, prefer, .. } = *item;
        let quantifier = Traits::prefer(prefer);
        let same = atom.traits.longer == quantifier.longer
            && atom.traits.shorter == quantifier.shorter
            && !atom.traits.mixed;
        let unsettled = !atom.traits.longer && !atom.traits.shorter && !atom.traits.mixed;
        if (min, max) == (1, Some(1)) && (prefer.is_none() || unsettled || same) {
            return atom;
        }
        let traits = quantifier.combine(atom.traits);
        let repeat = |min, max| Rc::new(Expr::Repeat { of: item.atom.clone(), min, max });
        let whole = repeat(min, max);
        if !atom.traits.captures {
            // Nobody asks where each repetition is.
            let only = Traits { mixed: false, ..traits };
            return self.numbered(whole, Shape::Plain, only);
        }
        match min.checked_sub(1) {
            // Only the last repetition captures.
            Some(fewer) => {
                let preference = Traits { mixed: false, captures: false, ..traits };
                let others = self.numbered(repeat(fewer, max.map(|max| max - 1)), Shape::Plain, preference);
                self.numbered(whole, Shape::Both(Box::new([others, atom])), traits)
            }
            None => self.numbered(whole, Shape::Repeat(Box::new(atom), max), traits),
        }
    }
}
