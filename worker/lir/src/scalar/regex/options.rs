//! How a pattern is to be read, and what may be wrong with it.

use crate::error::{EvalError, SqlState};

/// How a pattern is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Options {
    pub ignore_case: bool,
    /// `.` and `[^` do not match a newline.
    pub newline_stops: bool,
    /// `^` and `$` match at newlines too.
    pub newline_anchors: bool,
    /// Blanks and comments are not part of the pattern.
    pub expanded: bool,
    /// The pattern is a plain text.
    pub literal: bool,
    /// A syntax that is refused.
    pub old_syntax: bool,
}

impl Options {
    /// Takes one letter of a `flags` argument or of embedded options; false where it is none.
    pub(super) fn take(&mut self, letter: char) -> bool {
        match letter {
            'b' | 'e' => self.old_syntax = true,
            'c' => self.ignore_case = false,
            'i' => self.ignore_case = true,
            'm' | 'n' => (self.newline_stops, self.newline_anchors) = (true, true),
            'p' => (self.newline_stops, self.newline_anchors) = (true, false),
            'q' => self.literal = true,
            's' => (self.newline_stops, self.newline_anchors) = (false, false),
            't' => self.expanded = false,
            'w' => (self.newline_stops, self.newline_anchors) = (false, true),
            'x' => self.expanded = true,
            _ => return false,
        }
        true
    }
}

/// What is wrong with a pattern. Source of the words: `regerrs.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    CollatingElement,
    CharacterClass,
    Escape,
    BackReference,
    Brackets,
    Parentheses,
    Braces,
    RepetitionCount,
    Range,
    Quantifier,
    Option,
    Argument,
    Version,
    TooComplex,
    /// PostgreSQL has it, we do not.
    Refused(&'static str),
}

impl From<Fault> for EvalError {
    fn from(fault: Fault) -> EvalError {
        let words = match fault {
            Fault::CollatingElement => "invalid collating element",
            Fault::CharacterClass => "invalid character class",
            Fault::Escape => "invalid escape \\ sequence",
            Fault::BackReference => "invalid backreference number",
            Fault::Brackets => "brackets [] not balanced",
            Fault::Parentheses => "parentheses () not balanced",
            Fault::Braces => "braces {} not balanced",
            Fault::RepetitionCount => "invalid repetition count(s)",
            Fault::Range => "invalid character range",
            Fault::Quantifier => "quantifier operand invalid",
            Fault::Option => "invalid embedded option",
            Fault::Argument => "invalid argument to regex function",
            Fault::Version => "invalid regexp (reg version 0.8)",
            Fault::TooComplex => "regular expression is too complex",
            Fault::Refused(what) => {
                let message = format!("regular expressions with {what} are not kept by Offtake");
                return EvalError::new(SqlState::FEATURE_NOT_SUPPORTED, message);
            }
        };
        EvalError::new(SqlState::INVALID_REGEX, format!("invalid regular expression: {words}"))
    }
}
