//! Functions that give rows: in FROM, and in the select list.

use offtake_lir::{Scalar, TableFunction, functions};
use offtake_row::Type;
use sqlparser::{
    ast::{Expr, FunctionArg, FunctionArgExpr, ObjectName, TableAlias},
    tokenizer::Span,
};

use super::{
    Binder,
    attach::Places,
    coerce::unresolved,
    expression::{Clause, Pending},
    from, name,
    place::Place,
    query::Named,
    scope::{Capture, Column, Env, Item, Outer, Scope},
    typed::{Known, Typed},
};
use crate::{error::PlanError, rel::Rel};

/// A set-returning function of the select list.
pub(super) struct SetCall {
    pub(super) function: TableFunction,
    pub(super) args: Vec<Scalar>,
}

/// A function with its arguments, and its columns.
struct Rows {
    function: TableFunction,
    args: Vec<Scalar>,
    columns: Vec<(String, Type)>,
    named: bool,
}

impl Binder<'_> {
    fn rows_of(&mut self, name: &str, args: Vec<Typed>) -> Result<Rows, PlanError> {
        let types: Vec<Option<Type>> = args.iter().map(|arg| self.type_of(arg)).collect();
        let resolved = functions::table_function(name, &types).map_err(unresolved)?;
        let mut scalars = Vec::with_capacity(args.len());
        for (arg, ty) in args.into_iter().zip(&resolved.args) {
            scalars.push(self.convert(arg, *ty)?);
        }
        let functions::ResolvedTableFunction { function, columns, named, .. } = resolved;
        Ok(Rows { function, args: scalars, columns, named })
    }

    /// A function in FROM.
    pub(super) fn function_item(
        &mut self,
        object: &ObjectName,
        args: &[FunctionArg],
        ordinality: bool,
        alias: Option<&TableAlias>,
        sight: &Env<'_>,
        named: &Named,
    ) -> Result<from::Bound, PlanError> {
        let mut names = name::parts(object);
        if names.len() > 1 && names.first().is_some_and(|schema| schema == "pg_catalog") {
            names.remove(0);
        }
        let [name] = names.as_slice() else {
            return Err(PlanError::new("42883", format!("function {}() does not exist", names.join("."))));
        };
        let mut exprs = Vec::with_capacity(args.len());
        for arg in args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => exprs.push(expr),
                _ => {
                    return Err(PlanError::unsupported("a named argument is", "pass arguments by position"));
                }
            }
        }
        self.rows_item(name, &exprs, ordinality, alias, sight, named)
    }

    /// `UNNEST (…)` in FROM, which the parser knows by its name.
    pub(super) fn unnest_item(
        &mut self,
        arrays: &[Expr],
        ordinality: bool,
        alias: Option<&TableAlias>,
        sight: &Env<'_>,
        named: &Named,
    ) -> Result<from::Bound, PlanError> {
        let exprs: Vec<&Expr> = arrays.iter().collect();
        self.rows_item("unnest", &exprs, ordinality, alias, sight, named)
    }

    fn rows_item(
        &mut self,
        name: &str,
        exprs: &[&Expr],
        ordinality: bool,
        alias: Option<&TableAlias>,
        sight: &Env<'_>,
        named: &Named,
    ) -> Result<from::Bound, PlanError> {
        self.count(1)?;
        let outer = Outer::new(sight, &self.numbers);
        let scope = Scope::default();
        let env = Env::new(&scope, Some(&outer));
        let mut pending = Pending::default();
        let mut at = Clause::plain(&env, &mut pending, named, "functions in FROM");
        let args = self.exprs(exprs.iter().copied(), &mut at)?;
        let seen_as = alias.map_or_else(|| name.to_owned(), |alias| name::ident(&alias.name));
        let mut places = Places::default();
        let (rel, columns, is_scalar, own_names) = if functions::is_table_function(name) {
            let Rows { function, mut args, columns, named: own_names } = self.rows_of(name, args)?;
            let input = places.attach(Rel::unit(), pending.subqueries.into_iter().enumerate())?;
            args.iter_mut().try_for_each(|arg| places.fill(arg))?;
            let start = input.arity();
            let rel = Rel::FlatMap { input: Box::new(input), function, args, ordinality };
            let outputs = (start..rel.arity()).map(Scalar::Column).collect();
            let is_scalar = columns.len() == 1;
            (rel.project(outputs), columns, is_scalar, own_names)
        } else if let Some(listed) = self.collection_of(name) {
            let columns: Vec<(String, Type)> =
                listed.columns.into_iter().map(|column| (column.name, column.ty)).collect();
            let is_scalar = columns.len() == 1;
            (Rel::Get { id: listed.collection, arity: columns.len(), key: None }, columns, is_scalar, true)
        } else {
            // A function of one value is one row.
            let typed = self.function(name, args)?;
            let Known { mut scalar, ty, .. } = self.settle(typed)?;
            let input = places.attach(Rel::unit(), pending.subqueries.into_iter().enumerate())?;
            places.fill(&mut scalar)?;
            let mut outputs = vec![scalar];
            if ordinality {
                outputs.push(Scalar::literal(offtake_row::Datum::Int(1), Type::Int8));
            }
            (input.project(outputs), vec![(name.to_owned(), ty)], true, false)
        };
        let mut columns: Vec<(String, Type)> = columns;
        if is_scalar
            && !own_names
            && let Some((column, _)) = columns.first_mut()
        {
            // A function's only column is called as its alias.
            column.clone_from(&seen_as);
        }
        if ordinality {
            columns.push(("ordinality".to_owned(), Type::Int8));
        }
        if let Some(alias) = alias {
            from::rename(columns.iter_mut().map(|(name, _)| name), alias, "table")?;
        }
        let columns = columns
            .into_iter()
            .enumerate()
            .map(|(position, (name, ty))| Column {
                name,
                known: Known::new(Scalar::Column(position), ty, true),
            })
            .collect();
        let item = Item { alias: seen_as, schema: None, columns, system: Vec::new(), key: None, is_scalar };
        let captures: Vec<Capture> = outer.into_captures();
        Ok(from::Bound { rel, scope: Scope::of(item), captures })
    }

    /// A function of the catalog that stands for a collection's rows.
    fn collection_of(&self, name: &str) -> Option<functions::CollectionFunction> {
        let catalog = self.context.session?.catalog.as_ref()?;
        catalog.collections().into_iter().find(|listed| listed.name == name)
    }

    /// A set-returning function in the select list: the place of its value. `None`: the name is no such function's.
    pub(super) fn set_call(
        &mut self,
        name: &str,
        exprs: &[&Expr],
        span: Span,
        at: &mut Clause<'_>,
    ) -> Result<Option<Typed>, PlanError> {
        if !functions::is_table_function(name) {
            return Ok(None);
        }
        if let Some(clause) = at.no_sets {
            let message = format!("set-returning functions are not allowed in {clause}");
            return Err(PlanError::new("0A000", message)
                .hint("You might be able to move the set-returning function into a LATERAL FROM item.")
                .at(span));
        }
        if !at.pending.sets.is_empty() {
            return Err(PlanError::unsupported(
                "more than one set-returning function in a select list is",
                "put them into FROM",
            )
            .at(span));
        }
        let args = self.exprs(exprs.iter().copied(), at)?;
        let Rows { function, args, columns, .. } =
            self.rows_of(name, args).map_err(|error| error.at(span))?;
        let [(_, ty)] = columns.as_slice() else {
            return Err(PlanError::unsupported(
                format!("{name}(…) in a select list is"),
                format!("put it into FROM: SELECT … FROM {name}(…)"),
            )
            .at(span));
        };
        let ty = *ty;
        at.pending.sets.push(SetCall { function, args });
        Ok(Some(Typed::known(Place::Set(at.pending.sets.len() - 1).scalar(), ty, true)))
    }
}

impl SetCall {
    /// Puts the function beside the rows.
    pub(super) fn beside(self, rel: Rel, places: &mut Places, number: usize) -> Result<Rel, PlanError> {
        let SetCall { function, mut args } = self;
        args.iter_mut().try_for_each(|arg| places.fill(arg))?;
        places.insert(Place::Set(number), rel.arity());
        Ok(Rel::FlatMap { input: Box::new(rel), function, args, ordinality: false })
    }
}
