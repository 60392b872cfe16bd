//! Groups: what they are told apart by, and what of their keys is shown.

use offtake_lir::{Aggregate, AggregateFunction, Blanks, Scalar};
use offtake_row::Type;

use super::{
    Level,
    typed::{Known, Typed},
};
use crate::optimise::{Block, Leaf, Predicate};

/// Whether equal values of `ty` are written in one way. They are not where scale, sign or blanks do not count: `1.0 = 1.00`.
pub(super) fn has_one_form(ty: Type) -> bool {
    !matches!(ty, Type::Numeric(None) | Type::Float4 | Type::Float8 | Type::Bpchar(None))
}

/// Groups by `keys`. The columns are the keys', then the aggregates' with the type and nullability of each.
///
/// Groups are told apart by the canonical form of a key. Where a key's type has others, one of the group's own is shown, as PostgreSQL
/// shows that of the group's first row: `20.00`, where all are `20.00`.
pub(super) fn by(
    leaves: Vec<Leaf>,
    predicates: Vec<Predicate>,
    keys: Vec<Known>,
    aggregates: Vec<(Aggregate, Type, bool)>,
) -> Level {
    let mut columns = Vec::with_capacity(keys.len() + aggregates.len());
    let (mut key, mut shown, mut forms) = (Vec::new(), Vec::new(), Vec::new());
    let end = keys.len() + aggregates.len();
    for (position, Known { scalar, ty, nullable }) in keys.into_iter().enumerate() {
        // A constant is the same in every row, whatever its form.
        let (column, canonical) = if has_one_form(ty) || scalar.is_literal() {
            (position, scalar)
        } else {
            forms.push(form(scalar.clone(), ty));
            (end + forms.len() - 1, scalar.group_key(ty))
        };
        key.push(canonical);
        shown.push(column);
        columns.push(Typed::known(Scalar::Column(column), ty, nullable));
    }
    let mut all = Vec::with_capacity(aggregates.len() + forms.len());
    for (aggregate, ty, nullable) in aggregates {
        columns.push(Typed::known(Scalar::Column(key.len() + all.len()), ty, nullable));
        all.push(aggregate);
    }
    all.append(&mut forms);
    // The block below shows all its columns, and is pruned to those that the keys and aggregates read.
    let arity: usize = leaves.iter().map(Leaf::arity).sum();
    let block = Block { leaves, predicates, outputs: (0..arity).map(Scalar::Column).collect() };
    let leaf = Leaf::Reduce { input: Box::new(block), key, aggregates: all, shown };
    Level { leaves: vec![leaf], predicates: Vec::new(), columns }
}

/// Of a group's forms the shortest: of the smallest scale, without a sign at zero, with the fewest blanks. It is the same in whatever
/// order the rows come.
fn form(scalar: Scalar, ty: Type) -> Aggregate {
    Aggregate {
        function: AggregateFunction::Min(Blanks::of(ty)),
        arg: Some(scalar),
        filter: None,
        distinct: false,
    }
}
