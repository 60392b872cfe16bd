//! Linear joins: the stream of rows joined so far meets one more input at a time.

mod outer;
mod presence;

use differential_dataflow::{collection::concatenate, operators::arrange::Arranged};
use offtake_lir::{EvalError, JoinKind, JoinStage, Lir, Mfp, Scratch};
use offtake_row::Row;
use timely::dataflow::Scope;

use self::presence::Presence;
use super::{Bundle, Collection, Renderer, Trace, arrange, key::keyed, map::fallible, moment::Moment, set};
use crate::command::{Key, Leaf, Plan};

/// Rows arranged by a key, without those that meet nothing: an arrangement of the join's own, or one that is kept elsewhere.
pub(super) enum Keyed<'s, T: Moment = u64> {
    Own(Arranged<'s, Trace<i64, T>>),
    Foreign(T::Foreign<'s>),
}

/// One of the two that meet in a stage.
pub(super) struct Side<'r, 's, T: Moment = u64> {
    pub keyed: Keyed<'s, T>,
    /// All rows, with those that meet nothing.
    pub all: Box<dyn FnOnce() -> Collection<'s, Row, i64, T> + 'r>,
    /// The distinct keys.
    pub keys: Box<dyn FnOnce() -> Keyed<'s, T> + 'r>,
}

/// What joins ask of who renders them.
pub(super) trait Sides<'s, T: Moment> {
    fn scope(&self) -> Scope<'s, T>;

    fn render(&self, plan: &Plan) -> Bundle<'s, T>;

    /// A plan's rows by a key.
    fn side<'r>(&'r self, plan: &Plan, key: &Key, errors: &mut Errors<'s, T>) -> Side<'r, 's, T>
    where
        's: 'r;

    /// The distinct keys of a plan's rows.
    fn keys(&self, plan: &Plan, key: &Key, errors: &mut Errors<'s, T>) -> Keyed<'s, T>;

    /// No rows but an error, whatever the inputs are.
    fn error(&self, error: &EvalError) -> Bundle<'s, T>;
}

/// Errors of a join's parts.
pub(super) type Errors<'s, T = u64> = Vec<Collection<'s, Row, i64, T>>;

impl<'s> Sides<'s, u64> for Renderer<'s> {
    fn scope(&self) -> Scope<'s, u64> {
        self.scope
    }

    fn render(&self, plan: &Plan) -> Bundle<'s> {
        Renderer::render(self, plan)
    }

    fn side<'r>(&'r self, plan: &Plan, key: &Key, errors: &mut Errors<'s>) -> Side<'r, 's>
    where
        's: 'r,
    {
        if let Lir::Get { id: Leaf::Index(id) } = plan {
            let import = &self.imports[id];
            errors.push(import.errors.clone());
            let rows = import.rows.clone();
            return Side {
                keyed: Keyed::Foreign(rows.clone()),
                all: Box::new(|| import.all()),
                keys: Box::new(|| distinct_keys(rows.as_collection(|key, _| key.clone()))),
            };
        }
        let Bundle { oks, errs } = self.render(plan);
        errors.push(errs);
        Side::new(oks, key, errors)
    }

    fn keys(&self, plan: &Plan, key: &Key, errors: &mut Errors<'s>) -> Keyed<'s> {
        keys(self, plan, key, errors)
    }

    fn error(&self, error: &EvalError) -> Bundle<'s> {
        Bundle { oks: self.constant(Vec::new()), errs: self.constant(vec![(error.to_row(), 1)]) }
    }
}

/// [`Sides::keys`] of what is rendered.
pub(super) fn keys<'s, T: Moment>(
    renderer: &impl Sides<'s, T>,
    plan: &Plan,
    key: &Key,
    errors: &mut Errors<'s, T>,
) -> Keyed<'s, T> {
    let Bundle { oks, errs } = renderer.render(plan);
    let (keyed, key_errs) = keyed(oks, key);
    errors.extend([errs, key_errs]);
    distinct_keys(keyed.map(|(key, _)| key))
}

/// Joins `first` with each of the others.
pub(super) fn join<'s, T: Moment>(
    renderer: &impl Sides<'s, T>,
    first: &Plan,
    others: &[Plan],
    stages: &[JoinStage],
) -> Bundle<'s, T> {
    let mut rest = others.iter().zip(stages).peekable();
    let Some((_, stage)) = rest.peek() else { return renderer.render(first) };
    let mut errors = Vec::new();
    let mut stream = renderer.side(first, &stream_key(stage), &mut errors);
    loop {
        let (input, stage) = rest.next().expect("there is a stage yet");
        let Bundle { oks, errs } = render_stage(renderer, stream, input, stage, &mut errors);
        errors.push(errs);
        let Some((_, next)) = rest.peek() else {
            return Bundle { oks, errs: concatenate(renderer.scope(), errors) };
        };
        stream = Side::new(oks, &stream_key(next), &mut errors);
    }
}

