//! A plan as an indented tree, the root first.

use std::fmt::{self, Write as _};

use crate::{
    aggregate::{Aggregate, AggregateFunction, AggregateOrder},
    mfp::Mfp,
    node::{
        CollectionId, Frame, FrameBound, FrameExclusion, FrameUnit, JoinKind, JoinStage, Lir, Window,
        WindowCall, WindowFunction,
    },
    order::Order,
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
                    line(out, depth + 1, Meeting(stage));
                    node(out, input, names, depth + 2);
                    if !stage.on.is_empty() {
                        line(out, depth + 2, format_args!("on: {}", Separated(&stage.on, " AND ")));
                    }
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
        Lir::Local { id } => line(out, depth, format_args!("Local {id}")),
        Lir::Let { id, value, body } => {
            line(out, depth, format_args!("Let {id} be"));
            node(out, value, names, depth + 1);
            line(out, depth, "in");
            node(out, body, names, depth + 1);
        }
        Lir::Recursive { id, base, step, distinct, limit } => {
            let each = if *distinct { ", each row once" } else { "" };
            line(out, depth, format_args!("Recursive {id}, {limit} rounds at most{each}"));
            node(out, base, names, depth + 1);
            line(out, depth, "then");
            node(out, step, names, depth + 1);
        }
        Lir::FlatMap { input, function, args, ordinality } => {
            let numbered = if *ordinality { ", numbered" } else { "" };
            line(out, depth, format_args!("FlatMap {function:?}({}){numbered}", List(args)));
            node(out, input, names, depth + 1);
        }
        Lir::TopK { input, top } => {
            line(out, depth, "TopK");
            if !top.group.is_empty() {
                line(out, depth + 1, format_args!("of each: {}", List(&top.group)));
            }
            if !top.order_by.is_empty() {
                line(out, depth + 1, format_args!("order by: {}", List(&top.order_by)));
            }
            if let Some(limit) = &top.limit {
                let ties = if top.with_ties { " with ties" } else { "" };
                line(out, depth + 1, format_args!("limit: {limit}{ties}"));
            }
            if let Some(offset) = &top.offset {
                line(out, depth + 1, format_args!("offset: {offset}"));
            }
            node(out, input, names, depth + 1);
        }
        Lir::Window { input, window: Window { partition, order_by, calls } } => {
            line(out, depth, "Window");
            if !partition.is_empty() {
                line(out, depth + 1, format_args!("partition by: {}", List(partition)));
            }
            if !order_by.is_empty() {
                line(out, depth + 1, format_args!("order by: {}", List(order_by)));
            }
            calls.iter().for_each(|call| line(out, depth + 1, call));
            node(out, input, names, depth + 1);
        }
        Lir::Negate { input } => {
            line(out, depth, "Negate");
            node(out, input, names, depth + 1);
        }
        Lir::Threshold { input } => {
            line(out, depth, "Threshold");
            node(out, input, names, depth + 1);
        }
    }
}

/// How a join's stage finds partners.
struct Meeting<'a>(&'a JoinStage);

impl fmt::Display for Meeting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let JoinStage { kind, stream_key, lookup_key, nulls_meet, .. } = self.0;
        let kind = match kind {
            JoinKind::Inner => "",
            JoinKind::Left => "left: ",
            JoinKind::Full => "full: ",
            JoinKind::Semi => "semi: ",
            JoinKind::Anti => "anti: ",
        };
        if stream_key.is_empty() {
            return write!(f, "{kind}× every row of");
        }
        write!(f, "{kind}[{}] looked up by [{}]", List(stream_key), List(lookup_key))?;
        if !nulls_meet.is_empty() {
            write!(f, " (NULL meets NULL in {})", Separated(nulls_meet, ", "))?;
        }
        f.write_str(" in")
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = Direction { descending: self.descending, nulls_first: self.nulls_first };
        write!(f, "#{}{direction}", self.column)
    }
}

impl fmt::Display for WindowCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.function {
            WindowFunction::RowNumber => "row_number",
            WindowFunction::Rank => "rank",
            WindowFunction::DenseRank => "dense_rank",
            WindowFunction::PercentRank => "percent_rank",
            WindowFunction::CumeDist => "cume_dist",
            WindowFunction::Ntile => "ntile",
            WindowFunction::Lag => "lag",
            WindowFunction::Lead => "lead",
            WindowFunction::FirstValue => "first_value",
            WindowFunction::LastValue => "last_value",
            WindowFunction::NthValue => "nth_value",
            WindowFunction::Aggregate(aggregate) => return write!(f, "{aggregate} over {}", self.frame),
        };
        write!(f, "{name}({}) over {}", List(&self.args), self.frame)
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            FrameUnit::Rows => "rows",
            FrameUnit::Range => "range",
            FrameUnit::Groups => "groups",
        };
        write!(f, "{unit} between {} and {}", self.start, self.end)?;
        f.write_str(match self.exclude {
            FrameExclusion::Nothing => "",
            FrameExclusion::CurrentRow => " exclude current row",
            FrameExclusion::Group => " exclude group",
            FrameExclusion::Ties => " exclude ties",
        })
    }
}

impl fmt::Display for FrameBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameBound::UnboundedPreceding => f.write_str("unbounded preceding"),
            FrameBound::Preceding(bound) => write!(f, "{bound} preceding"),
            FrameBound::CurrentRow => f.write_str("current row"),
            FrameBound::Following(bound) => write!(f, "{bound} following"),
            FrameBound::UnboundedFollowing => f.write_str("unbounded following"),
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
        let Aggregate { function, args, order_by, filter, distinct } = self;
        let distinct = if *distinct { "DISTINCT " } else { "" };
        match args.as_slice() {
            [] if *function == AggregateFunction::CountStar => write!(f, "{function}(*")?,
            args => write!(f, "{function}({distinct}{}", List(args))?,
        }
        match order_by.as_slice() {
            [] => f.write_str(")")?,
            keys if function.is_ordered_set() => write!(f, ") WITHIN GROUP (ORDER BY {})", List(keys))?,
            keys => write!(f, " ORDER BY {})", List(keys))?,
        }
        match filter {
            Some(filter) => write!(f, " FILTER (WHERE {filter})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for AggregateOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.key, Direction { descending: self.descending, nulls_first: self.nulls_first })
    }
}

/// What stands behind a key that is not in the default order.
struct Direction {
    descending: bool,
    nulls_first: bool,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.descending, self.nulls_first) {
            (false, false) => "",
            (false, true) => " nulls first",
            (true, false) => " desc nulls last",
            (true, true) => " desc",
        })
    }
}
