//! Which expressions may have no value for some row.

use offtake_lir::{Func, Scalar, functions::CastContext};
use offtake_row::Datum;

/// Whether an expression may raise an error. What may is not moved to where more rows are than the query has it for.
pub(crate) fn may_fail(scalar: &Scalar) -> bool {
    let own = match scalar {
        // A pattern without escapes is one for every text.
        Scalar::Call { func: Func::Like | Func::NotLike | Func::ILike | Func::NotILike, args } => !matches!(
            args.get(1).and_then(Scalar::as_literal),
            Some(Datum::Text(pattern)) if !pattern.contains('\\')
        ),
        Scalar::Call { func, .. } => call_may_fail(*func),
        Scalar::Column(_)
        | Scalar::Literal { .. }
        | Scalar::Parameter { .. }
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Case { .. }
        | Scalar::Coalesce(_) => false,
        Scalar::Lookup { .. } => true,
    };
    let mut fails = own;
    scalar.for_each_operand(&mut |operand| fails = fails || may_fail(operand));
    fails
}

fn call_may_fail(func: Func) -> bool {
    match func {
        Func::Compare(..)
        | Func::IsDistinct(_)
        | Func::IsNotDistinct(_)
        | Func::NullIf(_)
        | Func::Greatest(_)
        | Func::Least(_)
        | Func::IsNull
        | Func::IsNotNull
        | Func::IsTrue
        | Func::IsNotTrue
        | Func::IsFalse
        | Func::IsNotFalse
        | Func::Not
        | Func::EqualityKey(_)
        | Func::Length
        | Func::LengthTrimmed
        | Func::OctetLength
        | Func::Lower
        | Func::Upper
        | Func::StartsWith
        | Func::Position
        | Func::Trim
        | Func::TrimStart
        | Func::TrimEnd
        | Func::Left
        | Func::Right
        | Func::Extract(_)
        | Func::DatePart(_)
        | Func::DateTrunc => false,
        Func::Cast { from, to } => offtake_lir::functions::cast(from, to, CastContext::Implicit).is_err(),
        _ => true,
    }
}
