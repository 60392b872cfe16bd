//! Names and types: a parsed query becomes a [`Rel`], in one pass, by PostgreSQL's rules.
//!
//! The room is PostgreSQL's analyzer for what is on the lists: scopes and names (`scope`, `name`), the clauses of a query (`query`, `from`,
//! `join`, `select`, `group`, `window`), expressions with their types and coercions (`expression`, `operator`, `call`, `coerce`). Nothing
//! is known here of how a query is computed.

mod aggregate;
mod array;
mod attach;
mod call;
mod case;
mod catalog;
mod coerce;
mod conjuncts;
mod datatype;
mod expression;
mod from;
mod group;
mod group_by;
mod in_list;
mod in_subquery;
mod join;
mod literal;
pub(crate) mod name;
mod operator;
mod ordering;
mod parentheses;
mod pattern;
mod place;
mod query;
mod recursion;
mod refusal;
mod scope;
mod select;
mod select_list;
mod session_function;
mod set_operation;
mod subquery;
mod table_function;
mod typed;
mod window;

use offtake_lir::Scalar;
use offtake_row::Type;
use sqlparser::ast;

pub(crate) use self::{
    coerce::no_value,
    ordering::OrderKey,
    typed::{Known, Origin},
};
use self::{
    query::Named,
    scope::{Env, Numbers, Outer, Scope},
    typed::Typed,
};
use crate::{error::PlanError, rel::Rel, relations::Relations, session::Session};

/// Most relations that one query may read, those that WITH repeats counted each time.
const RELATION_LIMIT: usize = 500;

/// What a query is planned for.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) relations: &'a Relations,
    pub(crate) search_path: &'a [String],
    /// `None` for a view.
    pub(crate) session: Option<&'a Session>,
}

/// A whole statement, bound.
pub(crate) struct Bound {
    pub(crate) rel: Rel,
    /// The visible output columns; the relation may have more, to order by.
    pub(crate) columns: Vec<Output>,
    pub(crate) order_by: Vec<OrderKey>,
    /// Of all columns of the relation.
    pub(crate) types: Vec<Type>,
    pub(crate) limit: Option<Scalar>,
    pub(crate) offset: Option<Scalar>,
    pub(crate) with_ties: bool,
    pub(crate) parameters: Vec<Option<Type>>,
    /// The first name for what a plan binds that is free.
    pub(crate) next_local: u32,
    /// Whether the plan is good for more than one statement.
    pub(crate) is_lasting: bool,
}

/// An output column.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) nullable: bool,
    pub(crate) origin: Option<Origin>,
}

/// A query before its outputs are computed, so that literals in it may still take the types of others in a UNION.
struct Body {
    rel: Rel,
    /// Over `rel`; the visible ones first.
    outputs: Vec<Typed>,
    /// Of the visible ones.
    names: Vec<String>,
    keys: Vec<OrderKey>,
}

/// A query whose outputs are computed.
#[derive(Clone)]
struct Closed {
    rel: Rel,
    /// The visible columns; the relation may have more, to order by.
    columns: Vec<Output>,
    types: Vec<Type>,
    keys: Vec<OrderKey>,
}

/// Binds a statement.
pub(crate) fn bind(
    query: &ast::Query,
    context: Context<'_>,
    parameters: Vec<Option<Type>>,
) -> Result<Bound, PlanError> {
    let binder = Binder {
        context,
        parameters,
        numbers: Numbers::default(),
        next_local: 0,
        relations: 0,
        is_lasting: true,
    };
    binder.statement(query)
}

struct Binder<'a> {
    context: Context<'a>,
    /// What is known of the parameters' types.
    parameters: Vec<Option<Type>>,
    numbers: Numbers,
    next_local: u32,
    /// How many relations are read.
    relations: usize,
    /// Whether all that the query says of the session and the catalog stays true for as long as these stay what they are.
    is_lasting: bool,
}

/// What surrounds a query: the queries that WITH has named, and the query it is a part of.
#[derive(Clone, Copy)]
struct Surroundings<'e> {
    named: &'e Named,
    outer: Option<&'e Outer<'e>>,
}

impl Binder<'_> {
    fn statement(mut self, query: &ast::Query) -> Result<Bound, PlanError> {
        let named = Named::default();
        let around = Surroundings { named: &named, outer: None };
        let (closed, limits) = self.limited(query, around)?;
        let Closed { rel, columns, types, keys } = closed;
        let (limit, offset, with_ties) = match limits {
            Some(limits) => (limits.limit, limits.offset, limits.with_ties),
            None => (None, None, false),
        };
        Ok(Bound {
            rel,
            columns,
            order_by: keys,
            types,
            limit,
            offset,
            with_ties,
            parameters: self.parameters,
            next_local: self.next_local,
            is_lasting: self.is_lasting,
        })
    }

    /// Counts relations that are read.
    fn count(&mut self, more: usize) -> Result<(), PlanError> {
        self.relations += more;
        if self.relations > RELATION_LIMIT {
            return Err(PlanError::new("54001", "statement is too complex").hint(format!(
                "at most {RELATION_LIMIT} relations are taken, those of WITH counted at each use"
            )));
        }
        Ok(())
    }

    /// Computes a query's outputs; literals of no type become texts.
    fn close(&mut self, body: Body) -> Result<Closed, PlanError> {
        let Body { rel, outputs, names, keys } = body;
        let mut columns = Vec::with_capacity(names.len());
        let mut scalars = Vec::with_capacity(outputs.len());
        let mut types = Vec::with_capacity(outputs.len());
        let mut names = names.into_iter();
        for typed in outputs {
            let Known { scalar, ty, nullable, origin } = self.settle(typed)?;
            scalars.push(scalar);
            types.push(ty);
            if let Some(name) = names.next() {
                columns.push(Output { name, ty, nullable, origin });
            }
        }
        ordering::check(&keys, &types)?;
        Ok(Closed { rel: rel.project(scalars), columns, types, keys })
    }
}

impl Closed {
    /// The query as one that is not projected yet.
    fn into_body(self) -> Body {
        let Closed { rel, columns, types, keys } = self;
        let names = columns.iter().map(|column| column.name.clone()).collect();
        let outputs = types
            .into_iter()
            .enumerate()
            .map(|(position, ty)| {
                let column = columns.get(position);
                let nullable = column.is_none_or(|column| column.nullable);
                let origin = column.and_then(|column| column.origin);
                Typed::Known(Known { scalar: Scalar::Column(position), ty, nullable, origin })
            })
            .collect();
        Body { rel, outputs, names, keys }
    }

    /// Without the columns that are only there to order by.
    fn visible(mut self) -> Closed {
        if self.types.len() > self.columns.len() {
            self.types.truncate(self.columns.len());
            self.rel = self.rel.project((0..self.columns.len()).map(Scalar::Column).collect());
        }
        self.keys.clear();
        self
    }
}

/// An expression's surroundings: a SELECT's FROM.
fn env<'e>(scope: &'e Scope, around: Surroundings<'e>) -> Env<'e> {
    Env::new(scope, around.outer)
}
