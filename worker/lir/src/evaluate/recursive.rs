//! Recursion, round by round: the step sees what the round before found.
//!
//! Source: PostgreSQL documentation, 7.8.2.1 (the working table) and nodeRecursiveunion.c.

use std::{collections::HashSet, rc::Rc};

use offtake_row::Row;

use super::{Context, Emit, sort};
use crate::{
    error::EvalError,
    node::{Lir, LocalId},
};

/// The parts of [`Lir::Recursive`].
pub(super) struct Recursion<'p> {
    pub id: LocalId,
    pub base: &'p Lir,
    pub step: &'p Lir,
    pub distinct: bool,
    pub limit: u64,
}

impl Recursion<'_> {
    pub fn run(&self, context: &Context<'_>, emit: &mut Emit<'_>) -> Result<(), EvalError> {
        context.recur(self.id, |context| {
            let mut seen = HashSet::new();
            let mut most = 0;
            let mut found = self.round(self.base, &mut seen, &mut most, context)?;
            let mut round = 0;
            while !found.is_empty() {
                if round > self.limit {
                    return Err(EvalError::rounds(self.limit));
                }
                round += 1;
                for (row, diff) in &found {
                    context.work()?;
                    emit(row.clone(), *diff)?;
                }
                let outer = context.bind(self.id, Some(Rc::new(found)));
                let next = self.round(self.step, &mut seen, &mut most, context);
                context.bind(self.id, outer);
                found = next?;
            }
            Ok(())
        })
    }

    /// What a round finds. `most` is the most bytes that a round's rows took so far: they make room for the next round's.
    fn round(
        &self,
        plan: &Lir,
        seen: &mut HashSet<Row>,
        most: &mut usize,
        context: &Context<'_>,
    ) -> Result<Vec<(Row, i64)>, EvalError> {
        let mut rows = Vec::new();
        let mut bytes = 0;
        super::run(plan, context, &mut |row, diff| {
            context.work()?;
            bytes += super::size(&row) + sort::memory(1, &[]);
            if bytes > *most {
                context.keep(bytes - *most)?;
                *most = bytes;
            }
            rows.push((row, diff));
            Ok(())
        })?;
        let rows = sort::sort(rows, &[], context)?;
        if !self.distinct {
            return Ok(rows);
        }
        let mut fresh = Vec::new();
        for (row, count) in rows {
            if count > 0 && !seen.contains(&row) {
                context.keep(super::size(&row))?;
                seen.insert(row.clone());
                fresh.push((row, 1));
            }
        }
        Ok(fresh)
    }
}
