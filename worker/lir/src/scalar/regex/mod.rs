//! Regular expressions: PostgreSQL's, with its own rules of which match is the one. Source: documentation 9.7.3.
//!
//! Alternatives are not tried in order as in most libraries: the longest (or, where the expression prefers so, the shortest) match counts.
//! That is why there is an engine here: `syntax` reads a pattern, `program` and `dfa` run it in linear time, `tree` and `matcher` find
//! what PostgreSQL would. What takes too much is an error; nothing hangs.

mod brackets;
mod cache;
mod dfa;
mod escapes;
mod expr;
mod matcher;
mod options;
mod program;
mod replace;
mod sets;
mod similar;
pub(crate) mod split;
mod syntax;
mod tree;

use offtake_row::Datum;
use serde::{Deserialize, Serialize};

use super::{
    Func,
    eval::{Value, mismatch},
};
use crate::{arena::Arena, error::EvalError};
use cache::with_regex;
use dfa::Fuel;
use matcher::{Captures, Span};
use options::Options;
pub(crate) use sets::is_alphanumeric;

/// A function or operator that takes a regular expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RegexFunc {
    /// `~`.
    Matches,
    /// `!~`.
    DoesNotMatch,
    /// `~*`.
    MatchesAnyCase,
    /// `!~*`.
    DoesNotMatchAnyCase,
    /// `regexp_replace(text, pattern, replacement [, flags])`, or `[, start [, n [, flags]]]`.
    Replace,
    /// `substring(text FROM pattern)`.
    Substring,
    /// `substring(text SIMILAR pattern ESCAPE escape)`.
    SubstringSimilar,
    /// `regexp_like(text, pattern [, flags])`.
    Like,
    /// `regexp_count(text, pattern [, start [, flags]])`.
    Count,
    /// `regexp_instr(text, pattern [, start [, n [, endoption [, flags [, subexpr]]]]])`.
    Instr,
    /// `regexp_substr(text, pattern [, start [, n [, flags [, subexpr]]]])`.
    Substr,
    /// `regexp_match(text, pattern [, flags])`.
    Match,
    /// `regexp_split_to_array(text, pattern [, flags])`.
    SplitToArray,
    /// The regular expression for a pattern of SIMILAR TO and its escape character, a backslash where there is none.
    SimilarEscape,
}

impl RegexFunc {
    /// How EXPLAIN calls it, and whether it is an operator.
    pub(super) fn name(self) -> (&'static str, bool) {
        match self {
            RegexFunc::Matches => ("~", true),
            RegexFunc::DoesNotMatch => ("!~", true),
            RegexFunc::MatchesAnyCase => ("~*", true),
            RegexFunc::DoesNotMatchAnyCase => ("!~*", true),
            RegexFunc::Replace => ("regexp_replace", false),
            RegexFunc::Substring | RegexFunc::SubstringSimilar => ("substring", false),
            RegexFunc::Like => ("regexp_like", false),
            RegexFunc::Count => ("regexp_count", false),
            RegexFunc::Instr => ("regexp_instr", false),
            RegexFunc::Substr => ("regexp_substr", false),
            RegexFunc::Match => ("regexp_match", false),
            RegexFunc::SplitToArray => ("regexp_split_to_array", false),
            RegexFunc::SimilarEscape => ("similar_to_escape", false),
        }
    }
}

/// What a `flags` argument says.
#[derive(Clone, Copy, Default)]
struct Flags {
    options: Options,
    global: bool,
}

impl Flags {
    fn parse(letters: &str) -> Result<Flags, EvalError> {
        let mut flags = Flags::default();
        for (at, letter) in letters.char_indices() {
            if letter == 'g' {
                flags.global = true;
            } else if !flags.options.take(letter) {
                let rest = &letters[at..];
                let end = rest.char_indices().nth(1).map_or(rest.len(), |(at, _)| at);
                let message = format!("invalid regular expression option: \"{}\"", &rest[..end]);
                return Err(EvalError::invalid_parameter(message));
            }
        }
        Ok(flags)
    }

    /// For functions that say by their name how many matches they look for.
    fn parse_for(letters: &str, function: &str) -> Result<Flags, EvalError> {
        let flags = Flags::parse(letters)?;
        if flags.global {
            let message = format!("{function}() does not support the \"global\" option");
            return Err(EvalError::invalid_parameter(message));
        }
        Ok(flags)
    }
}

