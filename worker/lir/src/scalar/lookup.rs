//! Functions that are known by their answers: a table from arguments to results, made by whoever knows the facts (which relations there
//! are, what they are called). Here they are only looked up.

use std::hash;

use offtake_row::{Datum, Row, Type, text};
use serde::{Deserialize, Serialize};

use super::{Scalar, eval::Value};
use crate::{
    arena::Arena,
    error::{EvalError, SqlState},
};

/// A function by its answers. Strict: it answers NULL when an argument is NULL.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lookup {
    name: String,
    /// The arguments' types: what they are printed by.
    types: Vec<Type>,
    /// Arguments, and a row of one datum: the answer. In the order of the arguments' bytes.
    answers: Vec<(Row, Row)>,
    otherwise: Otherwise,
}

/// What arguments get that are not in the table.
///
/// In a text `{0}`, `{1}`, … stand for the arguments' texts, and `{}` for all of them with dots between, without those that are empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Otherwise {
    /// Always this: a row of one datum.
    Value(Row),
    Text(String),
    Error {
        code: SqlState,
        message: String,
    },
}

impl Otherwise {
    /// NULL for whatever is not in the table.
    pub fn null() -> Otherwise {
        Otherwise::Value(Row::pack([Datum::Null]))
    }
}

impl Lookup {
    /// `name` is what EXPLAIN prints. Of two answers for the same arguments the first one counts.
    pub fn new(
        name: impl Into<String>,
        types: Vec<Type>,
        answers: impl IntoIterator<Item = (Row, Row)>,
        otherwise: Otherwise,
    ) -> Lookup {
        let mut answers: Vec<(Row, Row)> = answers.into_iter().collect();
        answers.sort_by(|(left, _), (right, _)| left.cmp(right));
        answers.dedup_by(|(later, _), (earlier, _)| later == earlier);
        Lookup { name: name.into(), types, answers, otherwise }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The answer to these arguments, NULLs included.
    ///
    /// # Errors
    /// What [`Otherwise::Error`] says, for arguments that are not in the table.
    pub fn answer<'a>(&'a self, args: &[Datum<'_>], arena: &'a Arena) -> Value<'a> {
        if args.iter().any(|arg| arg.is_null()) {
            return Ok(Datum::Null);
        }
        let key = Row::pack(args.iter().copied());
        if let Ok(at) = self.answers.binary_search_by(|(known, _)| known.cmp(&key)) {
            return Ok(self.answers[at].1.datum(0));
        }
        match &self.otherwise {
            Otherwise::Value(value) => Ok(value.datum(0)),
            Otherwise::Text(template) => Ok(Datum::Text(arena.text(&self.filled(template, args)))),
            Otherwise::Error { code, message } => Err(EvalError::new(*code, self.filled(message, args))),
        }
    }

    fn filled(&self, template: &str, args: &[Datum<'_>]) -> String {
        let texts: Vec<String> = self
            .types
            .iter()
            .zip(args)
            .map(|(ty, arg)| {
                let mut printed = String::new();
                text::write(*ty, *arg, &mut printed);
                printed
            })
            .collect();
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let (place, after) = after.split_once('}').unwrap_or((after, ""));
            match place.parse::<usize>() {
                Ok(index) => filled.push_str(texts.get(index).map_or("", String::as_str)),
                Err(_) => {
                    let named: Vec<&str> =
                        texts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
                    filled.push_str(&named.join("."));
                }
            }
            rest = after;
        }
        filled + rest
    }

    pub(super) fn eval<'a>(&'a self, args: &'a [Scalar], row: &[Datum<'a>], arena: &'a Arena) -> Value<'a> {
        let args: Vec<Datum<'a>> = args.iter().map(|arg| arg.eval(row, arena)).collect::<Result<_, _>>()?;
        self.answer(&args, arena)
    }
}

/// Tables are large and made once for each state of what they tell of, so that nearly always the first look decides.
impl PartialEq for Lookup {
    fn eq(&self, other: &Lookup) -> bool {
        std::ptr::eq(self, other)
            || (self.name == other.name
                && self.types == other.types
                && self.otherwise == other.otherwise
                && self.answers == other.answers)
    }
}

impl Eq for Lookup {}

impl hash::Hash for Lookup {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.types.hash(state);
        self.otherwise.hash(state);
        self.answers.len().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn call(lookup: &Arc<Lookup>, args: [Datum<'_>; 2]) -> Result<String, EvalError> {
        let types = [Type::Text, Type::Int4];
        let args = args.into_iter().zip(types).map(|(arg, ty)| Scalar::literal(arg, ty)).collect();
        let scalar = Scalar::Lookup { lookup: lookup.clone(), args };
        let arena = Arena::new();
        scalar.eval(&[], &arena).map(|datum| format!("{datum:?}"))
    }

    #[test]
    fn arguments_are_looked_up_and_shown_where_they_are_unknown() {
        let key = |schema: &'static str, number| Row::pack([Datum::Text(schema), Datum::Int(number)]);
        let answers =
            [(key("a", 2), Row::pack([Datum::Text("two")])), (key("a", 1), Row::pack([Datum::Null]))];
        let of =
            |otherwise| Arc::new(Lookup::new("f", vec![Type::Text, Type::Int4], answers.clone(), otherwise));
        let texts = of(Otherwise::Text("<{}>".to_owned()));
        let shown = |text: &str| Ok(format!("{:?}", Datum::Text(text)));
        assert_eq!(call(&texts, [Datum::Text("a"), Datum::Int(2)]), shown("two"));
        assert_eq!(call(&texts, [Datum::Text("a"), Datum::Int(1)]), Ok("Null".to_owned()));
        assert_eq!(call(&texts, [Datum::Text("a"), Datum::Int(3)]), shown("<a.3>"));
        assert_eq!(call(&texts, [Datum::Text(""), Datum::Int(-3)]), shown("<-3>"));
        assert_eq!(call(&texts, [Datum::Null, Datum::Int(1)]), Ok("Null".to_owned()));
        let code = SqlState(*b"42P01");
        let error = of(Otherwise::Error { code, message: "no \"{1}\" of {0}".to_owned() });
        assert_eq!(
            call(&error, [Datum::Text("b"), Datum::Int(1)]),
            Err(EvalError::new(code, "no \"1\" of b"))
        );
        assert_eq!(call(&of(Otherwise::null()), [Datum::Text("b"), Datum::Int(1)]), Ok("Null".to_owned()));

        let scalar = Scalar::Lookup { lookup: texts, args: vec![Scalar::Column(0), Scalar::Column(1)] };
        assert_eq!(scalar.to_string(), "f(#0, #1)");
        let read: Scalar =
            serde_json::from_str(&serde_json::to_string(&scalar).expect("writes")).expect("reads");
        assert_eq!(read, scalar);
    }
}
