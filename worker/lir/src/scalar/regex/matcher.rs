//! Finding matches, and what parentheses captured in them. Positions count characters.
//!
//! A match begins as early as one can; among those that begin there the expression's preference decides. A match is then taken apart from
//! left to right, each part taking as much or as little as it prefers and the rest allows. Every step is linear in the text: which
//! boundaries the left side reaches is found forwards, which ones the right side reaches backwards, and the best of both is taken.

use super::{
    dfa::{Dfa, Fuel},
    expr::Parsed,
    options::{Fault, Options},
    sets::{Classes, Neighbour},
    syntax,
    tree::{self, Part, Shape},
};
use crate::error::EvalError;

/// A pattern made ready.
pub(super) struct Regex {
    engine: Engine,
    root: Part,
    /// Capturing parentheses.
    pub groups: usize,
}

struct Engine {
    classes: Classes,
    looks: bool,
    /// Forwards, from everywhere: whether there is a match.
    search: Option<Dfa>,
    /// Backwards, from everywhere: where matches begin.
    starts: Option<Dfa>,
    forwards: Vec<Option<Dfa>>,
    backwards: Vec<Option<Dfa>>,
}

/// A text as classes of characters.
pub(super) struct Text {
    classes: Vec<u16>,
    /// Where each character begins, in bytes; none where all have one.
    offsets: Option<Vec<u32>>,
    /// Where matches begin; found out at the first search.
    starts: Option<Vec<bool>>,
}

/// Where a match and its captures begin and end; captures from 1.
pub(super) type Captures = Vec<Option<Span>>;

/// From the first character to the one behind the last.
pub(super) type Span = (usize, usize);

impl Regex {
    pub(super) fn new(pattern: &str, options: Options) -> Result<Regex, EvalError> {
        let Parsed { expr, sets, groups, looks } = syntax::parse(pattern, options)?;
        let classes = Classes::new(&sets, looks);
        let (root, count) = tree::plan(&expr);
        let none = || std::iter::repeat_with(|| None).take(count).collect();
        let mut engine =
            Engine { classes, looks, search: None, starts: None, forwards: none(), backwards: none() };
        // So that a pattern that is too great is so for every text.
        engine.search = Some(engine.dfa(&root, false, true)?);
        Ok(Regex { engine, root, groups })
    }

    /// Whether there is a match anywhere.
    pub(super) fn is_match(&mut self, text: &str) -> Result<bool, EvalError> {
        let mut fuel = Fuel::new();
        let Engine { classes, search, .. } = &mut self.engine;
        let Some(search) = search else { return Ok(false) };
        let mut state = search.start(Neighbour::Edge);
        fuel.burn(text.len())?;
        for c in text.chars() {
            state = search.step(state, Some(classes.of(c)), classes, &mut fuel)?;
            if search.accepts(state) {
                return Ok(true);
            }
        }
        state = search.step(state, None, classes, &mut fuel)?;
        Ok(search.accepts(state))
    }

    pub(super) fn text(&self, text: &str) -> Text {
        let classes = &self.engine.classes;
        Text {
            classes: text.chars().map(|c| classes.of(c)).collect(),
            offsets: (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at as u32).collect()),
            starts: None,
        }
    }

    /// The first match that begins at `from` or behind it: where it is, and with `captures` what its parentheses captured.
    pub(super) fn find(
        &mut self,
        text: &mut Text,
        from: usize,
        captures: Option<&mut Captures>,
        fuel: &mut Fuel,
    ) -> Result<Option<(usize, usize)>, EvalError> {
        if text.starts.is_none() {
            text.starts = Some(self.engine.starts(&self.root, text, fuel)?);
        }
        let begins = text.starts.as_ref().and_then(|starts| {
            let behind = starts.get(from..)?.iter().position(|begins| *begins)?;
            Some(from + behind)
        });
        let Some(begin) = begins else { return Ok(None) };
        let whole = begin..text.len();
        let Some(end) = self.engine.end(&self.root, text, whole, self.root.shorter, fuel)? else {
            return Ok(None);
        };
        if let Some(captures) = captures {
            captures.clear();
            captures.resize(self.groups + 1, None);
            captures[0] = Some((begin, end));
            self.engine.dissect(&self.root, text, (begin, end), captures, fuel)?;
        }
        Ok(Some((begin, end)))
    }
}

