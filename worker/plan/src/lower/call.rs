//! Calls: what each stub means once its arguments have types.

use datafusion_common::ScalarValue;
use datafusion_expr::Expr;
use offtake_lir::{
    Scalar,
    functions::{self, CastContext},
};
use offtake_row::Type;

use super::{
    Lowering, Names,
    coerce::{self, unresolved},
    typed::Typed,
};
use crate::{
    error::PlanError,
    optimise::{Equality, Predicate},
    resolve::canonical as form,
};

impl Lowering<'_> {
    pub(super) fn expr(&mut self, expr: &Expr, names: &Names<'_>) -> Result<Typed, PlanError> {
        match expr {
            Expr::Alias(alias) => self.expr(&alias.expr, names),
            Expr::Column(column) => self.column(column, names),
            Expr::Literal(ScalarValue::Utf8(text) | ScalarValue::Utf8View(text), _) => {
                Ok(Typed::Unknown(text.clone()))
            }
            Expr::ScalarFunction(call) => self.call(call.func.name(), &call.args, names),
            other => Err(PlanError::internal(format!("no lowering of {other}"))),
        }
    }

    fn all(&mut self, args: &[Expr], names: &Names<'_>) -> Result<Vec<Typed>, PlanError> {
        args.iter().map(|arg| self.expr(arg, names)).collect()
    }

    fn call(&mut self, name: &str, args: &[Expr], names: &Names<'_>) -> Result<Typed, PlanError> {
        if let Some(operator) = name.strip_prefix(form::OPERATOR) {
            let args = self.all(args, names)?;
            return self.operator(operator, args);
        }
        if let Some(function) = name.strip_prefix(form::FUNCTION) {
            let args = self.all(args, names)?;
            return self.function(function, args);
        }
        match name {
            form::NUMBER => number(text(args, 0)?),
            form::BOOLEAN => Ok(Typed::known(
                functions::literal(text(args, 0)?, Type::Bool).map_err(|error| coerce::no_value(&error))?,
                Type::Bool,
                false,
            )),
            form::NULL => Ok(Typed::Unknown(None)),
            form::PARAMETER => {
                let number: usize = text(args, 0)?
                    .parse()
                    .map_err(|_| PlanError::internal("a parameter without a number"))?;
                let index = number - 1;
                Ok(match self.parameters.get(index).copied().flatten() {
                    Some(ty) => Typed::known(Scalar::Parameter { index, ty }, ty, true),
                    None => {
                        if self.parameters.len() <= index {
                            self.parameters.resize(index + 1, None);
                        }
                        Typed::Parameter(index)
                    }
                })
            }
            form::CAST => {
                let ty = form::parse_type(text(args, 1)?)
                    .ok_or_else(|| PlanError::internal("a cast without a type"))?;
                let typed = self.expr(arg(args, 0)?, names)?;
                let nullable = typed.nullable();
                let scalar = self.cast(typed, ty, CastContext::Explicit)?;
                Ok(Typed::known(scalar, ty, nullable))
            }
            form::AND | form::OR => {
                let clause = if name == form::AND { "AND" } else { "OR" };
                let mut operands = Vec::with_capacity(args.len());
                let mut nullable = false;
                for arg in args {
                    let typed = self.expr(arg, names)?;
                    nullable |= typed.nullable();
                    operands.push(self.truth(typed, clause)?);
                }
                let scalar = if name == form::AND { Scalar::And(operands) } else { Scalar::Or(operands) };
                Ok(Typed::known(scalar.fold(Type::Bool), Type::Bool, nullable))
            }
            form::NOT => {
                let typed = self.expr(arg(args, 0)?, names)?;
                let nullable = typed.nullable();
                let operand = self.truth(typed, "NOT")?;
                self.operator("NOT", vec![Typed::known(operand, Type::Bool, nullable)])
            }
            form::IS => {
                let test = text(args, 0)?;
                let mut typed = self.expr(arg(args, 1)?, names)?;
                if test.ends_with("NULL") {
                    typed = Typed::Known(self.settle(typed)?);
                } else {
                    let nullable = typed.nullable();
                    typed = Typed::known(self.truth(typed, test)?, Type::Bool, nullable);
                }
                self.operator(test, vec![typed])
            }
            form::CASE => self.case(args, names),
            form::COALESCE => {
                let args = self.all(args, names)?;
                let nullable = args.iter().all(Typed::nullable);
                let (scalars, ty) = self.common(args, "COALESCE")?;
                Ok(Typed::known(Scalar::Coalesce(scalars).fold(ty), ty, nullable))
            }
            form::IN => self.in_list(args, names),
            form::MERGE => {
                let args = self.all(args, names)?;
                let types: Vec<Option<Type>> = args.iter().map(|arg| self.type_of(arg)).collect();
                let nullable: Vec<bool> = args.iter().map(Typed::nullable).collect();
                let (scalars, ty) = self.common(args, "JOIN/USING")?;
                // The side that needs no cast is shown, the left one of two (`buildMergedJoinVar`).
                let shown = types.iter().position(|side| *side == Some(ty)).unwrap_or(0);
                let (scalar, nullable) = scalars
                    .into_iter()
                    .zip(nullable)
                    .nth(shown)
                    .ok_or_else(|| PlanError::internal("USING without columns"))?;
                Ok(Typed::known(scalar, ty, nullable))
            }
            form::CONSTANT_KEY => self.expr(arg(args, 0)?, names),
            form::CONDITION => {
                let typed = self.expr(arg(args, 0)?, names)?;
                let nullable = typed.nullable();
                Ok(Typed::known(self.truth(typed, text(args, 1)?)?, Type::Bool, nullable))
            }
            other => Err(PlanError::internal(format!("no lowering of {other}"))),
        }
    }

    fn operator(&mut self, name: &str, args: Vec<Typed>) -> Result<Typed, PlanError> {
        let types: Vec<Option<Type>> = args.iter().map(|arg| self.type_of(arg)).collect();
        let resolved = functions::operator(name, &types).map_err(unresolved)?;
        let nullable = !name.starts_with("IS ") && args.iter().any(Typed::nullable);
        self.apply(resolved, args, nullable)
    }

    fn function(&mut self, name: &str, args: Vec<Typed>) -> Result<Typed, PlanError> {
        let types: Vec<Option<Type>> = args.iter().map(|arg| self.type_of(arg)).collect();
        let resolved = match functions::function(name, &types) {
            Ok(resolved) => resolved,
            // GREATEST and LEAST are the grammar's own in PostgreSQL and name themselves.
            Err(error @ functions::ResolveError::NoCommonType(..)) => {
                return Err(coerce::no_common_type(error, &name.to_uppercase()));
            }
            // `date('2024-01-01')`: a type's name called like a function is a cast.
            Err(error) => {
                let ty = cast_by_name(name, &args, error)?;
                let typed =
                    args.into_iter().next().ok_or_else(|| PlanError::internal("a cast of nothing"))?;
                let nullable = typed.nullable();
                let scalar = self.cast(typed, ty, CastContext::Explicit)?;
                return Ok(Typed::known(scalar, ty, nullable));
            }
        };
        self.apply(resolved, args, true)
    }

    fn apply(
        &mut self,
        resolved: functions::Resolved,
        args: Vec<Typed>,
        nullable: bool,
    ) -> Result<Typed, PlanError> {
        let mut scalars = Vec::with_capacity(args.len());
        for (arg, ty) in args.into_iter().zip(&resolved.args) {
            scalars.push(self.convert(arg, *ty)?);
        }
        let scalar = Scalar::call(resolved.func, scalars).fold(resolved.result);
        Ok(Typed::known(scalar, resolved.result, nullable))
    }

    fn case(&mut self, args: &[Expr], names: &Names<'_>) -> Result<Typed, PlanError> {
        let mut conditions = Vec::with_capacity(args.len() / 2);
        let mut results = Vec::with_capacity(args.len() / 2 + 1);
        for pair in args.chunks(2) {
            if let [condition, result] = pair {
                let condition = self.expr(condition, names)?;
                conditions.push(self.truth(condition, "CASE/WHEN")?);
                results.push(self.expr(result, names)?);
            } else if let [otherwise] = pair {
                // PostgreSQL gives the ELSE's type the first say.
                results.insert(0, self.expr(otherwise, names)?);
            }
        }
        let nullable = results.iter().any(Typed::nullable);
        let (results, ty) = self.common(results, "CASE")?;
        let mut results = results.into_iter();
        let otherwise = results.next().ok_or_else(|| PlanError::internal("CASE without ELSE"))?;
        let branches = conditions.into_iter().zip(results).collect();
        let scalar = Scalar::Case { branches, otherwise: Box::new(otherwise) };
        Ok(Typed::known(scalar.fold(ty), ty, nullable))
    }

    /// `x IN (…)`: the list is cast to the common type of all, then each is compared (`transformAExprIn`). Where there is no common
    /// type, each is compared as it is.
    fn in_list(&mut self, args: &[Expr], names: &Names<'_>) -> Result<Typed, PlanError> {
        let mut args = self.all(args, names)?;
        let list = args.split_off(1);
        let left = args.pop().ok_or_else(|| PlanError::internal("IN without operand"))?;
        let types: Vec<Option<Type>> =
            std::iter::once(&left).chain(&list).map(|typed| self.type_of(typed)).collect();
        let common = functions::common_type(&types).ok();
        let single = list.len() == 1;
        let mut compared = Vec::with_capacity(list.len());
        let mut nullable = false;
        for item in list {
            let item_nullable = item.nullable();
            let item = match common {
                Some(ty) if !single => Typed::known(self.convert(item, ty.base())?, ty.base(), item_nullable),
                _ => item,
            };
            let Typed::Known(equal) = self.operator("=", vec![left.clone(), item])? else {
                return Err(PlanError::internal("a comparison without a type"));
            };
            nullable |= equal.nullable;
            compared.push(equal.scalar);
        }
        let scalar = match compared.pop() {
            Some(only) if compared.is_empty() => only,
            last => {
                compared.extend(last);
                Scalar::Or(compared)
            }
        };
        Ok(Typed::known(scalar.fold(Type::Bool), Type::Bool, nullable))
    }

    /// The conjuncts of a condition; equalities keep their sides, for joins.
    pub(super) fn conditions(&mut self, expr: &Expr, names: &Names<'_>) -> Result<Vec<Predicate>, PlanError> {
        let Expr::ScalarFunction(call) = expr else {
            return Err(PlanError::internal(format!("{expr} is not a condition")));
        };
        match call.func.name() {
            form::CONDITION => self.conjuncts(arg(&call.args, 0)?, text(&call.args, 1)?, names),
            other => Err(PlanError::internal(format!("{other} is not a condition"))),
        }
    }

    fn conjuncts(
        &mut self,
        expr: &Expr,
        clause: &str,
        names: &Names<'_>,
    ) -> Result<Vec<Predicate>, PlanError> {
        if let Expr::ScalarFunction(call) = expr {
            if call.func.name() == form::AND {
                let mut predicates = Vec::new();
                for arg in &call.args {
                    predicates.extend(self.conjuncts(arg, "AND", names)?);
                }
                return Ok(predicates);
            }
            if call.func.name().strip_prefix(form::OPERATOR) == Some("=") {
                let args = self.all(&call.args, names)?;
                return Ok(vec![self.equality(args)?]);
            }
        }
        let typed = self.expr(expr, names)?;
        Ok(vec![Predicate { scalar: self.truth(typed, clause)?, equality: None }])
    }

    fn equality(&mut self, args: Vec<Typed>) -> Result<Predicate, PlanError> {
        let types: Vec<Option<Type>> = args.iter().map(|arg| self.type_of(arg)).collect();
        let resolved = functions::operator("=", &types).map_err(unresolved)?;
        let mut sides = Vec::with_capacity(2);
        for (arg, ty) in args.into_iter().zip(&resolved.args) {
            sides.push((self.convert(arg, *ty)?, *ty));
        }
        let scalars = sides.iter().map(|(side, _)| side.clone());
        let scalar = Scalar::call(resolved.func, scalars).fold(Type::Bool);
        let equality = match <[(Scalar, Type); 2]>::try_from(sides) {
            Ok([left, right]) => {
                Some(Equality { left: left.0.equality_key(left.1), right: right.0.equality_key(right.1) })
            }
            Err(_) => None,
        };
        Ok(Predicate { scalar, equality })
    }
}

