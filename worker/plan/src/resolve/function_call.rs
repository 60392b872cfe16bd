//! Function calls: which are aggregates, which ask about the session, and which forms of a call are refused.

use datafusion_sql::sqlparser::{
    ast::{DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments},
    tokenizer::Span,
};
use offtake_lir::functions;

use super::{canonical as form, expression::Expressions, name, refusal, session_function};
use crate::error::PlanError;

impl Expressions<'_> {
    pub(super) fn function(&mut self, function: &Function, span: Span) -> Result<Expr, PlanError> {
        let mut names = name::parts(&function.name);
        if names.len() > 1 && names.first().is_some_and(|schema| schema == "pg_catalog") {
            names.remove(0);
        }
        let [name] = names.as_slice() else {
            return Err(
                PlanError::new("42883", format!("function {}() does not exist", names.join("."))).at(span)
            );
        };
        if function.over.is_some() {
            return Err(PlanError::unsupported(
                format!("the window function {name}(…) OVER (…) is"),
                "window functions are not kept yet; aggregates with GROUP BY are",
            )
            .at(span));
        }
        if !function.within_group.is_empty() || function.null_treatment.is_some() {
            return Err(PlanError::unsupported(
                "an ordered-set aggregate is",
                "use count, sum, avg, min or max",
            )
            .at(span));
        }
        let args = match &function.args {
            FunctionArguments::None => None,
            FunctionArguments::Subquery(_) => return Err(refusal::subquery().at(span)),
            FunctionArguments::List(list) => Some(list),
        };
        if args.is_none_or(|list| list.args.is_empty())
            && let Some(answer) =
                session_function::answer(name, self.session).map_err(|error| error.at(span))?
        {
            return Ok(answer);
        }
        let Some(list) = args else {
            return Err(PlanError::unsupported(format!("{name} is"), "").at(span));
        };
        if !list.clauses.is_empty() {
            return Err(PlanError::unsupported(
                format!("an ORDER BY (or another clause) within {name}(…) is"),
                "aggregates kept (count, sum, avg, min, max, bool_and, bool_or) do not depend on an order",
            )
            .at(span));
        }
        let mut args = Vec::with_capacity(list.args.len());
        let mut star = false;
        for arg in &list.args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => args.push(expr),
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => star = true,
                _ => {
                    return Err(
                        PlanError::unsupported("a named argument is", "pass arguments by position").at(span)
                    );
                }
            }
        }
        if functions::is_aggregate(name) || star {
            let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
            return self.aggregate(name, &args, star, distinct, function.filter.as_deref(), span);
        }
        if list.duplicate_treatment == Some(DuplicateTreatment::Distinct) || function.filter.is_some() {
            let what = if function.filter.is_some() { "FILTER" } else { "DISTINCT" };
            // What is refused by name is refused so: string_agg(DISTINCT …).
            if let Err(error) = functions::function(name, &vec![None; args.len()])
                && matches!(error, functions::ResolveError::Refused { .. })
            {
                return Err(PlanError::new(error.sqlstate(), error.to_string()).at(span));
            }
            return Err(PlanError::new(
                "42809",
                format!("{what} specified, but {name} is not an aggregate function"),
            )
            .at(span));
        }
        match name.as_str() {
            "coalesce" => {
                if args.is_empty() {
                    return Err(PlanError::syntax("syntax error at or near \")\"").at(span));
                }
                self.call(form::COALESCE, args)
            }
            _ => self.function_call(name, args),
        }
    }

    fn aggregate(
        &mut self,
        name: &str,
        args: &[&Expr],
        star: bool,
        distinct: bool,
        filter: Option<&Expr>,
        span: Span,
    ) -> Result<Expr, PlanError> {
        if let Some(clause) = self.no_aggregates_in {
            let message = match clause {
                "aggregate" => "aggregate function calls cannot be nested".to_owned(),
                clause => format!("aggregate functions are not allowed in {clause}"),
            };
            return Err(PlanError::new("42803", message).at(span));
        }
        if star && (name != "count" || !args.is_empty()) {
            return Err(
                PlanError::new("42809", format!("{name}(*) specified, but {name} is not count")).at(span)
            );
        }
        if star && distinct {
            return Err(PlanError::syntax("syntax error at or near \"*\"").at(span));
        }
        if !star && args.is_empty() {
            let message = match name {
                "count" => "count(*) must be used to call a parameterless aggregate function".to_owned(),
                name => format!("function {name}() does not exist"),
            };
            return Err(PlanError::new(if name == "count" { "42809" } else { "42883" }, message).at(span));
        }
        self.no_aggregates_in = Some("aggregate");
        let args = self.all(args.iter().copied());
        self.no_aggregates_in = Some("FILTER");
        let filter = filter.map(|filter| self.resolve(filter)).transpose();
        self.no_aggregates_in = None;
        self.aggregated = true;
        Ok(form::aggregate(name, args?, distinct, filter?.map(|filter| form::condition(filter, "FILTER"))))
    }
}
