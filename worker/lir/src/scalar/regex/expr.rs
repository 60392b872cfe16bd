//! An expression as it was written, with its sets of characters by number.

use std::{ops::Range, rc::Rc};

use super::sets::{CharSet, Neighbour};

/// Which length of match is preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefer {
    Longer,
    Shorter,
}

/// What a boundary must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    TextStart,
    TextEnd,
    LineStart,
    LineEnd,
    WordStart,
    WordEnd,
    WordEdge,
    NotWordEdge,
}

impl Look {
    /// Whether a boundary between two characters is that.
    pub(super) fn holds(self, before: Neighbour, after: Neighbour) -> bool {
        let word = |neighbour| neighbour == Neighbour::Word;
        match self {
            Look::TextStart => before == Neighbour::Edge,
            Look::TextEnd => after == Neighbour::Edge,
            Look::LineStart => matches!(before, Neighbour::Edge | Neighbour::Newline),
            Look::LineEnd => matches!(after, Neighbour::Edge | Neighbour::Newline),
            Look::WordStart => !word(before) && word(after),
            Look::WordEnd => word(before) && !word(after),
            Look::WordEdge => word(before) != word(after),
            Look::NotWordEdge => word(before) == word(after),
        }
    }
}

/// An atom and its quantifier.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub atom: Rc<Expr>,
    pub min: u16,
    /// `None`: any number.
    pub max: Option<u16>,
    /// What the quantifier prefers; a lone atom and `{m}` have no preference.
    pub prefer: Option<Prefer>,
}

/// Some neighbouring items of a branch.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub items: Rc<[Item]>,
    pub range: Range<usize>,
}

impl Run {
    pub(super) fn items(&self) -> &[Item] {
        self.items.get(self.range.clone()).unwrap_or_default()
    }
}

#[derive(Clone, Debug)]
pub(super) enum Expr {
    /// One character of a set.
    Set(usize),
    Look(Look),
    /// One after the other; of none, the empty text.
    Run(Run),
    Either(Vec<Rc<Expr>>),
    /// In parentheses; with the number of what they capture.
    Group(Rc<Expr>, Option<usize>),
    Repeat {
        of: Rc<Expr>,
        min: u16,
        max: Option<u16>,
    },
}

/// What parsing gives.
#[derive(Debug)]
pub(super) struct Parsed {
    pub expr: Rc<Expr>,
    pub sets: Vec<CharSet>,
    /// Capturing parentheses.
    pub groups: usize,
    /// Whether a [`Look`] is in it.
    pub looks: bool,
}