fn arg(args: &[Expr], position: usize) -> Result<&Expr, PlanError> {
    args.get(position).ok_or_else(|| PlanError::internal("a stub without its argument"))
}

/// A string argument of a stub.
fn text(args: &[Expr], position: usize) -> Result<&str, PlanError> {
    match arg(args, position)? {
        Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _) => Ok(text),
        other => Err(PlanError::internal(format!("{other} is not a text"))),
    }
}

/// A numeric literal: integer, bigint or numeric, the first that holds it.
fn number(digits: &str) -> Result<Typed, PlanError> {
    let ty = if digits.parse::<i32>().is_ok() {
        Type::Int4
    } else if digits.parse::<i64>().is_ok() {
        Type::Int8
    } else {
        Type::Numeric(None)
    };
    let scalar = functions::literal(digits, ty).map_err(|error| coerce::no_value(&error))?;
    Ok(Typed::known(scalar, ty, false))
}

/// The type that a function call with its name casts to.
fn cast_by_name(name: &str, args: &[Typed], error: functions::ResolveError) -> Result<Type, PlanError> {
    let ty = match name {
        "bool" => Type::Bool,
        "int2" => Type::Int2,
        "int4" => Type::Int4,
        "int8" => Type::Int8,
        "float4" => Type::Float4,
        "float8" => Type::Float8,
        "numeric" => Type::Numeric(None),
        "text" => Type::Text,
        "varchar" => Type::Varchar(None),
        "bpchar" => Type::Bpchar(None),
        "date" => Type::Date,
        "timestamptz" => Type::Timestamptz,
        "uuid" => Type::Uuid,
        "bytea" => Type::Bytea,
        _ => return Err(unresolved(error)),
    };
    if args.len() == 1 { Ok(ty) } else { Err(unresolved(error)) }
}
