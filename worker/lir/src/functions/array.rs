//! Functions and operators of arrays of any type, and the constructs of SQL that arrays have: `ARRAY[…]`, subscripts, ANY and ALL.
//!
//! Their arguments are polymorphic. As in PostgreSQL (documentation 38.2.5) there are two families: `anyarray` takes arrays of one type as
//! they are; `anycompatiblearray` and `anycompatible` take arrays and elements that have a common type, to which all are cast. An `int2vector`
//! or `oidvector` is an array to them. A literal of unknown type is what the others make it.

use offtake_row::{
    Element,
    Type::{self, Int4, Text},
};

use super::{ArgumentTypes, ResolveError, Resolved, common_type, comparable, conversion, operator};
use crate::{
    compare::Blanks,
    scalar::{ArrayFunc, Bounds, Func, Test},
};

/// What a parameter takes.
#[derive(Clone, Copy, PartialEq)]
enum Slot {
    /// `anyarray`.
    Array,
    /// `anycompatiblearray`.
    Compatible,
    /// `anycompatible`: an element.
    Member,
    Plain(Type),
}

/// What a call answers.
#[derive(Clone, Copy)]
enum Answer {
    /// The array's own type.
    Same,
    Plain(Type),
}

/// What a function is computed by, given its elements' type.
#[derive(Clone, Copy)]
enum Make {
    Plain(ArrayFunc),
    /// Compares elements for equality.
    Equal(fn(Blanks) -> ArrayFunc),
    /// Prints elements.
    Shown(fn(Element) -> ArrayFunc),
}

struct Signature {
    name: &'static str,
    args: &'static [Slot],
    answer: Answer,
    make: Make,
}

const fn function(name: &'static str, args: &'static [Slot], answer: Answer, make: Make) -> Signature {
    Signature { name, args, answer, make }
}

const INT: Slot = Slot::Plain(Int4);
const TEXT: Slot = Slot::Plain(Text);
const NUMBER: Answer = Answer::Plain(Int4);
const TEXTS: Answer = Answer::Plain(Type::Array(Element::Text));

const FUNCTIONS: &[Signature] = &[
    function("array_length", &[Slot::Array, INT], NUMBER, Make::Plain(ArrayFunc::Length)),
    function("array_lower", &[Slot::Array, INT], NUMBER, Make::Plain(ArrayFunc::Lower)),
    function("array_upper", &[Slot::Array, INT], NUMBER, Make::Plain(ArrayFunc::Upper)),
    function("array_ndims", &[Slot::Array], NUMBER, Make::Plain(ArrayFunc::Ndims)),
    function("array_dims", &[Slot::Array], Answer::Plain(Text), Make::Plain(ArrayFunc::Dims)),
    function("cardinality", &[Slot::Array], NUMBER, Make::Plain(ArrayFunc::Cardinality)),
    function("trim_array", &[Slot::Array, INT], Answer::Same, Make::Plain(ArrayFunc::Trim)),
    function("array_append", &[Slot::Compatible, Slot::Member], Answer::Same, Make::Plain(ArrayFunc::Append)),
    function(
        "array_prepend",
        &[Slot::Member, Slot::Compatible],
        Answer::Same,
        Make::Plain(ArrayFunc::Prepend),
    ),
    function(
        "array_cat",
        &[Slot::Compatible, Slot::Compatible],
        Answer::Same,
        Make::Plain(ArrayFunc::Concat),
    ),
    function("array_remove", &[Slot::Compatible, Slot::Member], Answer::Same, Make::Equal(ArrayFunc::Remove)),
    function(
        "array_replace",
        &[Slot::Compatible, Slot::Member, Slot::Member],
        Answer::Same,
        Make::Equal(ArrayFunc::Replace),
    ),
    function("array_position", &[Slot::Compatible, Slot::Member], NUMBER, Make::Equal(ArrayFunc::Position)),
    function(
        "array_position",
        &[Slot::Compatible, Slot::Member, INT],
        NUMBER,
        Make::Equal(ArrayFunc::Position),
    ),
    function(
        "array_positions",
        &[Slot::Compatible, Slot::Member],
        Answer::Plain(Type::Array(Element::Int4)),
        Make::Equal(ArrayFunc::Positions),
    ),
    function("array_to_string", &[Slot::Array, TEXT], Answer::Plain(Text), Make::Shown(ArrayFunc::ToText)),
    function(
        "array_to_string",
        &[Slot::Array, TEXT, TEXT],
        Answer::Plain(Text),
        Make::Shown(ArrayFunc::ToText),
    ),
    function("string_to_array", &[TEXT, TEXT], TEXTS, Make::Plain(ArrayFunc::FromText)),
    function("string_to_array", &[TEXT, TEXT, TEXT], TEXTS, Make::Plain(ArrayFunc::FromText)),
];

