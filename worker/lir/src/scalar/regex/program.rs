//! An expression as a graph of states (Thompson's construction), forwards or backwards.

use super::{
    expr::{Expr, Item, Look},
    options::Fault,
};

/// More states than this no program has; what `{m,n}` repeats is copied.
const MOST_STATES: usize = 20_000;

#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// Takes one character of the set and goes on.
    Set(usize, u32),
    /// Goes on where the boundary is that.
    Look(Look, u32),
    Fork(u32, u32),
    Jump(u32),
    /// The end.
    Accept,
}

#[derive(Debug)]
pub(super) struct Program {
    pub states: Vec<State>,
    pub start: u32,
}

/// Makes the program; `backwards`, it takes the characters of a match from the last to the first.
pub(super) fn compile(expr: &Expr, backwards: bool) -> Result<Program, Fault> {
    let mut compiler = Compiler { states: vec![State::Accept], backwards };
    let start = compiler.expr(expr, 0)?;
    Ok(Program { states: compiler.states, start })
}

struct Compiler {
    states: Vec<State>,
    backwards: bool,
}

/// States are made from the end to the start: each function is given the state to go on to and gives the one to begin with.
impl Compiler {
    fn push(&mut self, state: State) -> Result<u32, Fault> {
        if self.states.len() >= MOST_STATES {
            return Err(Fault::TooComplex);
        }
        self.states.push(state);
        Ok((self.states.len() - 1) as u32)
    }

    fn expr(&mut self, expr: &Expr, next: u32) -> Result<u32, Fault> {
        match expr {
            Expr::Set(set) => self.push(State::Set(*set, next)),
            Expr::Look(look) => self.push(State::Look(*look, next)),
            Expr::Group(inner, _) => self.expr(inner, next),
            Expr::Repeat { of, min, max } => self.repeat(of, *min, *max, next),
            Expr::Run(run) => {
                let item = |compiler: &mut Compiler, item: &Item, next| {
                    compiler.repeat(&item.atom, item.min, item.max, next)
                };
                let items = run.items();
                if self.backwards {
                    items.iter().try_fold(next, |next, each| item(self, each, next))
                } else {
                    items.iter().rev().try_fold(next, |next, each| item(self, each, next))
                }
            }
            Expr::Either(branches) => {
                let mut start = None;
                for branch in branches {
                    let this = self.expr(branch, next)?;
                    start = Some(match start {
                        Some(others) => self.push(State::Fork(others, this))?,
                        None => this,
                    });
                }
                Ok(start.unwrap_or(next))
            }
        }
    }

    fn repeat(&mut self, of: &Expr, min: u16, max: Option<u16>, next: u32) -> Result<u32, Fault> {
        let mut at = next;
        match max {
            None => {
                // A loop whose head is known before its body.
                let head = self.push(State::Jump(next))?;
                let body = self.expr(of, head)?;
                self.states[head as usize] = State::Fork(body, next);
                at = head;
            }
            Some(max) => {
                for _ in min..max {
                    let body = self.expr(of, at)?;
                    at = self.push(State::Fork(body, next))?;
                }
            }
        }
        for _ in 0..min {
            at = self.expr(of, at)?;
        }
        Ok(at)
    }
}