/// The numbers that functions take: each at least `least`.
fn check(name: &str, value: i64, least: i64) -> Result<usize, EvalError> {
    match usize::try_from(value) {
        Ok(checked) if value >= least => Ok(checked),
        _ => Err(EvalError::invalid_parameter(format!("invalid value for parameter \"{name}\": {value}"))),
    }
}

pub(super) fn unary<'a>(func: RegexFunc, value: Datum<'a>, arena: &'a Arena) -> Value<'a> {
    match (func, value) {
        (RegexFunc::SimilarEscape, Datum::Text(pattern)) => {
            Ok(Datum::Text(arena.text(&similar::translate(pattern, Some('\\'))?)))
        }
        _ => Err(mismatch(Func::Regex(func))),
    }
}

pub(super) fn binary<'a>(func: RegexFunc, left: Datum<'a>, right: Datum<'a>, arena: &'a Arena) -> Value<'a> {
    let (Datum::Text(text), Datum::Text(pattern)) = (left, right) else {
        return Err(mismatch(Func::Regex(func)));
    };
    let any_case = Options { ignore_case: true, ..Options::default() };
    match func {
        RegexFunc::Matches => is_match(text, pattern, Options::default()),
        RegexFunc::DoesNotMatch => not(is_match(text, pattern, Options::default())),
        RegexFunc::MatchesAnyCase => is_match(text, pattern, any_case),
        RegexFunc::DoesNotMatchAnyCase => not(is_match(text, pattern, any_case)),
        RegexFunc::Substring => substring(text, pattern),
        RegexFunc::SimilarEscape => {
            Ok(Datum::Text(arena.text(&similar::translate(text, similar::escape(pattern)?)?)))
        }
        func => many(func, &[left, right], arena),
    }
}

fn not(answer: Value<'_>) -> Value<'_> {
    match answer? {
        Datum::Bool(answer) => Ok(Datum::Bool(!answer)),
        other => Ok(other),
    }
}

fn is_match<'a>(text: &str, pattern: &str, options: Options) -> Value<'a> {
    with_regex(pattern, options, |regex| Ok(Datum::Bool(regex.is_match(text)?)))
}

/// What the first parentheses captured, or the whole match where there are none.
fn substring<'a>(text: &'a str, pattern: &str) -> Value<'a> {
    with_regex(pattern, Options::default(), |regex| {
        let wanted = usize::from(regex.groups > 0);
        let mut chars = regex.text(text);
        let mut captures = Captures::new();
        let found = regex.find(&mut chars, 0, Some(&mut captures), &mut Fuel::new())?;
        let place = found.and_then(|_| captures.get(wanted).copied().flatten());
        Ok(place.map_or(Datum::Null, |place| Datum::Text(chars.slice(text, place))))
    })
}

pub(super) fn many<'a>(func: RegexFunc, args: &[Datum<'a>], arena: &'a Arena) -> Value<'a> {
    let [Datum::Text(text), Datum::Text(pattern), rest @ ..] = args else {
        return Err(mismatch(Func::Regex(func)));
    };
    match (func, rest) {
        (RegexFunc::Replace, _) => replace::replace(text, pattern, rest, arena),
        (RegexFunc::SubstringSimilar, [Datum::Text(escape)]) => {
            substring(text, &similar::translate(pattern, similar::escape(escape)?)?)
        }
        (RegexFunc::Match, []) => split::first_match(text, pattern, "", arena),
        (RegexFunc::Match, [Datum::Text(flags)]) => split::first_match(text, pattern, flags, arena),
        (RegexFunc::SplitToArray, []) => split::split_to_array(text, pattern, "", arena),
        (RegexFunc::SplitToArray, [Datum::Text(flags)]) => split::split_to_array(text, pattern, flags, arena),
        (RegexFunc::Like, []) => is_match(text, pattern, Options::default()),
        (RegexFunc::Like, [Datum::Text(flags)]) => {
            is_match(text, pattern, Flags::parse_for(flags, "regexp_like")?.options)
        }
        (RegexFunc::Count, rest) => {
            let start = number(rest.first(), "start", 1)?;
            let flags = options(rest.get(1), "regexp_count")?;
            let mut count = 0;
            each_match(text, pattern, flags, start - 1, false, &mut |_, _| {
                count += 1;
                true
            })?;
            Ok(Datum::Int(count))
        }
        (RegexFunc::Instr, rest) => {
            let start = number(rest.first(), "start", 1)?;
            let nth = number(rest.get(1), "n", 1)?;
            let end = match rest.get(2) {
                None | Some(Datum::Int(0)) => false,
                Some(Datum::Int(1)) => true,
                Some(Datum::Int(other)) => {
                    let message = format!("invalid value for parameter \"endoption\": {other}");
                    return Err(EvalError::invalid_parameter(message));
                }
                Some(_) => return Err(mismatch(Func::Regex(func))),
            };
            let flags = options(rest.get(3), "regexp_instr")?;
            let group = rest.get(4).map_or(Ok(0), |group| number(Some(group), "subexpr", 0))?;
            let place = nth_match(text, pattern, flags, start - 1, nth, group)?;
            Ok(Datum::Int(place.map_or(0, |(place, _)| if end { place.1 } else { place.0 } as i64 + 1)))
        }
        (RegexFunc::Substr, rest) => {
            let start = number(rest.first(), "start", 1)?;
            let nth = number(rest.get(1), "n", 1)?;
            let flags = options(rest.get(2), "regexp_substr")?;
            let group = rest.get(3).map_or(Ok(0), |group| number(Some(group), "subexpr", 0))?;
            let place = nth_match(text, pattern, flags, start - 1, nth, group)?;
            Ok(place.map_or(Datum::Null, |(_, found)| Datum::Text(found)))
        }
        (func, _) => Err(mismatch(Func::Regex(func))),
    }
}

