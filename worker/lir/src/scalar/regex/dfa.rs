//! A program run over characters: sets of its states become states of an automaton as they are met, and are kept for the next character.
//!
//! A step looks at one character ahead of the boundary that it judges, so that what stands on both sides of it is known.

use std::collections::HashMap;

use super::{
    expr::Expr,
    options::Fault,
    program::{Program, State, compile},
    sets::{Classes, Neighbour},
};
use crate::error::{EvalError, SqlState};

/// Transitions that are kept, before all are forgotten.
const MOST_TRANSITIONS: usize = 1 << 17;
const UNKNOWN: u32 = u32::MAX;

/// A state of the automaton.
pub(super) type Id = u32;

/// Steps that one call may still take: what would take for ever ends in an error.
pub(super) struct Fuel(u64);

impl Fuel {
    pub(super) fn new() -> Fuel {
        Fuel(400_000_000)
    }

    #[inline]
    pub(super) fn burn(&mut self, steps: usize) -> Result<(), EvalError> {
        match self.0.checked_sub(steps as u64) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => {
                let message = "a regular expression takes too many steps on a text";
                Err(EvalError::new(SqlState::PROGRAM_LIMIT, message))
            }
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Set {
    /// States of the program, in order, to be followed as far as the next character allows.
    pending: Box<[u32]>,
    /// What stands before the boundary.
    before: Neighbour,
    /// Whether a match ended at the boundary before the character that led here.
    accepts: bool,
}

pub(super) struct Dfa {
    program: Program,
    backwards: bool,
    /// Whether a match may begin at every boundary.
    anywhere: bool,
    looks: bool,
    /// Classes of characters, and the end of the text as one more.
    width: usize,
    transitions: Vec<u32>,
    sets: Vec<Set>,
    known: HashMap<Set, Id>,
    stack: Vec<u32>,
    seen: Vec<u32>,
    round: u32,
}

impl Dfa {
    pub(super) fn new(
        expr: &Expr,
        classes: &Classes,
        looks: bool,
        backwards: bool,
        anywhere: bool,
    ) -> Result<Dfa, Fault> {
        let program = compile(expr, backwards)?;
        let seen = vec![0; program.states.len()];
        Ok(Dfa {
            program,
            backwards,
            anywhere,
            looks,
            width: classes.count() + 1,
            transitions: Vec::new(),
            sets: Vec::new(),
            known: HashMap::new(),
            stack: Vec::new(),
            seen,
            round: 0,
        })
    }

    /// The state to begin in, where `before` stands before the first boundary.
    pub(super) fn start(&mut self, before: Neighbour) -> Id {
        let before = if self.looks { before } else { Neighbour::Other };
        self.id(Set { pending: [self.program.start].into(), before, accepts: false })
    }

    /// The state after a step over a character of `class`, `None` for the end of the text.
    #[inline]
    pub(super) fn step(
        &mut self,
        state: Id,
        class: Option<u16>,
        classes: &Classes,
        fuel: &mut Fuel,
    ) -> Result<Id, EvalError> {
        let column = class.map_or(self.width - 1, usize::from);
        match self.transitions[state as usize * self.width + column] {
            UNKNOWN => self.compute(state, class, classes, fuel),
            known => Ok(known),
        }
    }

    /// Whether a match ended before the character that led to this state.
    #[inline]
    pub(super) fn accepts(&self, state: Id) -> bool {
        self.sets[state as usize].accepts
    }

    /// Whether nothing can match any more.
    #[inline]
    pub(super) fn is_dead(&self, state: Id) -> bool {
        self.sets[state as usize].pending.is_empty()
    }

    fn id(&mut self, set: Set) -> Id {
        if let Some(id) = self.known.get(&set) {
            return *id;
        }
        if self.transitions.len() + self.width > MOST_TRANSITIONS.max(4 * self.width) {
            self.transitions.clear();
            self.sets.clear();
            self.known.clear();
        }
        let id = self.sets.len() as Id;
        self.transitions.resize(self.transitions.len() + self.width, UNKNOWN);
        self.sets.push(set.clone());
        self.known.insert(set, id);
        id
    }

    #[cold]
    fn compute(
        &mut self,
        state: Id,
        class: Option<u16>,
        classes: &Classes,
        fuel: &mut Fuel,
    ) -> Result<Id, EvalError> {
        let Set { pending, before, .. } = self.sets[state as usize].clone();
        let after = match class {
            Some(class) if self.looks => classes.neighbour(class),
            Some(_) => Neighbour::Other,
            None => Neighbour::Edge,
        };
        let (left, right) = if self.backwards { (after, before) } else { (before, after) };
        self.round += 1;
        let mut next = Vec::new();
        let mut accepts = false;
        self.stack.clear();
        self.stack.extend(pending.iter().rev());
        while let Some(at) = self.stack.pop() {
            fuel.burn(1)?;
            if std::mem::replace(&mut self.seen[at as usize], self.round) == self.round {
                continue;
            }
            match self.program.states[at as usize] {
                State::Accept => accepts = true,
                State::Jump(to) => self.stack.push(to),
                State::Fork(a, b) => self.stack.extend([b, a]),
                State::Look(look, to) if look.holds(left, right) => self.stack.push(to),
                State::Look(..) => {}
                State::Set(set, to) => {
                    if class.is_some_and(|class| classes.in_set(class, set)) {
                        next.push(to);
                    }
                }
            }
        }
        if self.anywhere && class.is_some() {
            next.push(self.program.start);
        }
        next.sort_unstable();
        next.dedup();
        let count = self.sets.len();
        let id = self.id(Set { pending: next.into(), before: after, accepts });
        // Where all were forgotten, the state that we come from is gone.
        if self.sets.len() >= count {
            let column = class.map_or(self.width - 1, usize::from);
            self.transitions[state as usize * self.width + column] = id;
        }
        Ok(id)
    }
}
