//! What comes out of a view's dataflow.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use differential_dataflow::trace::{Cursor, Navigable};
use offtake_lir::{CollectionId, EvalError};
use offtake_row::Row;
use timely::dataflow::operators::Probe;
use timely::dataflow::{ProbeHandle, channels::pact::Pipeline, operators::Operator};

use crate::{
    engine::Shared,
    render::{Bundle, Rows, arrange, err_mark},
};

/// Takes the views' changes. Called on the engine's threads, also on several at once: it should hand on and return.
pub trait Output: Send + Sync + 'static {
    /// Changes of a view at one time: consolidated (a row is in one call per time at most, and not with 0), but a time may take several
    /// calls. All calls for a time come before the frontier passes it.
    fn updates(&self, id: CollectionId, time: u64, rows: Vec<(Row, i64)>, errors: Vec<(EvalError, i64)>);

    /// All changes at times before `upper` have been handed out, by all workers. It only grows; the first call tells that the view is
    /// hydrated. `u64::MAX` for a view that can never change again.
    fn frontier(&self, id: CollectionId, upper: u64);

    /// A thread of the engine died; nothing follows. [`crate::Engine::failed`] tells the same.
    fn failed(&self, reason: &str) {
        let _ = reason;
    }
}

/// Hands a view's changes to the output. The probe follows what has been handed out.
pub(crate) fn sink(
    bundle: Bundle<'_>,
    id: CollectionId,
    live: Arc<AtomicBool>,
    shared: Arc<Shared>,
    probe: &ProbeHandle<u64>,
) {
    let oks = bundle.oks.map(|row| (row, Row::empty()));
    let errs = bundle.errs.map(|row| (row, err_mark()));
    let arranged = arrange(oks.concat(errs), "Output");
    // Only the batches matter: with its trace's last handle gone, the operator keeps no rows.
    let stream = arranged.stream;
    stream
        .unary::<timely::container::CapacityContainerBuilder<Vec<()>>, _, _, _>(
            Pipeline,
            "Sink",
            move |_, _| {
                move |input, _output| {
                    input.for_each(|_time, spans| {
                        for batch in spans.drain(..).filter_map(|span| span.inner) {
                            for (time, (rows, errors)) in changes::<Rows>(&batch) {
                                if let (true, Some(output)) = (live.load(Ordering::Acquire), shared.output())
                                {
                                    output.updates(id, time, rows, errors);
                                }
                            }
                        }
                    });
                }
            },
        )
        .probe_with(probe);
}

type Changes = BTreeMap<u64, (Vec<(Row, i64)>, Vec<(EvalError, i64)>)>;

/// The changes of a batch by time.
fn changes<Tr>(batch: &Tr::Batch) -> Changes
where
    Tr: differential_dataflow::trace::TraceReader<Batch: Navigable>,
    for<'a> differential_dataflow::trace::BatchCursor<Tr>: Cursor<
            Key<'a> = &'a Row,
            Val<'a> = &'a Row,
            TimeGat<'a> = &'a u64,
            DiffGat<'a> = &'a i64,
            Storage = Tr::Batch,
        >,
{
    let mut changes = Changes::new();
    let mut cursor = batch.cursor();
    while let Some(key) = cursor.get_key(batch) {
        while let Some(value) = cursor.get_val(batch) {
            let is_error = !value.as_bytes().is_empty();
            cursor.map_times(batch, |time, diff| {
                let (rows, errors) = changes.entry(*time).or_default();
                if is_error {
                    errors.push((EvalError::from_row(key), *diff));
                } else {
                    rows.push((key.clone(), *diff));
                }
            });
            cursor.step_val(batch);
        }
        cursor.step_key(batch);
    }
    changes
}
