//! Relational nodes.

mod stage;
mod walk;

use std::fmt;

use offtake_row::Row;
use serde::{Deserialize, Serialize};

use crate::{aggregate::Aggregate, mfp::Mfp, order::Order, scalar::Scalar, table_function::TableFunction};

/// Names a table or a view within one worker. Never reused, so a re-created object is another collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CollectionId(pub u64);

impl fmt::Display for CollectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "u{}", self.0)
    }
}

/// Names what [`Lir::Let`] or [`Lir::Recursive`] binds, within one plan. Unique in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LocalId(pub u32);

impl fmt::Display for LocalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "l{}", self.0)
    }
}

/// A relational plan: a tree whose leaves are collections and constants. Bags, not sets: rows have multiplicities.
///
/// `L` is what a leaf names: a collection here, and whatever stands for one where the plan is run.
///
/// Rows and keys are told apart by their packed bytes. So whoever makes a plan wraps what is compared for equality into its canonical
/// form where its type has several for equal values: join keys by [`Scalar::equality_key`]; keys of [`Lir::Reduce`], groups of
/// [`TopK`], partitions of [`Window`], the columns of [`Lir::Distinct`]'s and [`Lir::Threshold`]'s input, and arguments of DISTINCT
/// aggregates by [`Scalar::group_key`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Lir<L = CollectionId> {
    /// Rows known when the plan was made.
    Constant { rows: Vec<(Row, i64)> },
    /// All rows of a table or view.
    Get { id: L },
    /// What an enclosing [`Lir::Let`] or [`Lir::Recursive`] binds.
    Local { id: LocalId },
    /// Computes `value` once for all places of `body` that read it.
    Let { id: LocalId, value: Box<Lir<L>>, body: Box<Lir<L>> },
    /// The rows of `base`, and those that `step` makes of the rows found in the round before, until a round finds none. `step` reads the
    /// round's rows as [`Lir::Local`]. With `distinct` each row is found once. After `limit` rounds it is an error.
    /// Source: PostgreSQL documentation, 7.8.2 (Recursive Queries).
    Recursive { id: LocalId, base: Box<Lir<L>>, step: Box<Lir<L>>, distinct: bool, limit: u64 },
    /// Map, filter and project, fused.
    Mfp { input: Box<Lir<L>>, mfp: Mfp },
    /// Each row with each row that the function makes of it: the input's columns, then the function's and, with `ordinality`, the
    /// number of the function's row, from 1.
    FlatMap { input: Box<Lir<L>>, function: TableFunction, args: Vec<Scalar>, ordinality: bool },
    /// Joins, left to right: `inputs[0]` is joined with `inputs[1]` by `stages[0]`, the result with `inputs[2]` by `stages[1]`, …
    Join { inputs: Vec<Lir<L>>, stages: Vec<JoinStage> },
    /// Groups by `key`; each output row is the key's values, then the aggregates' results.
    /// With an empty key there is always one output row, also over no input (PostgreSQL: aggregates without GROUP BY).
    Reduce { input: Box<Lir<L>>, key: Vec<Scalar>, aggregates: Vec<Aggregate> },
    /// Each distinct row once.
    Distinct { input: Box<Lir<L>> },
    /// The first rows of each group.
    TopK { input: Box<Lir<L>>, top: TopK },
    /// The input's columns, then the window functions' results.
    Window { input: Box<Lir<L>>, window: Window },
    /// Bag union.
    Union { inputs: Vec<Lir<L>> },
    /// Each row as often as it is missing: its multiplicity with the other sign.
    Negate { input: Box<Lir<L>> },
    /// Each row as often as it is there; none that is missing (of negative multiplicity).
    Threshold { input: Box<Lir<L>> },
}

