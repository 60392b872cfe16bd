//! Functions about the catalog's objects. What they answer depends on what there is, so they are not on a list here: whoever knows the
//! catalog gives them, each as an expression over its arguments that takes its place in a plan.

use std::fmt;

use offtake_row::{Column, Row, Type};

use super::{
    ArgumentTypes, ResolveError,
    resolve::{Choice, Entry, choose_function},
};
use crate::{node::CollectionId, scalar::Scalar};

/// One function of a catalog: its name, what it takes and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// In lower case, without schema. A cast between a type of names (`regclass`, …) and `text` is a function with the name of the type
    /// that it makes.
    pub name: &'static str,
    pub args: &'static [Type],
    pub result: Type,
    /// Whether the answers hold for as long as the catalog and the search path stay what they are; if not, for one statement only.
    pub lasting: bool,
}

/// The functions over one state of a catalog, for one session.
pub trait CatalogFunctions: fmt::Debug + Send + Sync {
    /// All there are.
    fn signatures(&self) -> &'static [Signature];

    /// What the function computes, over its arguments as columns: argument `i` is [`Scalar::Column`]`(i)`. `None`: there is no such
    /// function.
    fn body(&self, signature: &Signature) -> Option<Scalar>;

    /// Columns of a relation that `*` leaves out and that hold one value in all its rows: `tableoid`, `xmin`.
    fn system_columns(&self, relation: CollectionId) -> Vec<SystemColumn>;

    /// The functions in FROM: each stands for the rows of a collection, whatever its arguments are.
    fn collections(&self) -> Vec<CollectionFunction>;
}

/// See [`CatalogFunctions::system_columns`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemColumn {
    pub name: &'static str,
    pub ty: Type,
    /// A row of one datum.
    pub value: Row,
}

/// A function of a catalog that answers rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionFunction {
    pub name: &'static str,
    pub args: &'static [Type],
    pub collection: CollectionId,
    pub columns: Vec<Column>,
}

/// Resolves a call among the functions of a catalog, by the rules for all functions.
///
/// # Errors
/// [`ResolveError::NoFunction`] and [`ResolveError::AmbiguousFunction`].
pub fn catalog_function<'s>(
    signatures: &'s [Signature],
    name: &str,
    args: &[Option<Type>],
) -> Result<&'s Signature, ResolveError> {
    let named: Vec<&Signature> = signatures.iter().filter(|signature| signature.name == name).collect();
    let entries: Vec<Entry> = named
        .iter()
        .map(|signature| Entry {
            name: signature.name,
            args: signature.args,
            result: signature.result,
            func: None,
        })
        .collect();
    let entries: Vec<&Entry> = entries.iter().collect();
    let described = || format!("{name}({})", ArgumentTypes(args));
    match choose_function(&entries, args) {
        Choice::One(chosen) => entries
            .iter()
            .position(|entry| std::ptr::eq(*entry, chosen))
            .and_then(|at| named.get(at).copied())
            .ok_or_else(|| ResolveError::NoFunction(described())),
        Choice::Ambiguous => Err(ResolveError::AmbiguousFunction(described())),
        Choice::None => Err(ResolveError::NoFunction(described())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_resolved_by_the_rules_for_all_functions() {
        const fn of(args: &'static [Type]) -> Signature {
            Signature { name: "f", args, result: Type::Text, lasting: true }
        }
        let signatures = [of(&[Type::Int8]), of(&[Type::Text]), of(&[Type::Text, Type::Bool])];
        let chosen = |args: &[Option<Type>]| catalog_function(&signatures, "f", args).map(|found| found.args);
        assert_eq!(chosen(&[Some(Type::Int2)]), Ok(signatures[0].args));
        assert_eq!(chosen(&[None]), Ok(signatures[1].args));
        assert_eq!(chosen(&[Some(Type::Varchar(None)), None]), Ok(signatures[2].args));
        assert_eq!(chosen(&[Some(Type::Bool)]), Err(ResolveError::NoFunction("f(boolean)".to_owned())));
        assert!(catalog_function(&signatures, "g", &[None]).is_err());
    }
}
