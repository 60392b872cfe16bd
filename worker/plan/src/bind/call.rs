//! Calls: which functions are aggregates, windows, sets, or ask about the session.

use offtake_lir::functions;
use sqlparser::{
    ast::{
        DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
        FunctionArguments,
    },
    tokenizer::Span,
};

use super::{Binder, coerce::unresolved, expression::Clause, name, session_function, typed::Typed};
use crate::error::PlanError;

impl Binder<'_> {
    pub(super) fn function_call(
        &mut self,
        function: &Function,
        span: Span,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let mut names = name::parts(&function.name);
        if names.len() > 1 && names.first().is_some_and(|schema| schema == "pg_catalog") {
            names.remove(0);
        }
        let [name] = names.as_slice() else {
            let message = format!("function {}() does not exist", names.join("."));
            return Err(PlanError::new("42883", message).at(span));
        };
        let list = match &function.args {
            FunctionArguments::None => None,
            FunctionArguments::Subquery(query) => {
                if name == "array" {
                    return self.array_subquery(query, at).map_err(|error| error.at(span));
                }
                return Err(
                    PlanError::syntax("syntax error: a subquery needs parentheses of its own").at(span)
                );
            }
            FunctionArguments::List(list) => Some(list),
        };
        if function.null_treatment.is_some() {
            return Err(PlanError::unsupported(
                "IGNORE NULLS and RESPECT NULLS are",
                "PostgreSQL 15 has neither: filter NULLs in a subquery",
            )
            .at(span));
        }
        if function.over.is_some() {
            return self.window_call(name, function, list, span, at);
        }
        if functions::is_aggregate(name) {
            return self.aggregate_call(name, function, list, span, at);
        }
        let (exprs, star) = arguments(list, span)?;
        if !function.within_group.is_empty() {
            let message = format!("{name} is not an ordered-set aggregate, so it cannot have WITHIN GROUP");
            return Err(PlanError::new("42809", message).at(span));
        }
        if exprs.is_empty()
            && !star
            && let Some(answer) =
                session_function::answer(name, self.context.session).map_err(|error| error.at(span))?
        {
            self.is_lasting &= session_function::is_lasting(name);
            return Ok(answer);
        }
        let distinct =
            list.is_some_and(|list| list.duplicate_treatment == Some(DuplicateTreatment::Distinct));
        let ordered = list.is_some_and(|list| !list.clauses.is_empty());
        if star || distinct || ordered || function.filter.is_some() {
            // What is refused, or not there at all, says so first.
            let types = vec![None; exprs.len()];
            if let Err(
                error @ (functions::ResolveError::Refused { .. } | functions::ResolveError::NoFunction(_)),
            ) = functions::function(name, &types)
            {
                return Err(unresolved(error).at(span));
            }
            let what = match (star, distinct, ordered) {
                (true, ..) => format!("{name}(*) specified, but {name} is not an aggregate function"),
                (_, true, _) => format!("DISTINCT specified, but {name} is not an aggregate function"),
                (.., true) => format!("ORDER BY specified, but {name} is not an aggregate function"),
                _ => format!("FILTER specified, but {name} is not an aggregate function"),
            };
            return Err(PlanError::new("42809", what).at(span));
        }
        match name.as_str() {
            "coalesce" => {
                if exprs.is_empty() {
                    return Err(PlanError::syntax("syntax error at or near \")\"").at(span));
                }
                let args = self.exprs(exprs, at)?;
                self.coalesce(args).map_err(|error| error.at(span))
            }
            "grouping" => self.grouping_call(&exprs, span, at),
            _ => {
                if let Some(set) = self.set_call(name, &exprs, span, at)? {
                    return Ok(set);
                }
                let args = self.exprs(exprs, at)?;
                self.function(name, args).map_err(|error| error.at(span))
            }
        }
    }
}

/// A call's arguments by position, and whether it is `f(*)`.
pub(super) fn arguments(
    list: Option<&FunctionArgumentList>,
    span: Span,
) -> Result<(Vec<&Expr>, bool), PlanError> {
    let Some(list) = list else { return Ok((Vec::new(), false)) };
    let mut exprs = Vec::with_capacity(list.args.len());
    let mut star = false;
    for arg in &list.args {
        match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => exprs.push(expr),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => star = true,
            _ => {
                return Err(
                    PlanError::unsupported("a named argument is", "pass arguments by position").at(span)
                );
            }
        }
    }
    Ok((exprs, star))
}
