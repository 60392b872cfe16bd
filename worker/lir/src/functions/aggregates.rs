//! Aggregates.

use offtake_row::{
    Element,
    Type::{self, Bool, Bytea, Float4, Float8, Int2, Int4, Int8, Interval, Text},
};

use super::{
    ArgumentTypes, ResolveError, ResolvedAggregate,
    conversion::{CastContext, context},
    json, refused,
    resolve::{Choice, Entry, choose_function},
};
use crate::{
    aggregate::{
        AggregateFunction::{self, Bits, Regression, SpreadFloat, SpreadNumeric},
        BitOperator, Percentile,
        Regression::{
            AverageX, AverageY, Correlation, Count, CovariancePopulation, CovarianceSample, Determination,
            DeviationsX, DeviationsXY, DeviationsY, Intercept, Slope,
        },
        Spread::{self, DeviationPopulation, DeviationSample, VariancePopulation, VarianceSample},
    },
    compare::Blanks,
    scalar::Form,
};

const NUMERIC: Type = Type::Numeric(None);
const FLOATS: Type = Type::Array(Element::Float8);

/// An aggregate of given argument types.
struct Candidate {
    entry: Entry,
    function: AggregateFunction,
}

const fn candidate(
    name: &'static str,
    args: &'static [Type],
    result: Type,
    function: AggregateFunction,
) -> Candidate {
    Candidate { entry: Entry { name, args, result, func: None }, function }
}

const fn spread(name: &'static str, of: Spread) -> [Candidate; 6] {
    [
        candidate(name, &[Int2], NUMERIC, SpreadNumeric(of)),
        candidate(name, &[Int4], NUMERIC, SpreadNumeric(of)),
        candidate(name, &[Int8], NUMERIC, SpreadNumeric(of)),
        candidate(name, &[NUMERIC], NUMERIC, SpreadNumeric(of)),
        candidate(name, &[Float4], Float8, SpreadFloat(of)),
        candidate(name, &[Float8], Float8, SpreadFloat(of)),
    ]
}

const fn bits(name: &'static str, operator: BitOperator) -> [Candidate; 3] {
    [
        candidate(name, &[Int2], Int2, Bits(operator)),
        candidate(name, &[Int4], Int4, Bits(operator)),
        candidate(name, &[Int8], Int8, Bits(operator)),
    ]
}

const fn percentile(name: &'static str, args: &'static [Type], result: Type, many: bool) -> Candidate {
    candidate(name, args, result, AggregateFunction::Percentile { of: Percentile::Continuous, many })
}

const fn pair(name: &'static str, of: crate::aggregate::Regression) -> Candidate {
    let result = if matches!(of, Count) { Int8 } else { Float8 };
    candidate(name, &[Float8, Float8], result, Regression(of))
}

/// Of the functions whose arguments' types are listed.
static TABLES: &[&[Candidate]] = &[
    &[
        candidate("sum", &[Int2], Int8, AggregateFunction::SumInt4),
        candidate("sum", &[Int4], Int8, AggregateFunction::SumInt4),
        candidate("sum", &[Int8], NUMERIC, AggregateFunction::SumInt8),
        candidate("sum", &[NUMERIC], NUMERIC, AggregateFunction::SumNumeric),
        candidate("sum", &[Float4], Float4, AggregateFunction::SumFloat4),
        candidate("sum", &[Float8], Float8, AggregateFunction::SumFloat8),
        candidate("avg", &[Int2], NUMERIC, AggregateFunction::AvgInt),
        candidate("avg", &[Int4], NUMERIC, AggregateFunction::AvgInt),
        candidate("avg", &[Int8], NUMERIC, AggregateFunction::AvgInt),
        candidate("avg", &[NUMERIC], NUMERIC, AggregateFunction::AvgNumeric),
        candidate("avg", &[Float4], Float8, AggregateFunction::AvgFloat),
        candidate("avg", &[Float8], Float8, AggregateFunction::AvgFloat),
        candidate("bool_and", &[Bool], Bool, AggregateFunction::BoolAnd),
        candidate("every", &[Bool], Bool, AggregateFunction::BoolAnd),
        candidate("bool_or", &[Bool], Bool, AggregateFunction::BoolOr),
        candidate("string_agg", &[Text, Text], Text, AggregateFunction::StringAgg),
        candidate("string_agg", &[Bytea, Bytea], Bytea, AggregateFunction::StringAgg),
        candidate("sum", &[Interval], Interval, AggregateFunction::SumInterval),
        candidate("avg", &[Interval], Interval, AggregateFunction::AvgInterval),
        percentile("percentile_cont", &[Float8, Float8], Float8, false),
        percentile("percentile_cont", &[Float8, Interval], Interval, false),
        percentile("percentile_cont", &[FLOATS, Float8], FLOATS, true),
        percentile("percentile_cont", &[FLOATS, Interval], Type::Array(Element::Interval), true),
        pair("regr_count", Count),
        pair("regr_avgx", AverageX),
        pair("regr_avgy", AverageY),
        pair("regr_sxx", DeviationsX),
        pair("regr_syy", DeviationsY),
        pair("regr_sxy", DeviationsXY),
        pair("regr_r2", Determination),
        pair("regr_slope", Slope),
        pair("regr_intercept", Intercept),
        pair("covar_pop", CovariancePopulation),
        pair("covar_samp", CovarianceSample),
        pair("corr", Correlation),
    ],
    &bits("bit_and", BitOperator::And),
    &bits("bit_or", BitOperator::Or),
    &bits("bit_xor", BitOperator::Xor),
    &spread("var_pop", VariancePopulation),
    &spread("var_samp", VarianceSample),
    &spread("variance", VarianceSample),
    &spread("stddev_pop", DeviationPopulation),
    &spread("stddev_samp", DeviationSample),
    &spread("stddev", DeviationSample),
];

