//! What follows from a join's stage.

use offtake_row::Type;

use super::{JoinKey, JoinKind, JoinStage};
use crate::{mfp::Mfp, scalar::Scalar};

impl JoinStage {
    /// An inner stage, whose closure filters.
    pub fn inner(
        stream_key: Vec<Scalar>,
        lookup_key: Vec<Scalar>,
        lookup_arity: usize,
        closure: Mfp,
    ) -> JoinStage {
        JoinStage {
            kind: JoinKind::Inner,
            stream_key,
            lookup_key,
            nulls_meet: Vec::new(),
            on: Vec::new(),
            lookup_arity,
            closure,
        }
    }

    pub(super) fn key<'a>(&'a self, scalars: &'a [Scalar]) -> JoinKey<'a> {
        JoinKey { scalars, nulls_meet: &self.nulls_meet }
    }

    /// How rows are looked up; `None` where only the keys that there are matter.
    pub(super) fn lookup(&self) -> Option<JoinKey<'_>> {
        let rows = match self.kind {
            JoinKind::Inner | JoinKind::Left | JoinKind::Full => true,
            JoinKind::Semi | JoinKind::Anti => !self.on.is_empty(),
        };
        rows.then(|| self.key(&self.lookup_key))
    }

    /// What is made of stream rows without a partner: the closure, with NULL for the other side's columns.
    pub fn closure_of_stream(&self) -> Mfp {
        let stream = self.stream_arity();
        self.padded(stream, (0..stream).chain(stream..stream + self.lookup_arity), self.lookup_arity)
    }

    /// What is made of looked-up rows without a partner: the closure, with NULL for the stream's columns.
    pub fn closure_of_lookup(&self) -> Mfp {
        let (stream, lookup) = (self.stream_arity(), self.lookup_arity);
        self.padded(lookup, (lookup..lookup + stream).chain(0..lookup), stream)
    }

    /// The closure over rows of one side, after which stand `nulls` NULLs.
    fn padded(&self, arity: usize, columns: impl Iterator<Item = usize>, nulls: usize) -> Mfp {
        let padding = Mfp {
            input_arity: arity,
            // The type is not looked at.
            expressions: vec![Scalar::null(Type::Bool); nulls],
            predicates: Vec::new(),
            projection: columns.collect(),
        };
        padding.compose(self.closure.clone())
    }

    /// How many columns the stream's rows have.
    pub fn stream_arity(&self) -> usize {
        match self.kind {
            JoinKind::Inner | JoinKind::Left | JoinKind::Full => {
                self.closure.input_arity.saturating_sub(self.lookup_arity)
            }
            JoinKind::Semi | JoinKind::Anti => self.closure.input_arity,
        }
    }

    pub(super) fn scalars_mut(&mut self) -> impl Iterator<Item = &mut Scalar> {
        let keys = self.stream_key.iter_mut().chain(&mut self.lookup_key);
        keys.chain(&mut self.on).chain(self.closure.scalars_mut())
    }
}
