//! Conversions: how an expression gets the type that its use asks for.

use offtake_lir::{
    EvalError, Scalar,
    functions::{self, CastContext, ResolveError},
};
use offtake_row::Type;

use super::{
    Binder,
    typed::{Known, Typed},
};
use crate::error::PlanError;

/// SQLSTATEs that constants of a statement can raise, for [`PlanError::sqlstate`] is static.
const STATES: &[&str] = &[
    "0A000", "22000", "22001", "22003", "22007", "22008", "22009", "2200F", "2200G", "22011", "22012",
    "22019", "2201E", "2201F", "22021", "22023", "22025", "22P01", "22P02", "22P03", "22P05", "42804",
    "42846", "42883", "54000", "XX000",
];

/// A constant of the statement has no value.
pub(crate) fn no_value(error: &EvalError) -> PlanError {
    let state = STATES.iter().find(|state| **state == error.code.as_str()).copied().unwrap_or("22000");
    PlanError::new(state, error.message.clone())
}

pub(super) fn unresolved(error: ResolveError) -> PlanError {
    let hint = error.hint();
    match error {
        ResolveError::Refused { what, remedy } => {
            PlanError::new("0A000", format!("{what} is not kept by Offtake")).hint(remedy)
        }
        other => PlanError::new(other.sqlstate(), other.to_string()).hint(hint.unwrap_or_default()),
    }
}

/// Names the construct whose branches do not go together, as PostgreSQL does.
pub(super) fn no_common_type(error: ResolveError, what: &str) -> PlanError {
    match error {
        ResolveError::NoCommonType(a, b) => {
            PlanError::new("42804", format!("{what} types {} and {} cannot be matched", a.base(), b.base()))
                .hint("Add an explicit cast.")
        }
        other => unresolved(other),
    }
}

pub(super) fn needs_equality(ty: Type) -> Result<(), PlanError> {
    if functions::has_equality(ty) {
        return Ok(());
    }
    Err(PlanError::new("42883", format!("could not identify an equality operator for type {ty}"))
        .hint("cast the value to text to compare it as text"))
}

impl Binder<'_> {
    /// The expression's type, if it is known by now.
    pub(super) fn type_of(&self, typed: &Typed) -> Option<Type> {
        match typed {
            Typed::Known(known) => Some(known.ty),
            Typed::Unknown(_) => None,
            Typed::Parameter(index) => self.parameters.get(*index).copied().flatten(),
        }
    }

    /// The expression as one of type `ty`, to which it can be cast (a literal: if it reads as one).
    pub(super) fn convert(&mut self, typed: Typed, ty: Type) -> Result<Scalar, PlanError> {
        match typed {
            Typed::Known(known) if known.ty == ty => Ok(known.scalar),
            Typed::Known(known) => Ok(functions::apply_cast(known.scalar, known.ty, ty)),
            Typed::Unknown(None) => Ok(Scalar::null(ty)),
            Typed::Unknown(Some(text)) if ty.is_object() && text.parse::<u32>().is_err() => {
                match self.object_cast(&Typed::Unknown(Some(text.clone())), ty)? {
                    Some(scalar) => Ok(scalar),
                    None => functions::literal(&text, ty).map_err(|error| no_value(&error)),
                }
            }
            Typed::Unknown(Some(text)) => functions::literal(&text, ty).map_err(|error| no_value(&error)),
            Typed::Parameter(index) => {
                let known = self.parameter(index, ty);
                Ok(if known.ty == ty {
                    known.scalar
                } else {
                    functions::apply_cast(known.scalar, known.ty, ty)
                })
            }
        }
    }

    /// The expression with its type; text if there is no other.
    pub(super) fn settle(&mut self, typed: Typed) -> Result<Known, PlanError> {
        match typed {
            Typed::Known(known) => Ok(known),
            Typed::Parameter(index) => Ok(self.parameter(index, Type::Text)),
            Typed::Unknown(text) => {
                let nullable = text.is_none();
                let scalar = self.convert(Typed::Unknown(text), Type::Text)?;
                Ok(Known::new(scalar, Type::Text, nullable))
            }
        }
    }

    /// A parameter, of type `ty` unless it has one already.
    fn parameter(&mut self, index: usize, ty: Type) -> Known {
        if self.parameters.len() <= index {
            self.parameters.resize(index + 1, None);
        }
        let ty = *self.parameters[index].get_or_insert(ty.base());
        Known::new(Scalar::Parameter { index, ty }, ty, true)
    }

    pub(super) fn cast(&mut self, typed: Typed, ty: Type, context: CastContext) -> Result<Scalar, PlanError> {
        if let Some(scalar) = self.object_cast(&typed, ty)? {
            return Ok(scalar);
        }
        if let Some(from) = self.type_of(&typed) {
            functions::cast(from, ty, context).map_err(unresolved)?;
        } else if matches!((&typed, ty), (Typed::Unknown(Some(_)), Type::Json | Type::Jsonb)) {
            functions::cast(Type::Text, ty, context).map_err(unresolved)?;
        }
        self.convert(typed, ty)
    }

    /// The expression as a condition of `clause`.
    pub(super) fn truth(&mut self, typed: Typed, clause: &str) -> Result<Scalar, PlanError> {
        match self.type_of(&typed) {
            None | Some(Type::Bool) => self.convert(typed, Type::Bool),
            Some(ty) => {
                let message = format!("argument of {clause} must be type boolean, not type {}", ty.base());
                Err(PlanError::new("42804", message))
            }
        }
    }

    /// The expressions as their common type.
    pub(super) fn common(&mut self, typed: Vec<Typed>, what: &str) -> Result<(Vec<Scalar>, Type), PlanError> {
        let types: Vec<Option<Type>> = typed.iter().map(|typed| self.type_of(typed)).collect();
        let ty = functions::common_type(&types).map_err(|error| no_common_type(error, what))?;
        let scalars = typed.into_iter().map(|typed| self.convert(typed, ty)).collect::<Result<_, _>>()?;
        Ok((scalars, ty))
    }
}