/// Also true of those that PostgreSQL has and Offtake refuses.
pub(super) fn exists(name: &str) -> bool {
    let listed = TABLES.iter().copied().flatten().any(|candidate| candidate.entry.name == name);
    listed
        || matches!(
            name,
            "count"
                | "min"
                | "max"
                | "array_agg"
                | "any_value"
                | "json_agg"
                | "jsonb_agg"
                | "json_object_agg"
                | "jsonb_object_agg"
                | "mode"
                | "percentile_disc"
        )
        || refused::is_aggregate(name)
}

pub(super) fn resolve(name: &str, args: &[Option<Type>]) -> Result<ResolvedAggregate, ResolveError> {
    let described = || format!("{name}({})", ArgumentTypes(args));
    match (name, args) {
        ("count", []) => return Ok(resolved(AggregateFunction::CountStar, None)),
        ("count", [arg]) => return Ok(resolved(AggregateFunction::Count, Some(arg.unwrap_or(Text)))),
        ("min", [arg]) => return ordered(AggregateFunction::Min, *arg, &described),
        ("max", [arg]) => return ordered(AggregateFunction::Max, *arg, &described),
        ("any_value", [arg]) => {
            return Ok(resolved(AggregateFunction::AnyValue, Some(arg.unwrap_or(Text))));
        }
        // PostgreSQL has one for arrays and one for all else.
        ("array_agg", [None]) => return Err(ResolveError::AmbiguousFunction(described())),
        ("array_agg", [Some(arg)]) => return array_agg(*arg),
        ("json_agg", [arg]) => return json_agg(Form::Json, *arg),
        ("jsonb_agg", [arg]) => return json_agg(Form::Jsonb, *arg),
        ("json_object_agg", [key, value]) => return json_object_agg(name, Form::Json, [*key, *value]),
        ("jsonb_object_agg", [key, value]) => return json_object_agg(name, Form::Jsonb, [*key, *value]),
        ("mode", [Some(arg)]) => return sorted(AggregateFunction::Mode, &[], *arg),
        ("percentile_disc", [fraction, Some(arg)]) => {
            let many = fraction.is_some_and(|ty| ty.element().is_some());
            let taken = if many { FLOATS } else { Float8 };
            if fraction.is_some_and(|ty| context(ty, taken) != Some(CastContext::Implicit)) {
                return Err(ResolveError::NoFunction(described()));
            }
            let function = AggregateFunction::Percentile { of: Percentile::Discrete, many };
            return sorted(function, &[taken], *arg);
        }
        ("mode", [None]) | ("percentile_disc", [_, None]) => return Err(ResolveError::Undetermined),
        _ => {}
    }
    let candidates: Vec<&Candidate> =
        TABLES.iter().copied().flatten().filter(|candidate| candidate.entry.name == name).collect();
    let entries: Vec<&Entry> = candidates.iter().map(|candidate| &candidate.entry).collect();
    match choose_function(&entries, args) {
        Choice::One(entry) => {
            let function = candidates.iter().find(|candidate| std::ptr::eq(&candidate.entry, entry));
            match function {
                Some(candidate) => Ok(ResolvedAggregate {
                    function: candidate.function,
                    args: entry.args.to_vec(),
                    result: entry.result,
                }),
                None => Err(ResolveError::NoFunction(described())),
            }
        }
        Choice::Ambiguous => Err(ResolveError::AmbiguousFunction(described())),
        Choice::None => match refused::aggregate_name(name) {
            Some(error) if candidates.is_empty() => Err(error),
            _ => Err(ResolveError::NoFunction(described())),
        },
    }
}

