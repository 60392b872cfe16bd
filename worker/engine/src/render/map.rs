//! Work on one row at a time, which may fail.

use differential_dataflow::AsCollection;
use offtake_lir::{Arena, Mfp, Scratch};
use offtake_row::{Datum, Row};
use timely::dataflow::{
    channels::pact::Pipeline,
    operators::generic::{OutputBuilder, builder_rc::OperatorBuilder},
};

use super::{Bundle, Collection, moment::Moment};

/// Maps each record to another, to nothing, or to an error (as a row), with any difference.
pub(super) fn fallible<'s, T, D, D2, R2, L>(
    name: &str,
    input: Collection<'s, D, i64, T>,
    logic: L,
) -> (Collection<'s, D2, R2, T>, Collection<'s, Row, i64, T>)
where
    T: Moment,
    D: Clone + 'static,
    D2: Clone + 'static,
    R2: Clone + 'static,
    L: FnMut(D, i64) -> Result<Option<(D2, R2)>, Row> + 'static,
{
    fallible_or(name, input, logic)
}

/// [`fallible`] where what is not mapped is more than an error.
pub(super) fn fallible_or<'s, T, D, D2, R2, E, L>(
    name: &str,
    input: Collection<'s, D, i64, T>,
    mut logic: L,
) -> (Collection<'s, D2, R2, T>, Collection<'s, E, i64, T>)
where
    T: Moment,
    D: Clone + 'static,
    D2: Clone + 'static,
    R2: Clone + 'static,
    E: Clone + 'static,
    L: FnMut(D, i64) -> Result<Option<(D2, R2)>, E> + 'static,
{
    map_at(name, input, move |record, _, diff| logic(record, diff).map_err(|other| (other, diff)))
}

/// [`fallible_or`] that also sees the time, and chooses either difference.
pub(super) fn map_at<'s, T, D, D2, R2, E, L>(
    name: &str,
    input: Collection<'s, D, i64, T>,
    mut logic: L,
) -> (Collection<'s, D2, R2, T>, Collection<'s, E, i64, T>)
where
    T: Moment,
    D: Clone + 'static,
    D2: Clone + 'static,
    R2: Clone + 'static,
    E: Clone + 'static,
    L: FnMut(D, &T, i64) -> Result<Option<(D2, R2)>, (E, i64)> + 'static,
{
    let mut builder = OperatorBuilder::new(name.to_owned(), input.inner.scope());
    let mut input = builder.new_input(input.inner, Pipeline);
    builder.set_notify_for(0, timely::progress::operate::FrontierInterest::Never);
    let (oks, ok_stream) = builder.new_output::<Vec<(D2, T, R2)>>();
    let (errs, err_stream) = builder.new_output::<Vec<(E, T, i64)>>();
    let (mut oks, mut errs) = (OutputBuilder::from(oks), OutputBuilder::from(errs));
    builder.build(move |_| {
        move |_frontiers| {
            let (mut oks, mut errs) = (oks.activate(), errs.activate());
            input.for_each_stamp(|cap, data| {
                let mut oks = oks.session(&cap);
                let mut errs = errs.session(&cap);
                for (record, time, diff) in data.flat_map(|data| data.drain(..)) {
                    match logic(record, &time, diff) {
                        Ok(Some((record, diff))) => oks.give((record, time, diff)),
                        Ok(None) => {}
                        Err((other, diff)) => errs.give((other, time, diff)),
                    }
                }
            });
        }
    });
    (ok_stream.as_collection(), err_stream.as_collection())
}

/// Unpacks rows and holds what expressions over them compute; keeps its memory from row to row.
#[derive(Default)]
pub(super) struct Evaluator {
    arena: Arena,
    datums: Vec<Datum<'static>>,
}

impl Evaluator {
    /// Calls `f` with a row's datums.
    pub fn with<T>(&mut self, row: &Row, f: impl FnOnce(&[Datum<'_>], &Arena) -> T) -> T {
        self.with_first(row, usize::MAX, f)
    }

    /// Calls `f` with a row's first datums.
    pub fn with_first<T>(&mut self, row: &Row, count: usize, f: impl FnOnce(&[Datum<'_>], &Arena) -> T) -> T {
        self.arena.reset();
        let mut datums: Vec<Datum<'_>> = std::mem::take(&mut self.datums);
        datums.extend(row.iter().take(count));
        let result = f(&datums, &self.arena);
        datums.clear();
        // Collects in place: an empty buffer under another lifetime.
        self.datums = datums.into_iter().map(|_| Datum::Null).collect();
        result
    }
}

/// Map, filter and project.
pub(super) fn mfp<T: Moment>(input: Bundle<'_, T>, mfp: Mfp) -> Bundle<'_, T> {
    if mfp.is_identity() {
        return input;
    }
    let Bundle { oks, errs } = mfp_rows(input.oks, mfp);
    Bundle { oks, errs: errs.concat(input.errs) }
}

/// [`mfp`] of rows without errors.
pub(super) fn mfp_rows<T: Moment>(rows: Collection<'_, Row, i64, T>, mfp: Mfp) -> Bundle<'_, T> {
    let mut scratch = Scratch::new();
    let (oks, errs) = fallible("Mfp", rows, move |row: Row, diff| {
        let row = mfp.eval(&row, &mut scratch).map_err(|error| error.to_row())?;
        Ok(row.map(|row| (row, diff)))
    });
    Bundle { oks, errs }
}
