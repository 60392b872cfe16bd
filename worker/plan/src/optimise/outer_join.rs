//! Outer joins that are none: a filter above drops the rows that they would fill with NULLs.

use offtake_lir::{Func, JoinKind, Scalar};

use crate::rel::{Predicate, Rel};

/// Left joins under filters that are not true of NULLs of their right side become inner joins.
pub(super) fn simplified(mut rel: Rel) -> Rel {
    if let Rel::Filter { input, predicates } = &mut rel {
        simplify(input, predicates);
    }
    for input in rel.inputs_mut() {
        let below = std::mem::replace(input, Rel::nothing(0));
        *input = simplified(below);
    }
    rel
}

fn simplify(rel: &mut Rel, predicates: &[Predicate]) {
    match rel {
        Rel::Join { kind, left, right, .. } => {
            let shift = left.arity();
            let end = shift + right.arity();
            if *kind == JoinKind::Left
                && predicates.iter().any(|predicate| rejects(&predicate.scalar, &(shift..end)))
            {
                *kind = JoinKind::Inner;
            }
            if matches!(kind, JoinKind::Inner | JoinKind::Left) {
                simplify(left, predicates);
            }
        }
        Rel::Filter { input, .. } => simplify(input, predicates),
        _ => {}
    }
}

/// Whether a condition is not true where all these columns are NULL.
fn rejects(scalar: &Scalar, columns: &std::ops::Range<usize>) -> bool {
    match scalar {
        Scalar::And(operands) => operands.iter().any(|operand| rejects(operand, columns)),
        Scalar::Or(operands) => operands.iter().all(|operand| rejects(operand, columns)),
        Scalar::Call { func: Func::IsTrue | Func::IsFalse, args } => {
            args.iter().any(|arg| is_null(arg, columns))
        }
        Scalar::Call { func: Func::IsNotNull, args } => args.iter().any(|arg| is_null(arg, columns)),
        other => is_null(other, columns),
    }
}

/// Whether an expression is NULL where all these columns are.
fn is_null(scalar: &Scalar, columns: &std::ops::Range<usize>) -> bool {
    match scalar {
        Scalar::Column(column) => columns.contains(column),
        Scalar::Call { func, args } => func.is_strict() && args.iter().any(|arg| is_null(arg, columns)),
        _ => false,
    }
}
