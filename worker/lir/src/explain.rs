//! A plan as an indented tree, the root first.

use std::fmt::{self, Write as _};

use crate::{
    aggregate::{Aggregate, AggregateFunction},
    mfp::Mfp,
    node::{CollectionId, Lir},
    scalar::Scalar,
};

/// Prints a plan; `names` tells what a collection is called. Columns are `#0`, `#1`, … of the node below, in a join's `output` those of
/// the rows joined so far followed by the looked-up row's.
pub fn explain(lir: &Lir, names: &dyn Fn(CollectionId) -> String) -> String {
    let mut out = String::new();
    node(&mut out, lir, names, 0);
    out
}

fn line(out: &mut String, depth: usize, text: impl fmt::Display) {
    // Writing to a String does not fail.
    let _ = writeln!(out, "{:width$}{text}", "", width = depth * 2);
}

fn node(out: &mut String, lir: &Lir, names: &dyn Fn(CollectionId) -> String, depth: usize) {
    match lir {
        Lir::Constant { rows } => {
            line(out, depth, format_args!("Constant ({} rows)", rows.len()));
        }
        Lir::Get { id } => line(out, depth, format_args!("Get {}", names(*id))),
        Lir::Mfp { input, mfp } => {
            line(out, depth, "Map/Filter/Project");
            step(out, mfp, depth + 1);
            node(out, input, names, depth + 1);
        }
        Lir::Join { inputs, stages } => {
            line(out, depth, "Join");
            for (position, input) in inputs.iter().enumerate() {
                if let Some(stage) = position.checked_sub(1).and_then(|position| stages.get(position)) {
                    if stage.stream_key.is_empty() {
                        line(out, depth + 1, "× every row of");
                    } else {
                        let (stream, lookup) = (List(&stage.stream_key), List(&stage.lookup_key));
                        line(out, depth + 1, format_args!("[{stream}] looked up by [{lookup}] in"));
                    }
                    node(out, input, names, depth + 2);
                    step(out, &stage.closure, depth + 2);
                } else {
                    node(out, input, names, depth + 1);
                }
            }
        }
        Lir::Reduce { input, key, aggregates } => {
            line(out, depth, "Reduce");
            if !key.is_empty() {
                line(out, depth + 1, format_args!("group by: {}", List(key)));
            }
            if !aggregates.is_empty() {
                line(out, depth + 1, format_args!("aggregates: {}", List(aggregates)));
            }
            node(out, input, names, depth + 1);
        }
        Lir::Distinct { input } => {
            line(out, depth, "Distinct");
            node(out, input, names, depth + 1);
        }
        Lir::Union { inputs } => {
            line(out, depth, "Union");
            inputs.iter().for_each(|input| node(out, input, names, depth + 1));
        }
    }
}

/// What an [`Mfp`] does, each part on a line, nothing for what it leaves out.
fn step(out: &mut String, mfp: &Mfp, depth: usize) {
    for (position, expression) in mfp.expressions.iter().enumerate() {
        line(out, depth, format_args!("#{} = {expression}", mfp.input_arity + position));
    }
    if !mfp.predicates.is_empty() {
        line(out, depth, format_args!("filter: {}", Separated(&mfp.predicates, " AND ")));
    }
    let all = mfp.projection.len() == mfp.input_arity + mfp.expressions.len()
        && mfp.projection.iter().enumerate().all(|(position, column)| position == *column);
    if !all {
        let columns: Vec<Scalar> = mfp.projection.iter().map(|column| Scalar::Column(*column)).collect();
        line(out, depth, format_args!("output: {}", List(&columns)));
    }
}

struct List<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Separated(self.0, ", "))
    }
}

struct Separated<'a, T>(&'a [T], &'static str);

impl<T: fmt::Display> fmt::Display for Separated<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, item) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(self.1)?;
            }
            write!(f, "{item}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.function {
            AggregateFunction::CountStar | AggregateFunction::Count => "count",
            AggregateFunction::SumInt4
            | AggregateFunction::SumInt8
            | AggregateFunction::SumNumeric
            | AggregateFunction::SumFloat4
            | AggregateFunction::SumFloat8 => "sum",
            AggregateFunction::AvgInt | AggregateFunction::AvgNumeric | AggregateFunction::AvgFloat => "avg",
            AggregateFunction::Min(_) => "min",
            AggregateFunction::Max(_) => "max",
            AggregateFunction::BoolAnd => "bool_and",
            AggregateFunction::BoolOr => "bool_or",
        };
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        match &self.arg {
            Some(arg) => write!(f, "{name}({distinct}{arg})")?,
            None => write!(f, "{name}(*)")?,
        }
        match &self.filter {
            Some(filter) => write!(f, " FILTER (WHERE {filter})"),
            None => Ok(()),
        }
    }
}
