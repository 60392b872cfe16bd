//! Expressions with what is known of their types.

use offtake_lir::Scalar;
use offtake_row::Type;

/// An expression whose type is settled.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(super) scalar: Scalar,
    pub(super) ty: Type,
    pub(super) nullable: bool,
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

impl Typed {
    pub(super) fn known(scalar: Scalar, ty: Type, nullable: bool) -> Typed {
        Typed::Known(Known { scalar, ty, nullable })
    }

    pub(super) fn nullable(&self) -> bool {
        match self {
            Typed::Known(known) => known.nullable,
            Typed::Unknown(text) => text.is_none(),
            Typed::Parameter(_) => true,
        }
    }

    /// The same expression where its columns stand `shift` further on.
    pub(super) fn shifted(mut self, shift: usize) -> Typed {
        if let Typed::Known(known) = &mut self {
            known.scalar.remap(&|column| column + shift);
        }
        self
    }
}