/// How a join's stage treats rows without a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JoinKind {
    Inner,
    /// Stream rows without a partner stay, the other side's columns NULL.
    Left,
    /// Rows of either side without a partner stay, the other side's columns NULL.
    Full,
    /// Stream rows that have a partner, once each; the other side's columns are not there.
    Semi,
    /// Stream rows that have no partner; the other side's columns are not there.
    Anti,
}

/// One step of a linear join. The rows joined so far are the stream, the next input is looked up.
///
/// Two rows meet when their keys are equal in SQL's sense and hold no NULL, and `on` is true of them. Where both keys are empty all
/// rows meet, if `on` is true. The key expressions are already cast to one type on both sides. `closure` runs over the stream's columns
/// followed by the looked-up row's (of [`JoinKind::Semi`] and [`JoinKind::Anti`] over the stream's only), and its output is the
/// stream of the next stage.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JoinStage {
    pub kind: JoinKind,
    pub stream_key: Vec<Scalar>,
    pub lookup_key: Vec<Scalar>,
    /// The key's parts, as positions, in which NULL is equal to NULL.
    pub nulls_meet: Vec<usize>,
    /// Conditions over the stream's columns followed by the looked-up row's, beside the keys. Empty for [`JoinKind::Inner`], whose
    /// closure filters.
    pub on: Vec<Scalar>,
    /// The looked-up rows' columns, for those that are filled with NULL.
    pub lookup_arity: usize,
    pub closure: Mfp,
}

/// By what a join finds the rows of one of its inputs; see [`JoinStage`].
#[derive(Clone, Copy, Debug)]
pub struct JoinKey<'a> {
    pub scalars: &'a [Scalar],
    pub nulls_meet: &'a [usize],
}

/// The first rows of each group in an order, after those that are skipped. Rows that the order leaves equal come in the order of their
/// bytes, so that an answer is the same every time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TopK {
    /// Empty: all rows are one group.
    pub group: Vec<Scalar>,
    pub order_by: Vec<Order>,
    /// `bigint` without columns; `None` or NULL is all. Negative is 2201W.
    pub limit: Option<Scalar>,
    /// `bigint` without columns; `None` or NULL is 0. Negative is 2201X.
    pub offset: Option<Scalar>,
    /// Rows equal in order to the last one come too.
    pub with_ties: bool,
}

/// Window functions over one partitioning and order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    pub partition: Vec<Scalar>,
    pub order_by: Vec<Order>,
    pub calls: Vec<WindowCall>,
}

/// A call of a window function. Source: PostgreSQL documentation, 4.2.8 and 9.22.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WindowCall {
    pub function: WindowFunction,
    /// Of the functions that are no aggregates; an aggregate has its own.
    pub args: Vec<Scalar>,
    pub frame: Frame,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WindowFunction {
    RowNumber,
    Rank,
    DenseRank,
    PercentRank,
    CumeDist,
    /// Of one argument, `integer`.
    Ntile,
    /// Value, offset (`integer`) and what there is outside the partition.
    Lag,
    /// As [`WindowFunction::Lag`].
    Lead,
    FirstValue,
    LastValue,
    /// Value and position (`integer`, from 1).
    NthValue,
    /// Over the frame's rows.
    Aggregate(Aggregate),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    pub unit: FrameUnit,
    pub start: FrameBound,
    pub end: FrameBound,
    pub exclude: FrameExclusion,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FrameUnit {
    Rows,
    Range,
    Groups,
}

/// Where a frame begins or ends. The scalars have no columns. That of ROWS and GROUPS is a count, `bigint`. That of RANGE is a distance
/// from the current row's value of the only key of the order: `bigint` for integers, `double precision` for floats, `numeric` for
/// numerics, `interval` for dates, times and intervals. They may be NULL or negative, which is an error (22004, 22013).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FrameBound {
    UnboundedPreceding,
    Preceding(Scalar),
    CurrentRow,
    Following(Scalar),
    UnboundedFollowing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FrameExclusion {
    Nothing,
    CurrentRow,
    Group,
    Ties,
}