/// A number among the arguments, 1 where there is none.
fn number(arg: Option<&Datum<'_>>, name: &str, least: i64) -> Result<usize, EvalError> {
    match arg {
        None => Ok(1),
        Some(Datum::Int(value)) => check(name, *value, least),
        Some(_) => Err(EvalError::internal("an argument of a regular expression's function is no number")),
    }
}

fn options(arg: Option<&Datum<'_>>, function: &str) -> Result<Options, EvalError> {
    match arg {
        None => Ok(Options::default()),
        Some(Datum::Text(letters)) => Ok(Flags::parse_for(letters, function)?.options),
        Some(_) => Err(EvalError::internal("the flags of a regular expression are no text")),
    }
}

/// Calls `each` with every match and its captures (only the match where they are not asked for), until it answers false.
fn each_match(
    text: &str,
    pattern: &str,
    options: Options,
    from: usize,
    with_captures: bool,
    each: &mut dyn FnMut(&matcher::Text, &Captures) -> bool,
) -> Result<(), EvalError> {
    with_regex(pattern, options, |regex| {
        let mut chars = regex.text(text);
        let mut captures = Captures::new();
        let mut fuel = Fuel::new();
        let mut from = from;
        while from <= chars.len() {
            let wanted = with_captures.then_some(&mut captures);
            let Some((begin, end)) = regex.find(&mut chars, from, wanted, &mut fuel)? else { break };
            if !with_captures {
                captures.clear();
                captures.push(Some((begin, end)));
            }
            if !each(&chars, &captures) {
                break;
            }
            // An empty match would be found again.
            from = if begin == end { end + 1 } else { end };
        }
        Ok(())
    })
}

/// The match of that number, or what its parentheses captured, and the text there. Without parentheses in the pattern the first ones
/// are the whole match.
fn nth_match<'a>(
    text: &'a str,
    pattern: &str,
    options: Options,
    from: usize,
    nth: usize,
    group: usize,
) -> Result<Option<(Span, &'a str)>, EvalError> {
    let mut left = nth;
    let mut found = None;
    each_match(text, pattern, options, from, group > 0, &mut |chars, captures| {
        left -= 1;
        if left > 0 {
            return true;
        }
        let group = if group == 1 && captures.len() == 1 { 0 } else { group };
        let place = captures.get(group).copied().flatten();
        found = place.map(|place| (place, chars.slice(text, place)));
        false
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{dfa::Fuel, matcher::Regex, options::Options};

    #[test]
    fn nothing_takes_for_ever() {
        let long = "a".repeat(20_000);
        for pattern in ["(a*)*b", "(a|aa)*c", "((a{1,100}){1,100})*x", "(.*)(.*)(.*)(.*)(.*)y?$"] {
            let Ok(mut regex) = Regex::new(pattern, Options::default()) else { continue };
            let _ = regex.is_match(&long);
            let mut text = regex.text(&long);
            let _ = regex.find(&mut text, 0, Some(&mut Vec::new()), &mut Fuel::new());
        }
    }
}
