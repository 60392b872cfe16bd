//! Functions about the catalog's objects, and casts between objects' numbers and names. The session's catalog gives what they compute.

use offtake_lir::{
    Scalar,
    functions::{ResolveError, catalog_function},
};
use offtake_row::{Datum, Type};

use super::{Binder, coerce::unresolved, typed::Typed};
use crate::error::PlanError;

impl Binder<'_> {
    /// A call of a function of the catalog; `None` if there is none of that name.
    pub(super) fn catalog_call(&mut self, name: &str, args: &[Typed]) -> Result<Option<Typed>, PlanError> {
        let Some(catalog) = self.context.session.and_then(|session| session.catalog.clone()) else {
            return Ok(None);
        };
        let signatures = catalog.signatures();
        if !signatures.iter().any(|signature| signature.name == name) {
            return Ok(None);
        }
        let types: Vec<Option<Type>> = args.iter().map(|arg| self.type_of(arg)).collect();
        let signature = catalog_function(signatures, name, &types).map_err(unresolved)?;
        let mut scalars = Vec::with_capacity(args.len());
        for (arg, ty) in args.iter().zip(signature.args) {
            scalars.push(self.convert(arg.clone(), *ty)?);
        }
        let mut body =
            catalog.body(signature).ok_or_else(|| unresolved(ResolveError::NoFunction(name.to_owned())))?;
        body.substitute_columns(&|column| scalars.get(column).cloned().unwrap_or(Scalar::null(Type::Text)));
        self.is_lasting &= signature.lasting;
        let ty = signature.result;
        Ok(Some(Typed::known(body.fold(ty), ty, true)))
    }

    /// An object's number from its name, or its name from its number; `None` if the cast is neither.
    pub(super) fn object_cast(&mut self, typed: &Typed, ty: Type) -> Result<Option<Scalar>, PlanError> {
        let names = |ty: Type| ty.is_object() && ty != Type::Oid;
        let from = match typed {
            Typed::Unknown(Some(text)) if names(ty) && text.parse::<u32>().is_err() => None,
            _ => self.type_of(typed),
        };
        let is_string = |ty: Type| matches!(ty, Type::Text | Type::Varchar(_) | Type::Bpchar(_) | Type::Name);
        let to = match (typed, from) {
            (Typed::Unknown(Some(_)), None) if names(ty) => ty,
            (_, Some(from)) if is_string(from) && names(ty) => ty,
            (_, Some(from)) if names(from) && is_string(ty) => Type::Text,
            _ => return Ok(None),
        };
        let arg = match typed {
            Typed::Unknown(Some(text)) => {
                Typed::known(Scalar::literal(Datum::Text(text), Type::Text), Type::Text, false)
            }
            other => other.clone(),
        };
        match self.catalog_call(&to.name(), &[arg])? {
            Some(Typed::Known(known)) if to == ty => Ok(Some(known.scalar)),
            Some(Typed::Known(known)) => {
                Ok(Some(offtake_lir::functions::apply_cast(known.scalar, Type::Text, ty)))
            }
            _ => Ok(None),
        }
    }
}