const OPERATORS: &[Signature] = &[
    function("||", &[Slot::Compatible, Slot::Compatible], Answer::Same, Make::Plain(ArrayFunc::Concat)),
    function("||", &[Slot::Compatible, Slot::Member], Answer::Same, Make::Plain(ArrayFunc::Append)),
    function("||", &[Slot::Member, Slot::Compatible], Answer::Same, Make::Plain(ArrayFunc::Prepend)),
    function("@>", &[Slot::Array, Slot::Array], Answer::Plain(Type::Bool), Make::Equal(ArrayFunc::Contains)),
    function(
        "<@",
        &[Slot::Array, Slot::Array],
        Answer::Plain(Type::Bool),
        Make::Equal(ArrayFunc::IsContained),
    ),
    function("&&", &[Slot::Array, Slot::Array], Answer::Plain(Type::Bool), Make::Equal(ArrayFunc::Overlaps)),
];

/// A function of arrays; `None` if no function of arrays has that name.
pub(super) fn resolve(name: &str, args: &[Option<Type>]) -> Option<Result<Resolved, ResolveError>> {
    if !FUNCTIONS.iter().any(|signature| signature.name == name) {
        return None;
    }
    let missing = || ResolveError::NoFunction(format!("{name}({})", ArgumentTypes(args)));
    Some(chosen(FUNCTIONS, name, args).unwrap_or_else(|| Err(missing())))
}

/// An operator of arrays; `None` where no operand is an array, or none takes them.
pub(super) fn resolve_operator(name: &str, args: &[Option<Type>]) -> Option<Result<Resolved, ResolveError>> {
    let arrays = args.iter().flatten().filter(|ty| ty.element().is_some()).count();
    if arrays == 0 {
        return None;
    }
    // An operand of unknown type is first taken to be of the other's type.
    let assumed: Vec<Option<Type>> = match args {
        [None, Some(ty)] | [Some(ty), None] => vec![Some(*ty); 2],
        _ => args.to_vec(),
    };
    chosen(OPERATORS, name, &assumed)
}

/// The first that fits; `None` if none does.
fn chosen(
    signatures: &[Signature],
    name: &str,
    args: &[Option<Type>],
) -> Option<Result<Resolved, ResolveError>> {
    signatures
        .iter()
        .filter(|signature| signature.name == name && signature.args.len() == args.len())
        .find_map(|signature| signature.matched(args))
}

impl Signature {
    fn matched(&self, args: &[Option<Type>]) -> Option<Result<Resolved, ResolveError>> {
        let pairs = || self.args.iter().copied().zip(args.iter().copied());
        let implicit =
            |from: Type, to: Type| conversion::context(from, to) == Some(conversion::CastContext::Implicit);
        for (slot, arg) in pairs() {
            let fits = match (slot, arg) {
                (_, None) => true,
                (Slot::Array | Slot::Compatible, Some(ty)) => ty.element().is_some(),
                // An array is no element of an array.
                (Slot::Member, Some(ty)) => ty.array().is_some(),
                (Slot::Plain(wanted), Some(ty)) => implicit(ty, wanted),
            };
            if !fits {
                return None;
            }
        }
        let same = |slot: Slot| pairs().filter(move |(of, _)| *of == slot).filter_map(|(_, arg)| arg);
        // The type of what stands for an array: one type as it is, or one that is common.
        let array = if self.args.contains(&Slot::Array) {
            let mut known = same(Slot::Array);
            let first = known.next();
            if known.any(|ty| Some(ty) != first) {
                return None;
            }
            match first {
                Some(first) => Some(first),
                None => return Some(Err(ResolveError::Undetermined)),
            }
        } else if self.args.iter().any(|slot| matches!(slot, Slot::Compatible | Slot::Member)) {
            // In the order of the arguments, on which the choice among strings depends.
            let elements: Vec<Option<Type>> = pairs()
                .filter_map(|(slot, arg)| match slot {
                    Slot::Compatible => arg?.element(),
                    Slot::Member => arg,
                    Slot::Array | Slot::Plain(_) => None,
                })
                .map(Some)
                .collect();
            let common = common_type(&elements).ok()?.base();
            Some(common.array()?)
        } else {
            None
        };
        if let (Make::Plain(ArrayFunc::Trim), Some(vector @ (Type::Int2Vector | Type::OidVector))) =
            (self.make, array)
        {
            return Some(Err(of_vectors(format!("function trim_array of {vector}"))));
        }
        let element = array.and_then(Type::element).unwrap_or(Text);
        let func = match self.make {
            Make::Plain(func) => func,
            Make::Equal(make) => {
                if let Err(error) = comparable(element, false) {
                    return Some(Err(error));
                }
                make(Blanks::of(element))
            }
            Make::Shown(make) => make(Element::of(element)?),
        };
        let types = self.args.iter().map(|slot| match slot {
            Slot::Array | Slot::Compatible => array.unwrap_or(Text),
            Slot::Member => element,
            Slot::Plain(ty) => *ty,
        });
        Some(Ok(Resolved {
            func: Func::Array(func),
            args: types.collect(),
            result: match self.answer {
                Answer::Same => array.unwrap_or(Text),
                Answer::Plain(ty) => ty,
            },
        }))
    }
}

