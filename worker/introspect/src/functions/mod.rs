//! Functions about the catalog's objects, as expressions over their arguments: mostly tables of answers, which are looked up.

mod argument;
mod comment;
mod definition;
mod name;
mod privilege;
mod server;
mod size;
mod visibility;

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use offtake_lir::{
    CollectionId, EvalError, Func, Lookup, Otherwise, Scalar, SqlState,
    functions::{CatalogFunctions, CollectionFunction, Signature, SystemColumn},
};
use offtake_row::{Datum, Row, Type};

use crate::{catalog::Catalog, moment::Moment};

/// How long answers hold.
const CATALOG: bool = true;
const STATEMENT: bool = false;

/// A function and how its expression is made.
struct Entry {
    signature: Signature,
    body: fn(&Functions, &'static [Type]) -> Scalar,
}

const fn entry(
    name: &'static str,
    args: &'static [Type],
    result: Type,
    lasting: bool,
    body: fn(&Functions, &'static [Type]) -> Scalar,
) -> Entry {
    Entry { signature: Signature { name, args, result, lasting }, body }
}

fn entries() -> impl Iterator<Item = &'static Entry> {
    const PER_TOPIC: [&[Entry]; 7] = [
        argument::ENTRIES,
        comment::ENTRIES,
        definition::ENTRIES,
        name::ENTRIES,
        server::ENTRIES,
        size::ENTRIES,
        visibility::ENTRIES,
    ];
    PER_TOPIC.iter().chain(privilege::ENTRIES).flat_map(|entries| entries.iter())
}

static SIGNATURES: LazyLock<Vec<Signature>> =
    LazyLock::new(|| entries().map(|entry| entry.signature).collect());

/// All functions about the catalog.
pub fn signatures() -> &'static [Signature] {
    &SIGNATURES
}

/// Makes what there is at the moment, when a function asks for it.
pub type Moments = Arc<dyn Fn() -> Arc<Moment> + Send + Sync>;

/// The functions over one state of the catalog, as one session sees it.
#[derive(Clone)]
pub struct Functions {
    catalog: Arc<Catalog>,
    /// Where names are looked for, as the session's setting says.
    search_path: Vec<String>,
    user: String,
    moment: Moments,
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Functions").field("search_path", &self.search_path).finish_non_exhaustive()
    }
}

impl Functions {
    /// `search_path` are the schemas of the session's setting; pg_catalog comes first where it is not among them.
    pub fn new(catalog: Arc<Catalog>, search_path: Vec<String>, user: String, moment: Moments) -> Functions {
        Functions { catalog, search_path, user, moment }
    }

    /// The text form of a value of `regclass` or its like; `None` for other types.
    pub fn shown(&self, ty: Type, number: i64) -> Option<String> {
        let texts = match ty {
            Type::Regclass => name::relation_texts(self),
            Type::Regtype => name::type_texts(self),
            Type::Regproc => name::function_texts(self),
            Type::Regnamespace => name::schema_texts(self),
            Type::Regrole => name::role_texts(self),
            _ => return None,
        };
        let arena = offtake_lir::Arena::new();
        match texts.answer(&[Datum::Int(number)], &arena) {
            Ok(Datum::Text(text)) => Some(text.to_owned()),
            _ => None,
        }
    }

    /// The number of what a text names, as `regclass` or its like; `None` for other types.
    ///
    /// # Errors
    /// PostgreSQL's, for what is not there.
    pub fn number(&self, ty: Type, name: &str) -> Option<Result<i64, EvalError>> {
        let signature = match ty {
            Type::Regclass | Type::Regtype | Type::Regproc | Type::Regnamespace | Type::Regrole => {
                let name = ty.name();
                signatures().iter().find(|known| known.name == name && known.args == [Type::Text])?
            }
            _ => return None,
        };
        let body = self.body(signature)?;
        let arena = offtake_lir::Arena::new();
        Some(body.eval(&[Datum::Text(name)], &arena).map(|datum| match datum {
            Datum::Int(number) => number,
            _ => 0,
        }))
    }

    /// A table of answers that is the same for all sessions.
    fn lookup(&self, name: &'static str, make: impl FnOnce(&Catalog) -> Lookup) -> Arc<Lookup> {
        self.catalog.cache.lookup(name, &[], || make(&self.catalog))
    }

