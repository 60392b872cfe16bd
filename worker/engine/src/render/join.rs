//! Linear joins: the stream of rows joined so far meets one more input at a time.

use differential_dataflow::{operators::arrange::Arranged, trace::wrappers::frontier::TraceFrontier};
use offtake_lir::{EvalError, Mfp, Scalar, Scratch};
use offtake_row::{Row, RowPacker};

use super::{
    Bundle, Collection, Renderer, Rows, arrange,
    map::{Evaluator, fallible},
};
use crate::command::{Plan, Stage};

/// An input of a join, arranged by its key: its own arrangement or a shared index.
enum Keyed<'s> {
    Own(Arranged<'s, Rows>),
    Shared(Arranged<'s, TraceFrontier<Rows>>),
}

impl<'s> Renderer<'s> {
    pub(super) fn join(&self, first: &Plan, stages: &[Stage]) -> Bundle<'s> {
        let mut errors = Vec::new();
        let mut stream: Option<Collection<'s, Row>> = None;
        for stage in stages {
            let left = match stream.take() {
                None => self.keyed(first, &stage.join.stream_key, &mut errors),
                Some(rows) => arrange_by(rows, stage.join.stream_key.clone(), &mut errors),
            };
            let right = self.keyed(&stage.lookup, &stage.join.lookup_key, &mut errors);
            let closure = stage.join.closure.clone();
            let pairs = match (left, right) {
                (Keyed::Own(left), Keyed::Own(right)) => left.join_core(right, pair(closure)),
                (Keyed::Own(left), Keyed::Shared(right)) => left.join_core(right, pair(closure)),
                (Keyed::Shared(left), Keyed::Own(right)) => left.join_core(right, pair(closure)),
                (Keyed::Shared(left), Keyed::Shared(right)) => left.join_core(right, pair(closure)),
            };
            let (rows, errs) = fallible("Join results", pairs, |pair: Result<Row, Row>, diff| {
                pair.map(|row| Some((row, diff)))
            });
            errors.push(errs);
            stream = Some(rows);
        }
        let oks = stream.expect("the registry makes no join of one input");
        Bundle { oks, errs: differential_dataflow::collection::concatenate(self.scope, errors) }
    }

    fn keyed(&self, plan: &Plan, key: &[Scalar], errors: &mut Vec<Collection<'s, Row>>) -> Keyed<'s> {
        if let Plan::Index(id) = plan {
            let import = &self.imports[id];
            errors.push(import.errors.clone());
            return Keyed::Shared(import.rows.clone());
        }
        let Bundle { oks, errs } = self.render(plan);
        errors.push(errs);
        arrange_by(oks, key.to_vec(), errors)
    }
}

/// Arranges by key expressions.
fn arrange_by<'s>(
    rows: Collection<'s, Row>,
    key: Vec<Scalar>,
    errors: &mut Vec<Collection<'s, Row>>,
) -> Keyed<'s> {
    let (keyed, errs) = keyed(rows, key);
    errors.push(errs);
    Keyed::Own(arrange(keyed, "Join input"))
}

/// Rows under their key. Those with a NULL in it are left out: they match nothing. The plan has made equal values equal bytes.
pub(super) fn keyed<'s>(
    rows: Collection<'s, Row>,
    key: Vec<Scalar>,
) -> (Collection<'s, (Row, Row)>, Collection<'s, Row>) {
    let (mut evaluator, mut packer) = (Evaluator::default(), RowPacker::new());
    let end = key.iter().map(Scalar::columns_end).max().unwrap_or(0);
    fallible("Key", rows, move |row: Row, diff| {
        let key = evaluator.with_first(&row, end, |datums, arena| {
            packer.clear();
            for scalar in &key {
                let datum = scalar.eval(datums, arena)?;
                if datum.is_null() {
                    return Ok(None);
                }
                packer.push(datum);
            }
            Ok(Some(packer.finish()))
        });
        match key {
            Ok(key) => Ok(key.map(|key| ((key, row), diff))),
            Err(error) => Err(EvalError::to_row(&error)),
        }
    })
}

/// What a pair of matching rows makes.
fn pair(closure: Mfp) -> impl FnMut(&Row, &Row, &Row) -> Option<Result<Row, Row>> + 'static {
    let mut scratch = Scratch::new();
    move |_key, left, right| match closure.eval_pair(left, right, &mut scratch) {
        Ok(row) => row.map(Ok),
        Err(error) => Some(Err(error.to_row())),
    }
}
