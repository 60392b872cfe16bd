//! PostgreSQL's rules for choosing among candidates of one name. Source: documentation 10.2 (operators), 10.3 (functions), and
//! `func_select_candidate` in `parse_func.c`, whose steps the comments name.

use offtake_row::Type;

use super::{
    Resolved,
    conversion::{CastContext, Category, category, context, is_preferred},
};
use crate::scalar::Func;

/// One operator or function as PostgreSQL's catalog has it.
pub(super) struct Entry {
    pub name: &'static str,
    pub args: &'static [Type],
    pub result: Type,
    /// `None`: PostgreSQL has it and it takes part in the choice, but Offtake does not keep it.
    pub func: Option<Func>,
}

/// How a choice ends.
pub(super) enum Choice<'e> {
    One(&'e Entry),
    None,
    Ambiguous,
}

impl Entry {
    pub(super) fn resolved(&self, func: Func) -> Resolved {
        Resolved { func, args: self.args.to_vec(), result: self.result }
    }
}

/// Whether an argument of type `from` (unknown fits anything) can be passed where `to` is taken.
fn fits(from: Option<Type>, to: Type) -> bool {
    match from {
        None => true,
        Some(from) => from.base() == to || context(from, to) == Some(CastContext::Implicit),
    }
}

/// Chooses an operator: an unknown operand of a binary one is first taken to be of the other's type.
pub(super) fn choose_operator<'e>(entries: &[&'e Entry], args: &[Option<Type>]) -> Choice<'e> {
    let assumed: Vec<Option<Type>> = match args {
        [None, Some(ty)] | [Some(ty), None] => vec![Some(*ty), Some(*ty)],
        _ => args.to_vec(),
    };
    choose(entries, &assumed, args)
}

/// Chooses a function.
pub(super) fn choose_function<'e>(entries: &[&'e Entry], args: &[Option<Type>]) -> Choice<'e> {
    choose(entries, args, args)
}

fn choose<'e>(entries: &[&'e Entry], exactly: &[Option<Type>], args: &[Option<Type>]) -> Choice<'e> {
    let exact = |entry: &&&Entry| {
        entry.args.len() == args.len()
            && entry.args.iter().zip(exactly).all(|(to, from)| from.is_some_and(|from| from.base() == *to))
    };
    if let Some(entry) = entries.iter().find(exact) {
        return Choice::One(entry);
    }
    let candidates: Vec<&Entry> = entries
        .iter()
        .filter(|entry| {
            entry.args.len() == args.len() && entry.args.iter().zip(args).all(|(to, from)| fits(*from, *to))
        })
        .copied()
        .collect();
    select(candidates, args)
}

fn select<'e>(mut candidates: Vec<&'e Entry>, args: &[Option<Type>]) -> Choice<'e> {
    if let [] | [_] = candidates.as_slice() {
        return single(&candidates);
    }
    // The most exact matches on known types, then the most exact or preferred ones.
    keep_best(&mut candidates, args, |from, to| from.base() == to);
    if candidates.len() > 1 {
        keep_best(&mut candidates, args, |from, to| {
            from.base() == to || (category(from) == category(to) && is_preferred(to))
        });
    }
    if candidates.len() == 1 {
        return single(&candidates);
    }
    if args.iter().all(Option::is_some) {
        return Choice::Ambiguous;
    }
    if let Some(kept) = by_category_of_unknowns(&candidates, args) {
        candidates = kept;
        if candidates.len() == 1 {
            return single(&candidates);
        }
    }
    // All known arguments of one type: try the unknown ones as that type.
    let mut known = args.iter().flatten().map(|ty| ty.base());
    if let Some(first) = known.next()
        && known.all(|ty| ty == first)
    {
        let fitting: Vec<&Entry> = candidates
            .iter()
            .filter(|entry| entry.args.iter().all(|to| fits(Some(first), *to)))
            .copied()
            .collect();
        if let [entry] = fitting.as_slice() {
            return Choice::One(entry);
        }
    }
    Choice::Ambiguous
}

fn single<'e>(candidates: &[&'e Entry]) -> Choice<'e> {
    match candidates {
        [entry] => Choice::One(entry),
        _ => Choice::None,
    }
}

fn keep_best(candidates: &mut Vec<&Entry>, args: &[Option<Type>], matches: impl Fn(Type, Type) -> bool) {
    let score = |entry: &Entry| {
        let pairs = entry.args.iter().zip(args);
        pairs.filter(|(to, from)| from.is_some_and(|from| matches(from, **to))).count()
    };
    let best = candidates.iter().map(|entry| score(entry)).max().unwrap_or(0);
    candidates.retain(|entry| score(entry) == best);
}

/// Settles on a category for each unknown argument (the string one where any candidate takes it there) and keeps the candidates
/// that take it, its preferred type where one does. `None` where candidates' categories differ.
fn by_category_of_unknowns<'e>(candidates: &[&'e Entry], args: &[Option<Type>]) -> Option<Vec<&'e Entry>> {
    let mut wanted: Vec<Option<(Category, bool)>> = vec![None; args.len()];
    for (position, _) in args.iter().enumerate().filter(|(_, arg)| arg.is_none()) {
        let mut conflict = false;
        let mut choice: Option<(Category, bool)> = None;
        for entry in candidates {
            let (this, preferred) = (category(entry.args[position]), is_preferred(entry.args[position]));
            choice = match choice {
                None => Some((this, preferred)),
                Some((known, any)) if known == this => Some((known, any || preferred)),
                Some(_) if this == Category::String => Some((this, preferred)),
                other => {
                    conflict = true;
                    other
                }
            };
        }
        if conflict && choice.is_none_or(|(known, _)| known != Category::String) {
            return None;
        }
        wanted[position] = choice;
    }
    let takes = |entry: &&&Entry| {
        entry.args.iter().zip(&wanted).all(|(to, wanted)| match wanted {
            Some((wanted, prefer)) => category(*to) == *wanted && (!prefer || is_preferred(*to)),
            None => true,
        })
    };
    let kept: Vec<&Entry> = candidates.iter().filter(takes).copied().collect();
    (!kept.is_empty()).then_some(kept)
}
