//! Which aggregate functions there are.

use std::fmt;

use offtake_row::Type;
use serde::{Deserialize, Serialize};

use crate::{compare::Blanks, scalar::Form};

/// An aggregate function with the types of its arguments, where it must know them. Unless it says otherwise it passes over rows with a
/// NULL argument and answers NULL for a group without values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AggregateFunction {
    /// `count(*)`: int8. 0 for no rows.
    CountStar,
    /// `count(x)`: int8. 0 for no values.
    Count,
    /// `sum(int2 | int4)`: int8.
    SumInt4,
    /// `sum(int8)`: numeric.
    SumInt8,
    SumNumeric,
    SumFloat4,
    SumFloat8,
    /// `avg(int2 | int4 | int8)`: numeric.
    AvgInt,
    AvgNumeric,
    /// `avg(float4 | float8)`: float8.
    AvgFloat,
    Min(Blanks),
    Max(Blanks),
    BoolAnd,
    BoolOr,
    /// Over integers; of their type.
    Bits(BitOperator),
    /// Over integers and numerics: numeric.
    SpreadNumeric(Spread),
    /// Over floats: float8.
    SpreadFloat(Spread),
    /// Over pairs of float8, y and x: float8, the count int8 (0 for no pairs).
    Regression(Regression),
    SumInterval,
    AvgInterval,
    /// Any of the values: that whose packed bytes come first.
    AnyValue,
    /// What a subquery in an expression answers: the only row's value, which may be NULL. More than one row is an error (21000).
    Single,
    /// `string_agg(value, separator)` over text or bytea. A separator may be NULL; that of the first value is not shown.
    StringAgg,
    /// An array of the values, which are of this type; NULLs too.
    ArrayAgg(Type),
    /// An array of the arrays, with a dimension more; of this type. NULLs are an error.
    ArrayAggArrays(Type),
    /// `json_agg`, `jsonb_agg` of values of this type; NULLs too.
    JsonAgg(Form, Type),
    /// `json_object_agg`, `jsonb_object_agg` of keys and values of these types. A NULL key is an error.
    JsonObjectAgg {
        form: Form,
        key: Type,
        value: Type,
    },
    /// `percentile_cont`, `percentile_disc`. The direct argument is a fraction (`double precision`) or, of `many`, an array of them.
    Percentile {
        of: Percentile,
        many: bool,
    },
    /// `mode`, without arguments.
    Mode,
}

/// What percentiles are taken of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Percentile {
    /// One of the values.
    Discrete,
    /// Over `double precision` or `interval`, between two of the values.
    Continuous,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum BitOperator {
    And,
    Or,
    Xor,
}

/// How values spread around their average. Of a sample, one value is too few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Spread {
    /// `var_pop`.
    VariancePopulation,
    /// `var_samp`, `variance`.
    VarianceSample,
    /// `stddev_pop`.
    DeviationPopulation,
    /// `stddev_samp`, `stddev`.
    DeviationSample,
}

impl Spread {
    pub(super) fn of_sample(self) -> bool {
        matches!(self, Spread::VarianceSample | Spread::DeviationSample)
    }

    pub(super) fn is_deviation(self) -> bool {
        matches!(self, Spread::DeviationPopulation | Spread::DeviationSample)
    }
}

/// The functions of two variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Regression {
    Count,
    AverageX,
    AverageY,
    /// `regr_sxx`.
    DeviationsX,
    /// `regr_syy`.
    DeviationsY,
    /// `regr_sxy`.
    DeviationsXY,
    CovariancePopulation,
    CovarianceSample,
    Correlation,
    /// `regr_r2`.
    Determination,
    Slope,
    Intercept,
}

/// How an aggregate is kept up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregateKind {
    /// By adding and subtracting [`crate::Accumulator`]s: a change costs the same in a group of any size.
    Accumulable,
    /// By looking at the group's values in order, of which the first is the answer: a change costs its logarithm.
    Ordered,
    /// From all the group's rows in order: a change costs as much as the group has rows.
    Collected,
}

impl AggregateFunction {
    /// How it is kept up to date.
    pub fn kind(self) -> AggregateKind {
        match self {
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
            | AggregateFunction::BoolAnd
            | AggregateFunction::BoolOr
            | AggregateFunction::Bits(_)
            | AggregateFunction::SpreadNumeric(_)
            | AggregateFunction::SpreadFloat(_)
            | AggregateFunction::Regression(_)
            | AggregateFunction::SumInterval
            | AggregateFunction::AvgInterval
            | AggregateFunction::Single => AggregateKind::Accumulable,
            AggregateFunction::Min(_) | AggregateFunction::Max(_) | AggregateFunction::AnyValue => {
                AggregateKind::Ordered
            }
            AggregateFunction::StringAgg
            | AggregateFunction::ArrayAgg(_)
            | AggregateFunction::ArrayAggArrays(_)
            | AggregateFunction::JsonAgg(..)
            | AggregateFunction::JsonObjectAgg { .. }
            | AggregateFunction::Percentile { .. }
            | AggregateFunction::Mode => AggregateKind::Collected,
        }
    }