    /// A table of answers that depends on the search path.
    fn lookup_in_path(
        &self,
        name: &'static str,
        make: impl FnOnce(&Catalog, &[String]) -> Lookup,
    ) -> Arc<Lookup> {
        self.catalog.cache.lookup(name, &self.search_path, || make(&self.catalog, &self.search_path))
    }
}

impl CatalogFunctions for Functions {
    fn signatures(&self) -> &'static [Signature] {
        signatures()
    }

    fn body(&self, signature: &Signature) -> Option<Scalar> {
        let entry = entries()
            .find(|entry| entry.signature.name == signature.name && entry.signature.args == signature.args)?;
        Some((entry.body)(self, entry.signature.args))
    }

    fn system_columns(&self, relation: CollectionId) -> Vec<SystemColumn> {
        let Some(oid) = crate::definition::table_oid(relation) else { return Vec::new() };
        // What is data is as old as the database; what is made changes with the catalog.
        let changed = if crate::rows::is_made(relation) { self.catalog.generation } else { 1 };
        vec![
            SystemColumn { name: "tableoid", ty: Type::Oid, value: number(oid) },
            SystemColumn { name: "xmin", ty: Type::Xid, value: number(changed) },
        ]
    }

    fn collections(&self) -> Vec<CollectionFunction> {
        crate::definition::functions_in_from()
    }
}

/// An argument.
fn arg(index: usize) -> Scalar {
    Scalar::Column(index)
}

fn call(func: Func, arg: Scalar) -> Scalar {
    Scalar::call(func, [arg])
}

fn look_up(lookup: Arc<Lookup>, args: impl IntoIterator<Item = Scalar>) -> Scalar {
    Scalar::Lookup { lookup, args: args.into_iter().collect() }
}

/// A row of one number.
fn number(number: impl Into<i64>) -> Row {
    Row::pack([Datum::Int(number.into())])
}

/// A row of one text.
fn text(text: &str) -> Row {
    Row::pack([Datum::Text(text)])
}

/// A row of one truth value.
fn truth(value: bool) -> Row {
    Row::pack([Datum::Bool(value)])
}

fn error(code: &[u8; 5], message: &str) -> Otherwise {
    Otherwise::Error { code: SqlState(*code), message: message.to_owned() }
}

/// NULL for whatever the arguments are.
fn nothing(functions: &Functions, args: &'static [Type]) -> Scalar {
    constant(functions, args, Row::pack([Datum::Null]))
}

/// The same for whatever the arguments are, NULL where one is NULL.
fn constant(_: &Functions, args: &'static [Type], value: Row) -> Scalar {
    let lookup = Lookup::new("constant", args.to_vec(), [], Otherwise::Value(value));
    look_up(Arc::new(lookup), (0..args.len()).map(arg))
}

#[cfg(test)]
mod tests {
    use offtake_lir::Arena;

    use super::*;
    use crate::content::{functions as all_functions, type_entry};

    /// Names, arguments and results are those of PostgreSQL's `pg_proc`, but for casts, which are no functions there.
    #[test]
    fn every_signature_is_postgresqls() {
        for signature in signatures() {
            if signature.args.len() == 1
                && ["text", "regtype", "regproc", "regnamespace", "regrole"].contains(&signature.name)
            {
                continue;
            }
            let same = |oid: u32, ty: Type| {
                // An address is shown as a text.
                oid == ty.oid() || (type_entry(oid).is_some_and(|ty| ty.name == "inet") && ty == Type::Text)
            };
            let found = all_functions().any(|function| {
                function.name == signature.name
                    && function.args.len() == signature.args.len()
                    && function.args.iter().zip(signature.args).all(|(oid, ty)| same(*oid, *ty))
                    && same(function.result, signature.result)
            });
            assert!(found, "{signature:?}");
        }
    }

    #[test]
    fn every_function_answers_null_for_nulls() {
        let moment = Arc::new(Moment::default());
        let functions = Functions::new(
            Catalog::new("offtake", Vec::new(), [], 1),
            vec!["public".to_owned()],
            "offtake".to_owned(),
            Arc::new(move || moment.clone()),
        );
        for signature in signatures().iter().filter(|signature| !signature.args.is_empty()) {
            let body = functions.body(signature).expect("there is a body for each");
            let arena = Arena::new();
            let nulls = vec![Datum::Null; signature.args.len()];
            assert_eq!(body.eval(&nulls, &arena), Ok(Datum::Null), "{signature:?}");
        }
    }
}