impl Text {
    /// In characters.
    pub(super) fn len(&self) -> usize {
        self.classes.len()
    }

    /// The position of a character in bytes.
    pub(super) fn byte(&self, at: usize, text: &str) -> usize {
        match &self.offsets {
            Some(offsets) => offsets.get(at).map_or(text.len(), |at| *at as usize),
            None => at.min(text.len()),
        }
    }

    /// The part between two positions.
    pub(super) fn slice<'t>(&self, text: &'t str, (from, to): (usize, usize)) -> &'t str {
        text.get(self.byte(from, text)..self.byte(to, text)).unwrap_or_default()
    }
}

impl Engine {
    fn dfa(&self, part: &Part, backwards: bool, anywhere: bool) -> Result<Dfa, Fault> {
        Dfa::new(&part.expr, &self.classes, self.looks, backwards, anywhere)
    }

    fn prepare(&mut self, part: &Part, backwards: bool) -> Result<(), EvalError> {
        let known = if backwards { &self.backwards } else { &self.forwards };
        if known[part.number].is_none() {
            let made = self.dfa(part, backwards, false)?;
            let known = if backwards { &mut self.backwards } else { &mut self.forwards };
            known[part.number] = Some(made);
        }
        Ok(())
    }

    /// Where in the text matches begin.
    fn starts(&mut self, root: &Part, text: &Text, fuel: &mut Fuel) -> Result<Vec<bool>, EvalError> {
        if self.starts.is_none() {
            self.starts = Some(self.dfa(root, true, true)?);
        }
        let Engine { starts: Some(dfa), classes, .. } = self else { return Ok(Vec::new()) };
        let mut begins = vec![false; text.len() + 1];
        fuel.burn(text.len() + 1)?;
        let mut state = dfa.start(Neighbour::Edge);
        for at in (0..=text.len()).rev() {
            let class = at.checked_sub(1).map(|before| text.classes[before]);
            state = dfa.step(state, class, classes, fuel)?;
            begins[at] = dfa.accepts(state);
        }
        Ok(begins)
    }

