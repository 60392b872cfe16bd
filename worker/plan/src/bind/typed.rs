//! Expressions with what is known of their types.

use offtake_lir::{CollectionId, Scalar};
use offtake_row::Type;

/// Where a value comes from, unchanged: a relation's column.
pub(crate) type Origin = (CollectionId, usize);

/// An expression whose type is settled.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) scalar: Scalar,
    pub(crate) ty: Type,
    pub(crate) nullable: bool,
    pub(crate) origin: Option<Origin>,
}

/// An expression.
#[derive(Clone, Debug)]
pub(crate) enum Typed {
    Known(Known),
    /// A string literal, or NULL, that takes the type its use gives it.
    Unknown(Option<String>),
    /// A parameter (from 0), of which the same is true unless its type is known by now.
    Parameter(usize),
}

impl Known {
    pub(crate) fn new(scalar: Scalar, ty: Type, nullable: bool) -> Known {
        Known { scalar, ty, nullable, origin: None }
    }
}

impl Typed {
    pub(crate) fn known(scalar: Scalar, ty: Type, nullable: bool) -> Typed {
        Typed::Known(Known::new(scalar, ty, nullable))
    }

    pub(crate) fn nullable(&self) -> bool {
        match self {
            Typed::Known(known) => known.nullable,
            Typed::Unknown(text) => text.is_none(),
            Typed::Parameter(_) => true,
        }
    }

    /// The expression, if its type is settled, to be changed.
    pub(crate) fn scalar_mut(&mut self) -> Option<&mut Scalar> {
        match self {
            Typed::Known(known) => Some(&mut known.scalar),
            Typed::Unknown(_) | Typed::Parameter(_) => None,
        }
    }
}