fn render_stage<'s, T: Moment>(
    renderer: &impl Sides<'s, T>,
    stream: Side<'_, 's, T>,
    input: &Plan,
    stage: &JoinStage,
    errors: &mut Errors<'s, T>,
) -> Bundle<'s, T> {
    let key = Key { scalars: stage.lookup_key.clone(), nulls_meet: stage.nulls_meet.clone() };
    let closure = stage.closure.clone();
    match stage.kind {
        JoinKind::Inner => {
            let lookup = renderer.side(input, &key, errors);
            let closure = match stage.on.as_slice() {
                [] => closure,
                _ => on(stage, 0..closure.input_arity).compose(closure),
            };
            meet(stream.keyed, lookup.keyed, closure)
        }
        JoinKind::Left | JoinKind::Full => {
            let lookup = renderer.side(input, &key, errors);
            outer::join(stream, lookup, stage)
        }
        JoinKind::Semi | JoinKind::Anti => {
            let presence = if stage.on.is_empty() {
                Presence::by_key(stream.keyed, (stream.all)(), renderer.keys(input, &key, errors))
            } else {
                let lookup = renderer.side(input, &key, errors);
                let columns = on(stage, 0..stage.stream_arity());
                let Bundle { oks, errs } = meet(stream.keyed, lookup.keyed, columns);
                errors.push(errs);
                Presence::by_row((stream.all)(), oks)
            };
            if stage.kind == JoinKind::Semi { presence.with(closure) } else { presence.without(closure) }
        }
    }
}

impl<'r, 's, T: Moment> Side<'r, 's, T> {
    /// Arranges rows by a key.
    pub fn new(rows: Collection<'s, Row, i64, T>, key: &Key, errors: &mut Errors<'s, T>) -> Side<'r, 's, T>
    where
        's: 'r,
    {
        let (keyed, errs) = keyed(rows.clone(), key);
        errors.push(errs);
        let arranged = arrange(keyed, "Join input");
        let keys = arranged.clone();
        Side {
            keyed: Keyed::Own(arranged),
            all: Box::new(|| rows),
            keys: Box::new(|| distinct_keys(keys.as_collection(|key, _| key.clone()))),
        }
    }
}

impl<T: Moment> Clone for Keyed<'_, T> {
    fn clone(&self) -> Self {
        match self {
            Keyed::Own(rows) => Keyed::Own(rows.clone()),
            Keyed::Foreign(rows) => Keyed::Foreign(rows.clone()),
        }
    }
}

/// Keys that may come several times, each once and arranged.
fn distinct_keys<T: Moment>(keys: Collection<'_, Row, i64, T>) -> Keyed<'_, T> {
    Keyed::Own(arrange(set::distinct(keys).map(|key| (key, Row::empty())), "Keys"))
}

fn stream_key(stage: &JoinStage) -> Key {
    Key { scalars: stage.stream_key.clone(), nulls_meet: stage.nulls_meet.clone() }
}

/// The columns of pairs that meet a stage's conditions.
fn on(stage: &JoinStage, columns: std::ops::Range<usize>) -> Mfp {
    Mfp {
        input_arity: stage.stream_arity() + stage.lookup_arity,
        expressions: Vec::new(),
        predicates: stage.on.clone(),
        projection: columns.collect(),
    }
}

/// The rows, while there is any other row.
pub(super) fn while_some<'s, T: Moment>(
    rows: Collection<'s, Row, i64, T>,
    others: Collection<'s, Row, i64, T>,
) -> Collection<'s, Row, i64, T> {
    let some = distinct_keys(others.map(|_| Row::empty()));
    let rows = Keyed::Own(arrange(rows.map(|row| (Row::empty(), row)), "While some"));
    T::pairs(rows, some, None).flat_map(Result::ok)
}

/// What `closure` makes of each pair of rows with equal keys.
fn meet<'s, T: Moment>(left: Keyed<'s, T>, right: Keyed<'s, T>, closure: Mfp) -> Bundle<'s, T> {
    let pairs = T::pairs(left, right, Some(closure));
    let (oks, errs) = fallible("Join results", pairs, |pair: Pair, diff| pair.map(|row| Some((row, diff))));
    Bundle { oks, errs }
}

/// What a pair of rows makes: a row, or an error.
pub(super) type Pair = Result<Row, Row>;

/// Makes something of pairs, which come the other way round with `turned`; without a closure, their first rows.
pub(super) fn pair(
    closure: Option<Mfp>,
    turned: bool,
) -> impl FnMut(&Row, &Row, &Row) -> Option<Pair> + 'static {
    let mut scratch = Scratch::new();
    move |_key, left, right| {
        let (left, right) = if turned { (right, left) } else { (left, right) };
        let Some(closure) = &closure else { return Some(Ok(left.clone())) };
        match closure.eval_pair(left, right, &mut scratch) {
            Ok(row) => row.map(Ok),
            Err(error) => Some(Err(error.to_row())),
        }
    }
}