fn of_vectors(what: String) -> ResolveError {
    ResolveError::Refused { what, remedy: "cast the vector to an array of its elements' type".to_owned() }
}

/// `ARRAY[…]` of expressions of these types, at least one. Of arrays it is an array of one dimension more.
///
/// # Errors
/// [`ResolveError::NoCommonType`] and its like; [`ResolveError::NoArrayType`].
pub fn array_constructor(elements: &[Option<Type>]) -> Result<Resolved, ResolveError> {
    let common = common_type(elements)?.base();
    if matches!(common, Type::Int2Vector | Type::OidVector) {
        return Err(of_vectors(format!("an array of {common}")));
    }
    if common.element().is_some() {
        let func = Func::Array(ArrayFunc::Nest);
        return Ok(Resolved { func, args: vec![common; elements.len()], result: common });
    }
    let array = common.array().ok_or(ResolveError::NoArrayType(common))?;
    let func = Func::Array(ArrayFunc::Make);
    Ok(Resolved { func, args: vec![common; elements.len()], result: array })
}

/// `base[i][j]…` with `count` subscripts: the base, then the subscripts.
///
/// # Errors
/// [`ResolveError::NoSubscripts`]; [`ResolveError::TooManySubscripts`].
pub fn array_subscript(base: Type, count: usize) -> Result<Resolved, ResolveError> {
    let element = base.element().ok_or(ResolveError::NoSubscripts(base))?;
    if count > offtake_row::array::MAX_DIMENSIONS {
        return Err(ResolveError::TooManySubscripts(count));
    }
    let mut args = vec![base.base()];
    args.resize(count + 1, Int4);
    Ok(Resolved { func: Func::Array(ArrayFunc::Subscript), args, result: element })
}

/// `base[i:j]…`: for each subscript, whether its lower and its upper bound are given. The arguments are the base, then the bounds that are
/// given, in their order. A subscript without a colon among others that have one is a slice from 1.
///
/// # Errors
/// As [`array_subscript`].
pub fn array_slice(base: Type, subscripts: &[(bool, bool)]) -> Result<Resolved, ResolveError> {
    let element = base.element().ok_or(ResolveError::NoSubscripts(base))?;
    let bounds = Bounds::new(subscripts).ok_or(ResolveError::TooManySubscripts(subscripts.len()))?;
    let given =
        subscripts.iter().map(|(lower, upper)| usize::from(*lower) + usize::from(*upper)).sum::<usize>();
    // PostgreSQL answers a slice of a vector as an array.
    let result = element.array().unwrap_or(base);
    let mut args = vec![base.base()];
    args.resize(given + 1, Int4);
    Ok(Resolved { func: Func::Array(ArrayFunc::Slice(bounds)), args, result })
}

/// `left name ANY (right)`, or ALL: the value, then the array. The operator is resolved between the value and an element.
///
/// # Errors
/// Those of [`operator`]; [`ResolveError::NotAnArray`]; [`ResolveError::NotATest`]; a refusal for operators that are not kept with arrays.
pub fn quantified(
    name: &str,
    all: bool,
    left: Option<Type>,
    right: Option<Type>,
) -> Result<Resolved, ResolveError> {
    let element = match right {
        None => None,
        Some(array) => Some(array.element().ok_or(ResolveError::NotAnArray)?),
    };
    let resolved = operator(name, &[left, element])?;
    if resolved.result != Type::Bool {
        return Err(ResolveError::NotATest);
    }
    let ([value, of], Some(test)) = (resolved.args.as_slice(), Test::of(resolved.func)) else {
        return Err(ResolveError::Refused {
            what: format!("operator {name} with {}", if all { "ALL" } else { "ANY" }),
            remedy: "write the tests one by one, with AND or OR between them".to_owned(),
        });
    };
    let array = of.array().ok_or(ResolveError::NoArrayType(*of))?;
    let func = Func::Array(if all { ArrayFunc::All(test) } else { ArrayFunc::Any(test) });
    Ok(Resolved { func, args: vec![*value, array], result: Type::Bool })
}