fn resolved(function: AggregateFunction, arg: Option<Type>) -> ResolvedAggregate {
    ResolvedAggregate { function, args: arg.into_iter().collect(), result: function.result_type(arg) }
}

/// An ordered-set function over values of any type that has an order: the direct arguments' types and the values'.
fn sorted(
    function: AggregateFunction,
    direct: &[Type],
    values: Type,
) -> Result<ResolvedAggregate, ResolveError> {
    let many = matches!(function, AggregateFunction::Percentile { many: true, .. });
    if !values.has_order() || (many && values.array().is_none()) {
        return Err(ResolveError::Refused {
            what: format!("{function} of {values}"),
            remedy: "cast the values to text".to_owned(),
        });
    }
    let args = direct.iter().copied().chain([values.base()]).collect();
    Ok(ResolvedAggregate { function, args, result: function.result_type(Some(values.base())) })
}

fn json_agg(form: Form, arg: Option<Type>) -> Result<ResolvedAggregate, ResolveError> {
    let arg = arg.ok_or(ResolveError::Undetermined)?.base();
    if json::is_named(arg) {
        return Err(json::named_object());
    }
    Ok(resolved(AggregateFunction::JsonAgg(form, arg), Some(arg)))
}

fn json_object_agg(
    name: &str,
    form: Form,
    args: [Option<Type>; 2],
) -> Result<ResolvedAggregate, ResolveError> {
    let [key, value] = args.map(|arg| arg.unwrap_or(Text).base());
    if matches!(key, Type::Json | Type::Jsonb) || key.element().is_some() {
        return Err(ResolveError::Refused {
            what: format!("a key of {name} that is json or an array"),
            remedy: "PostgreSQL refuses it too; take a text with ->> or #>>".to_owned(),
        });
    }
    if json::is_named(key) || json::is_named(value) {
        return Err(json::named_object());
    }
    let function = AggregateFunction::JsonObjectAgg { form, key, value };
    Ok(ResolvedAggregate { function, args: vec![key, value], result: function.result_type(None) })
}

fn array_agg(arg: Type) -> Result<ResolvedAggregate, ResolveError> {
    let arg = arg.base();
    match arg {
        Type::Array(_) => Ok(resolved(AggregateFunction::ArrayAggArrays(arg), Some(arg))),
        _ if arg.array().is_some() => Ok(resolved(AggregateFunction::ArrayAgg(arg), Some(arg))),
        _ => Err(ResolveError::Refused {
            what: format!("array_agg({arg})"),
            remedy: "cast the values to text".to_owned(),
        }),
    }
}

fn ordered(
    function: fn(Blanks) -> AggregateFunction,
    arg: Option<Type>,
    described: &impl Fn() -> String,
) -> Result<ResolvedAggregate, ResolveError> {
    let arg = arg.unwrap_or(Text).base();
    let ty = match arg {
        Type::Varchar(_) | Type::Name | Type::Char => Text,
        Type::Regclass | Type::Regtype | Type::Regproc | Type::Regnamespace | Type::Regrole => Type::Oid,
        Int2
        | Int4
        | Int8
        | Float4
        | Float8
        | NUMERIC
        | Text
        | Type::Bpchar(_)
        | Type::Date
        | Type::Time
        | Type::Timestamp
        | Type::Timestamptz
        | Interval
        | Type::Oid
        | Type::Int2Vector
        | Type::OidVector => arg,
        Type::Array(_) if arg.has_order() => arg,
        // PostgreSQL has no min and max of these.
        Bool
        | Type::Numeric(Some(_))
        | Type::Uuid
        | Bytea
        | Type::Json
        | Type::Jsonb
        | Type::Xid
        | Type::PgNodeTree
        | Type::AclItem
        | Type::Array(_) => return Err(ResolveError::NoFunction(described())),
    };
    Ok(resolved(function(Blanks::of(ty)), Some(ty)))
}