    /// Calls `each` with the boundaries that matches of a part reach which begin at the start of `range` (`backwards`: end at its end), in
    /// order, until it answers false.
    fn reach(
        &mut self,
        part: &Part,
        text: &Text,
        range: std::ops::Range<usize>,
        backwards: bool,
        fuel: &mut Fuel,
        each: &mut dyn FnMut(usize) -> bool,
    ) -> Result<(), EvalError> {
        self.prepare(part, backwards)?;
        let Engine { forwards, backwards: reversed, classes, .. } = self;
        let known = if backwards { reversed } else { forwards };
        let Some(dfa) = &mut known[part.number] else { return Ok(()) };
        let behind = |at: usize| text.classes.get(at).copied();
        let ahead = |at: usize| at.checked_sub(1).and_then(|at| text.classes.get(at)).copied();
        let neighbour = |class: Option<u16>| class.map_or(Neighbour::Edge, |class| classes.neighbour(class));
        let mut state = dfa.start(neighbour(if backwards { behind(range.end) } else { ahead(range.start) }));
        for step in 0..=range.len() {
            fuel.burn(1)?;
            let at = if backwards { range.end - step } else { range.start + step };
            let class = if backwards { ahead(at) } else { behind(at) };
            state = dfa.step(state, class, classes, fuel)?;
            if dfa.accepts(state) && !each(at) {
                return Ok(());
            }
            if dfa.is_dead(state) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The end of the longest or shortest match of a part that begins at the start of `range`.
    fn end(
        &mut self,
        part: &Part,
        text: &Text,
        range: std::ops::Range<usize>,
        shorter: bool,
        fuel: &mut Fuel,
    ) -> Result<Option<usize>, EvalError> {
        let mut end = None;
        self.reach(part, text, range, false, fuel, &mut |at| {
            end = Some(at);
            !shorter
        })?;
        Ok(end)
    }

    /// Finds what parentheses capture in a match of `part` between two boundaries. Gives whether it is one.
    fn dissect(
        &mut self,
        part: &Part,
        text: &Text,
        (begin, end): (usize, usize),
        captures: &mut Captures,
        fuel: &mut Fuel,
    ) -> Result<bool, EvalError> {
        let found = match &part.shape {
            Shape::Plain => true,
            Shape::Inner(inner) => self.dissect(inner, text, (begin, end), captures, fuel)?,
            Shape::Both(parts) => {
                let [left, right] = &**parts;
                let mut middles = vec![false; end - begin + 1];
                self.reach(right, text, begin..end, true, fuel, &mut |at| {
                    middles[at - begin] = true;
                    true
                })?;
                let mut middle = None;
                self.reach(left, text, begin..end, false, fuel, &mut |at| {
                    if middles[at - begin] {
                        middle = Some(at);
                    }
                    middle.is_none() || !left.shorter
                })?;
                match middle {
                    Some(middle) => {
                        self.dissect(left, text, (begin, middle), captures, fuel)?
                            && self.dissect(right, text, (middle, end), captures, fuel)?
                    }
                    None => false,
                }
            }
            Shape::Either(parts) => {
                let mut found = false;
                for part in parts {
                    let mut whole = false;
                    self.reach(part, text, begin..end, false, fuel, &mut |at| {
                        whole = at == end;
                        true
                    })?;
                    if whole {
                        found = self.dissect(part, text, (begin, end), captures, fuel)?;
                        break;
                    }
                }
                found
            }
            Shape::Repeat(inner, most) => self.repeat(inner, *most, text, (begin, end), captures, fuel)?,
        };
        if found && let Some(number) = part.capture {
            captures[number] = Some((begin, end));
        }
        Ok(found)
    }

    /// Divides a match into repetitions, of which only the last one captures: each as long or as short as it can be, none of them empty.
    fn repeat(
        &mut self,
        inner: &Part,
        most: Option<u16>,
        text: &Text,
        (begin, end): (usize, usize),
        captures: &mut Captures,
        fuel: &mut Fuel,
    ) -> Result<bool, EvalError> {
        if begin == end {
            // No repetition is the shortest; one of nothing is the longest, and it captures.
            if inner.shorter {
                return Ok(true);
            }
            let mut empty = false;
            self.reach(inner, text, begin..end, false, fuel, &mut |_| {
                empty = true;
                false
            })?;
            return if empty { self.dissect(inner, text, (begin, end), captures, fuel) } else { Ok(true) };
        }
        let most = most.map_or(usize::MAX, usize::from).min(end - begin);
        // Boundaries from which, with so many repetitions before them, the end is not reached.
        let mut failed = std::collections::HashSet::new();
        // Each repetition's start and the ends that are still to be tried, the best one last.
        let mut tried = vec![(begin, self.ends(inner, text, (begin, end), fuel)?)];
        while let Some((start, ends)) = tried.last_mut() {
            let (start, count) = (*start, ends.len());
            match ends.pop() {
                Some(at) if at == end => {
                    return self.dissect(inner, text, (start, end), captures, fuel);
                }
                Some(at) if tried.len() < most => {
                    let counted = if most < end - begin { tried.len() } else { 0 };
                    if failed.insert((counted, at)) {
                        let next = self.ends(inner, text, (at, end), fuel)?;
                        tried.push((at, next));
                    }
                }
                Some(_) => {}
                None => {
                    debug_assert_eq!(count, 0);
                    tried.pop();
                }
            }
        }
        Ok(false)
    }

    /// The ends of repetitions that are not empty, the preferred one last.
    fn ends(
        &mut self,
        inner: &Part,
        text: &Text,
        (begin, end): (usize, usize),
        fuel: &mut Fuel,
    ) -> Result<Vec<usize>, EvalError> {
        let mut ends = Vec::new();
        self.reach(inner, text, begin..end, false, fuel, &mut |at| {
            if at > begin {
                ends.push(at);
            }
            true
        })?;
        if inner.shorter {
            ends.reverse();
        }
        Ok(ends)
    }
}