    /// Whether it is called with WITHIN GROUP: `order_by` holds the values that it is over, `args` the direct arguments.
    pub fn is_ordered_set(self) -> bool {
        matches!(self, AggregateFunction::Percentile { .. } | AggregateFunction::Mode)
    }

    /// The result's type, given the first argument's (of an ordered-set function that of the values that are sorted).
    pub fn result_type(self, arg: Option<Type>) -> Type {
        match self {
            AggregateFunction::CountStar
            | AggregateFunction::Count
            | AggregateFunction::SumInt4
            | AggregateFunction::Regression(Regression::Count) => Type::Int8,
            AggregateFunction::SumInt8
            | AggregateFunction::SumNumeric
            | AggregateFunction::AvgInt
            | AggregateFunction::AvgNumeric
            | AggregateFunction::SpreadNumeric(_) => Type::Numeric(None),
            AggregateFunction::SumFloat4 => Type::Float4,
            AggregateFunction::SumFloat8
            | AggregateFunction::AvgFloat
            | AggregateFunction::SpreadFloat(_)
            | AggregateFunction::Regression(_) => Type::Float8,
            AggregateFunction::BoolAnd | AggregateFunction::BoolOr => Type::Bool,
            AggregateFunction::SumInterval | AggregateFunction::AvgInterval => Type::Interval,
            AggregateFunction::JsonAgg(form, _) | AggregateFunction::JsonObjectAgg { form, .. } => match form
            {
                Form::Json => Type::Json,
                Form::Jsonb => Type::Jsonb,
            },
            AggregateFunction::ArrayAgg(ty) => ty.array().unwrap_or(ty),
            AggregateFunction::ArrayAggArrays(ty) => ty,
            AggregateFunction::Percentile { many: true, .. } => {
                let value = arg.unwrap_or(Type::Text);
                value.array().unwrap_or(value)
            }
            AggregateFunction::Min(_)
            | AggregateFunction::Max(_)
            | AggregateFunction::Bits(_)
            | AggregateFunction::Single
            | AggregateFunction::AnyValue
            | AggregateFunction::StringAgg
            | AggregateFunction::Percentile { many: false, .. }
            | AggregateFunction::Mode => arg.unwrap_or(Type::Text),
        }
    }
}

impl fmt::Display for AggregateFunction {
    /// Its SQL name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AggregateFunction::CountStar | AggregateFunction::Count => "count",
            AggregateFunction::SumInt4
            | AggregateFunction::SumInt8
            | AggregateFunction::SumNumeric
            | AggregateFunction::SumFloat4
            | AggregateFunction::SumFloat8
            | AggregateFunction::SumInterval => "sum",
            AggregateFunction::AvgInt
            | AggregateFunction::AvgNumeric
            | AggregateFunction::AvgFloat
            | AggregateFunction::AvgInterval => "avg",
            AggregateFunction::Min(_) => "min",
            AggregateFunction::Max(_) => "max",
            AggregateFunction::BoolAnd => "bool_and",
            AggregateFunction::BoolOr => "bool_or",
            AggregateFunction::Bits(BitOperator::And) => "bit_and",
            AggregateFunction::Bits(BitOperator::Or) => "bit_or",
            AggregateFunction::Bits(BitOperator::Xor) => "bit_xor",
            AggregateFunction::SpreadNumeric(spread) | AggregateFunction::SpreadFloat(spread) => match spread
            {
                Spread::VariancePopulation => "var_pop",
                Spread::VarianceSample => "var_samp",
                Spread::DeviationPopulation => "stddev_pop",
                Spread::DeviationSample => "stddev_samp",
            },
            AggregateFunction::Regression(regression) => match regression {
                Regression::Count => "regr_count",
                Regression::AverageX => "regr_avgx",
                Regression::AverageY => "regr_avgy",
                Regression::DeviationsX => "regr_sxx",
                Regression::DeviationsY => "regr_syy",
                Regression::DeviationsXY => "regr_sxy",
                Regression::CovariancePopulation => "covar_pop",
                Regression::CovarianceSample => "covar_samp",
                Regression::Correlation => "corr",
                Regression::Determination => "regr_r2",
                Regression::Slope => "regr_slope",
                Regression::Intercept => "regr_intercept",
            },
            AggregateFunction::Single => "the only",
            AggregateFunction::AnyValue => "any_value",
            AggregateFunction::StringAgg => "string_agg",
            AggregateFunction::ArrayAgg(_) | AggregateFunction::ArrayAggArrays(_) => "array_agg",
            AggregateFunction::JsonAgg(Form::Json, _) => "json_agg",
            AggregateFunction::JsonAgg(Form::Jsonb, _) => "jsonb_agg",
            AggregateFunction::JsonObjectAgg { form: Form::Json, .. } => "json_object_agg",
            AggregateFunction::JsonObjectAgg { form: Form::Jsonb, .. } => "jsonb_object_agg",
            AggregateFunction::Percentile { of: Percentile::Discrete, .. } => "percentile_disc",
            AggregateFunction::Percentile { of: Percentile::Continuous, .. } => "percentile_cont",
            AggregateFunction::Mode => "mode",
        })
    }
}
