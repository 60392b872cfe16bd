//! Operators, and what the grammar writes as one: AND, IN, LIKE, CASE, comparisons of rows.

use offtake_lir::{
    Scalar,
    functions::{self, CastContext},
};
use offtake_row::Type;
use sqlparser::ast::{BinaryOperator, Expr, Spanned, UnaryOperator, Value, ValueWithSpan};

use super::{
    Binder,
    coerce::{self, unresolved},
    expression::Clause,
    literal,
    typed::Typed,
};
use crate::{
    error::PlanError,
    rel::{Equality, Predicate},
};

impl Binder<'_> {
    /// An operator over operands that are bound already.
    pub(super) fn operator(&mut self, name: &str, args: Vec<Typed>) -> Result<Typed, PlanError> {
        let types: Vec<Option<Type>> = args.iter().map(|arg| self.type_of(arg)).collect();
        let resolved = functions::operator(name, &types).map_err(unresolved)?;
        let nullable = !name.starts_with("IS ") && args.iter().any(Typed::nullable);
        self.apply(resolved, args, nullable)
    }

    /// A function over arguments that are bound already.
    pub(super) fn function(&mut self, name: &str, args: Vec<Typed>) -> Result<Typed, PlanError> {
        let types: Vec<Option<Type>> = args.iter().map(|arg| self.type_of(arg)).collect();
        let resolved = match functions::function(name, &types) {
            Ok(resolved) => resolved,
            // GREATEST and LEAST are the grammar's own in PostgreSQL and name themselves.
            Err(error @ functions::ResolveError::NoCommonType(..)) => {
                return Err(coerce::no_common_type(error, &name.to_uppercase()));
            }
            // `date('2024-01-01')`: a type's name called like a function is a cast.
            Err(error) => {
                if let Some(typed) = self.catalog_call(name, &args)? {
                    return Ok(typed);
                }
                let ty = super::datatype::by_function_name(name).filter(|_| args.len() == 1);
                let (Some(ty), Some(arg)) = (ty, args.into_iter().next()) else {
                    return Err(match functions::window(name, &types) {
                        Ok(_) => {
                            PlanError::new("42809", format!("window function {name} requires an OVER clause"))
                        }
                        Err(_) => unresolved(error),
                    });
                };
                return self.explicit_cast(arg, ty);
            }
        };
        self.apply(resolved, args, true)
    }

    pub(super) fn apply(
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

    pub(super) fn unary(
        &mut self,
        op: UnaryOperator,
        inner: &Expr,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        if let (
            UnaryOperator::Minus | UnaryOperator::Plus,
            Expr::BinaryOp { left, op: BinaryOperator::PGExp, right },
        ) = (op, inner)
        {
            // The parser binds a sign looser than ^, PostgreSQL binds it tighter: -2 ^ 2 is 4.
            let signed = self.unary(op, left, at)?;
            let exponent = self.expr(right, at)?;
            return self.operator("^", vec![signed, exponent]).map_err(|error| error.at(inner.span()));
        }
        let symbol = match op {
            UnaryOperator::Not => {
                let typed = self.expr(inner, at)?;
                return self.not(typed).map_err(|error| error.at(inner.span()));
            }
            UnaryOperator::Minus => {
                // The parser of PostgreSQL folds the sign into the number, so that -2147483648 is an integer.
                let mut number = inner;
                while let Expr::Nested(inner) = number {
                    number = inner;
                }
                if let Expr::Value(ValueWithSpan { value: Value::Number(digits, _), .. }) = number {
                    return literal::number(&format!("-{digits}"));
                }
                "-"
            }
            UnaryOperator::Plus => "+",
            UnaryOperator::BitwiseNot => "~",
            UnaryOperator::PGAbs => "@",
            UnaryOperator::PGSquareRoot => "|/",
            UnaryOperator::PGCubeRoot => "||/",
            other => {
                return Err(PlanError::unsupported(format!("the operator {other} is"), "").at(inner.span()));
            }
        };
        self.operator_of(symbol, [inner], inner.span(), at)
    }

    pub(super) fn not(&mut self, typed: Typed) -> Result<Typed, PlanError> {
        let nullable = typed.nullable();
        let operand = self.truth(typed, "NOT")?;
        self.operator("NOT", vec![Typed::known(operand, Type::Bool, nullable)])
    }

    /// `a AND b AND c` (a tree that leans left) as one.
    pub(super) fn chain(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let mut operands = vec![right];
        let mut next = left;
        loop {
            match next {
                Expr::BinaryOp { left, op: same, right } if same == op => {
                    operands.push(right);
                    next = left;
                }
                Expr::Nested(inner) if matches!(&**inner, Expr::BinaryOp { op: same, .. } if same == op) => {
                    next = inner;
                }
                other => {
                    operands.push(other);
                    break;
                }
            }
        }
        operands.reverse();
        let all = *op == BinaryOperator::And;
        let mut bound = Vec::with_capacity(operands.len());
        for operand in operands {
            let typed = self.expr(operand, at)?;
            let nullable = typed.nullable();
            let clause = if all { "AND" } else { "OR" };
            let scalar = self.truth(typed, clause).map_err(|error| error.at(operand.span()))?;
            bound.push(Typed::known(scalar, Type::Bool, nullable));
        }
        self.combine(bound, all)
    }

    /// AND (`all`) or OR of booleans.
    pub(super) fn combine(&mut self, operands: Vec<Typed>, all: bool) -> Result<Typed, PlanError> {
        let clause = if all { "AND" } else { "OR" };
        let nullable = operands.iter().any(Typed::nullable);
        let mut scalars = Vec::with_capacity(operands.len());
        for operand in operands {
            scalars.push(self.truth(operand, clause)?);
        }
        if let [_] = scalars.as_slice() {
            return Ok(Typed::known(Predicate::all(scalars), Type::Bool, nullable));
        }
        let scalar = if all { Scalar::And(scalars) } else { Scalar::Or(scalars) };
        Ok(Typed::known(scalar.fold(Type::Bool), Type::Bool, nullable))
    }

    /// A binary operator's symbol.
    pub(super) fn symbol(op: &BinaryOperator) -> Result<String, PlanError> {
        Ok(match op {
            BinaryOperator::Eq => "=".to_owned(),
            BinaryOperator::NotEq => "<>".to_owned(),
            BinaryOperator::PGExp => "^".to_owned(),
            BinaryOperator::PGBitwiseXor => "#".to_owned(),
            BinaryOperator::PGCustomBinaryOperator(parts) => {
                let schema_is_ours =
                    parts.len() < 2 || parts.first().is_some_and(|schema| schema == "pg_catalog");
                match parts.last().filter(|_| schema_is_ours) {
                    Some(symbol) => symbol.clone(),
                    None => return Err(PlanError::new("42883", format!("operator does not exist: {op}"))),
                }
            }
            other => other.to_string(),
        })
    }

    pub(super) fn binary(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        whole: &Expr,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let symbol = Self::symbol(op).map_err(|error| error.at(whole.span()))?;
        if let (Some(left), Some(right)) = (fields(left), fields(right)) {
            let (left, right) = (self.exprs(left, at)?, self.exprs(right, at)?);
            return self.row_comparison(&symbol, left, right).map_err(|error| error.at(whole.span()));
        }
        self.operator_of(&symbol, [left, right], whole.span(), at)
    }

    /// `(a, b) < (c, d)`. Source: PostgreSQL documentation, 9.24.5 (Row Constructor Comparison).
    pub(super) fn row_comparison(
        &mut self,
        symbol: &str,
        left: Vec<Typed>,
        right: Vec<Typed>,
    ) -> Result<Typed, PlanError> {
        if left.len() != right.len() {
            return Err(PlanError::syntax("unequal number of entries in row expressions"));
        }
        match symbol {
            "=" | "<>" => {
                let mut pairs = Vec::with_capacity(left.len());
                for (left, right) in left.into_iter().zip(right) {
                    pairs.push(self.operator(symbol, vec![left, right])?);
                }
                self.combine(pairs, symbol == "=")
            }
            "<" | "<=" | ">" | ">=" => {
                let strict = if symbol.starts_with('<') { "<" } else { ">" };
                // The first unequal pair decides; with NULL there, nothing is known.
                let mut rest: Option<Typed> = None;
                for (left, right) in left.into_iter().zip(right).rev() {
                    rest = Some(match rest {
                        None => self.operator(symbol, vec![left, right])?,
                        Some(rest) => {
                            let before = self.operator(strict, vec![left.clone(), right.clone()])?;
                            let equal = self.operator("=", vec![left, right])?;
                            let later = self.combine(vec![equal, rest], true)?;
                            self.combine(vec![before, later], false)?
                        }
                    });
                }
                rest.ok_or_else(|| PlanError::syntax("cannot compare rows of zero length"))
            }
            other => Err(PlanError::unsupported(
                format!("the operator {other} between rows is"),
                "compare the fields one by one",
            )),
        }
    }

    /// `IS [NOT] DISTINCT FROM`.
    pub(super) fn distinctness(
        &mut self,
        left: &Expr,
        right: &Expr,
        same: bool,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let symbol = if same { "IS NOT DISTINCT FROM" } else { "IS DISTINCT FROM" };
        if let (Some(lefts), Some(rights)) = (fields(left), fields(right)) {
            if lefts.len() != rights.len() {
                return Err(PlanError::syntax("unequal number of entries in row expressions").at(left.span()));
            }
            let mut pairs = Vec::with_capacity(lefts.len());
            for (left, right) in lefts.iter().zip(rights) {
                pairs.push(self.operator_of(symbol, [left, right], left.span(), at)?);
            }
            return self.combine(pairs, same);
        }
        self.operator_of(symbol, [left, right], left.span(), at)
    }

    pub(super) fn null_test(
        &mut self,
        test: &str,
        inner: &Expr,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        if let Some(fields) = fields(inner) {
            // Of a row each field is tested.
            let mut tests = Vec::with_capacity(fields.len());
            for field in fields {
                tests.push(self.null_test(test, field, at)?);
            }
            return self.combine(tests, true);
        }
        let typed = self.expr(inner, at)?;
        let known = self.settle(typed)?;
        self.operator(test, vec![Typed::Known(known)])
    }

    pub(super) fn truth_test(
        &mut self,
        test: &str,
        inner: &Expr,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let typed = self.expr(inner, at)?;
        let nullable = typed.nullable();
        let operand = self.truth(typed, test).map_err(|error| error.at(inner.span()))?;
        self.operator(test, vec![Typed::known(operand, Type::Bool, nullable)])
    }

    /// `a = b` as a conjunct that keeps its sides, for joins.
    pub(super) fn equality(&mut self, args: Vec<Typed>) -> Result<Predicate, PlanError> {
        let types: Vec<Option<Type>> = args.iter().map(|arg| self.type_of(arg)).collect();
        let resolved = functions::operator("=", &types).map_err(unresolved)?;
        let mut sides = Vec::with_capacity(2);
        for (arg, ty) in args.into_iter().zip(&resolved.args) {
            sides.push((self.convert(arg, *ty)?, *ty));
        }
        let scalars = sides.iter().map(|(side, _)| side.clone());
        let scalar = Scalar::call(resolved.func, scalars).fold(Type::Bool);
        let equality = match <[(Scalar, Type); 2]>::try_from(sides) {
            Ok([left, right]) => Some(Equality {
                left: left.0.equality_key(left.1),
                right: right.0.equality_key(right.1),
                nulls_meet: false,
            }),
            Err(_) => None,
        };
        Ok(Predicate { scalar, equality })
    }

    /// The expression as `ty`, as an assignment casts.
    pub(super) fn assign(&mut self, typed: Typed, ty: Type, what: &str) -> Result<Scalar, PlanError> {
        self.cast(typed, ty, CastContext::Assignment).map_err(|error| match error.sqlstate {
            "42846" => PlanError::new("42804", format!("argument of {what} must be type {ty}")),
            _ => error,
        })
    }
}

/// A row's fields, if an expression is one.
pub(super) fn fields(expr: &Expr) -> Option<&[Expr]> {
    match expr {
        Expr::Tuple(fields) => Some(fields),
        Expr::Nested(inner) => fields(inner),
        _ => None,
    }
}
