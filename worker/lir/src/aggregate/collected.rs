//! Aggregates over all rows of a group in an order.
//!
//! Rows that ORDER BY leaves equal come by ascending arguments, and where that leaves two they are the same. PostgreSQL takes such
//! rows as they happen to come; DISTINCT ones it sorts in the same way.

use std::cmp::Ordering;

use offtake_row::{Datum, Row, RowPacker, Type};

use super::{Aggregate, AggregateFunction, AggregateOrder, concatenation, ordered_set};
use crate::{arena::Arena, compare::compare, error::EvalError, order::directed, scalar::json_aggregate};

/// More rows than this no group may have that is collected.
const MOST_ROWS: i64 = 1 << 30;

impl Aggregate {
    /// What a collected aggregate keeps of a row: the values that it is ordered by, then the arguments'. `None` for a row that is passed
    /// over.
    pub fn collect<'a>(
        &'a self,
        row: &[Datum<'a>],
        arena: &'a Arena,
        packer: &mut RowPacker,
    ) -> Result<Option<Row>, EvalError> {
        if !self.passes(row, arena)? {
            return Ok(None);
        }
        packer.clear();
        let ordered_set = self.function.is_ordered_set();
        for order in &self.order_by {
            let datum = order.key.eval(row, arena)?;
            if datum.is_null() && ordered_set {
                return Ok(None);
            }
            packer.push(datum);
        }
        for (position, arg) in self.args.iter().enumerate() {
            let datum = arg.eval(row, arena)?;
            if datum.is_null() && position == 0 && self.function == AggregateFunction::StringAgg {
                return Ok(None);
            }
            packer.push(datum);
        }
        Ok(Some(packer.finish()))
    }

    /// Packs the result for a group, given what [`Aggregate::collect`] kept of its rows and how often, in any order.
    pub fn finish_collected(&self, rows: &[(Row, i64)], packer: &mut RowPacker) -> Result<(), EvalError> {
        let mut rows: Vec<(Vec<Datum<'_>>, &Row, i64)> =
            rows.iter().filter(|(_, diff)| *diff > 0).map(|(row, diff)| (row.unpack(), row, *diff)).collect();
        rows.sort_by(|(a, row, _), (b, other, _)| self.order(a, b).then_with(|| row.cmp(other)));
        if self.distinct {
            // Of equal values with different forms the one whose bytes come first.
            rows.dedup_by(|(later, ..), (kept, ..)| self.order(later, kept).is_eq());
            rows.iter_mut().for_each(|(.., diff)| *diff = 1);
        }
        if rows.iter().map(|(.., diff)| *diff).fold(0, i64::saturating_add) > MOST_ROWS {
            return Err(EvalError::copies());
        }
        let copies = rows.iter().flat_map(|(row, _, diff)| {
            std::iter::repeat_n(row.as_slice(), usize::try_from(*diff).unwrap_or(0))
        });
        self.fold(copies, packer)
    }

    /// Packs the result over rows ([`Aggregate::collect`]) in this order.
    pub(crate) fn fold<'a>(
        &self,
        rows: impl Iterator<Item = &'a [Datum<'a>]>,
        packer: &mut RowPacker,
    ) -> Result<(), EvalError> {
        let keys = self.order_by.len();
        let args = |row: &'a [Datum<'a>]| &row[keys.min(row.len())..];
        match self.function {
            AggregateFunction::StringAgg => concatenation::string_agg(rows.map(args), packer)?,
            AggregateFunction::ArrayAgg(_) => concatenation::array_agg(rows.map(args), packer)?,
            AggregateFunction::ArrayAggArrays(_) => {
                concatenation::array_agg_arrays(rows.map(args), packer)?;
            }
            AggregateFunction::JsonAgg(form, ty) => {
                json_aggregate::agg(form, ty, rows.map(args), packer)?;
            }
            AggregateFunction::JsonObjectAgg { form, key, value } => {
                json_aggregate::object_agg(form, [key, value], rows.map(args), packer)?;
            }
            AggregateFunction::Percentile { of, many } => {
                let arena = Arena::new();
                let direct = match self.args.first() {
                    Some(direct) if direct.is_constant() => direct.eval(&[], &arena)?,
                    _ => Datum::Null,
                };
                ordered_set::percentile(of, many, rows, direct, packer)?;
            }
            AggregateFunction::Mode => {
                let ty = self.order_by.first().map_or(Type::Text, |order| order.ty);
                packer.push(ordered_set::mode(rows, |a, b| compare(ty, a, b)));
            }
            AggregateFunction::CountStar
            | AggregateFunction::Count
            | AggregateFunction::SumInt4
            | AggregateFunction::SumInt8
            | AggregateFunction::SumNumeric
            | AggregateFunction::SumFloat4
            | AggregateFunction::SumFloat8
            | AggregateFunction::AvgInt
            | AggregateFunction::AvgNumeric
            | AggregateFunction::AvgFloat
            | AggregateFunction::Min(_)
            | AggregateFunction::Max(_)
            | AggregateFunction::BoolAnd
            | AggregateFunction::BoolOr
            | AggregateFunction::Bits(_)
            | AggregateFunction::SpreadNumeric(_)
            | AggregateFunction::SpreadFloat(_)
            | AggregateFunction::Regression(_)
            | AggregateFunction::SumInterval
            | AggregateFunction::AvgInterval
            | AggregateFunction::AnyValue
            | AggregateFunction::Single => {
                return Err(EvalError::internal("an aggregate that is not collected"));
            }
        }
        Ok(())
    }

    /// By ORDER BY, then by ascending arguments.
    fn order(&self, a: &[Datum<'_>], b: &[Datum<'_>]) -> Ordering {
        let keys = self.order_by.len();
        let by_key = |(order, (a, b)): (&AggregateOrder, (&Datum<'_>, &Datum<'_>))| {
            directed(order.ty, order.descending, order.nulls_first, *a, *b)
        };
        let mut orders = self.order_by.iter().zip(a.iter().zip(b)).map(by_key);
        if let Some(order) = orders.find(|order| order.is_ne()) {
            return order;
        }
        let args = a.iter().zip(b).skip(keys).enumerate();
        args.map(|(position, (a, b))| match self.argument_type(position) {
            Some(ty) => compare(ty, *a, *b),
            None => Ordering::Equal,
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
    }

    /// The type of an argument that has an order; `None` for one that has none.
    fn argument_type(&self, position: usize) -> Option<Type> {
        let ty = match (self.function, position) {
            // Texts or bytes, which the comparison tells apart itself.
            (AggregateFunction::StringAgg, _) => Type::Text,
            (AggregateFunction::ArrayAgg(ty) | AggregateFunction::ArrayAggArrays(ty), 0) => ty,
            (AggregateFunction::JsonAgg(_, ty), 0) => ty,
            (AggregateFunction::JsonObjectAgg { key, .. }, 0) => key,
            (AggregateFunction::JsonObjectAgg { value, .. }, 1) => value,
            _ => return None,
        };
        ty.has_order().then_some(ty)
    }
}
