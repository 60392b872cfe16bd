//! Expressions: names and syntax become canonical columns and calls.

use datafusion_sql::sqlparser::{
    ast::{
        BinaryOperator, CeilFloorKind, Expr, Ident, Spanned, TrimWhereField, UnaryOperator, Value,
        ValueWithSpan,
    },
    tokenizer::Span,
};
use offtake_row::Type;

use super::{
    canonical as form, datatype, name,
    refusal::{refused, whole_row},
    scope::Scope,
    session_function,
};
use crate::{error::PlanError, session::Session};

/// How deep an expression may be nested, chains of AND and OR not counted.
const DEPTH_LIMIT: usize = 300;

/// Where an expression stands, and so what it may hold.
pub(crate) struct Expressions<'a> {
    pub(crate) scope: &'a Scope,
    /// `None` in views, which outlive every session.
    pub(crate) session: Option<&'a Session>,
    /// The clause, if aggregates are refused in it.
    pub(crate) no_aggregates_in: Option<&'static str>,
    /// Whether an aggregate was met.
    pub(crate) aggregated: bool,
    depth: usize,
}

impl<'a> Expressions<'a> {
    pub(crate) fn new(
        scope: &'a Scope,
        session: Option<&'a Session>,
        no_aggregates_in: Option<&'static str>,
    ) -> Expressions<'a> {
        Expressions { scope, session, no_aggregates_in, aggregated: false, depth: 0 }
    }

    pub(crate) fn resolve(&mut self, expr: &Expr) -> Result<Expr, PlanError> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(PlanError::new("54001", "expression is nested too deeply")
                .hint(format!("at most {DEPTH_LIMIT} levels are taken")));
        }
        let resolved = self.resolve_inner(expr);
        self.depth -= 1;
        resolved
    }

    pub(super) fn all<'e>(
        &mut self,
        exprs: impl IntoIterator<Item = &'e Expr>,
    ) -> Result<Vec<Expr>, PlanError> {
        exprs.into_iter().map(|expr| self.resolve(expr)).collect()
    }

    pub(super) fn call<'e>(
        &mut self,
        name: &str,
        args: impl IntoIterator<Item = &'e Expr>,
    ) -> Result<Expr, PlanError> {
        Ok(form::call(name, self.all(args)?))
    }

    pub(super) fn function_call<'e>(
        &mut self,
        name: &str,
        args: impl IntoIterator<Item = &'e Expr>,
    ) -> Result<Expr, PlanError> {
        self.call(&format!("{}{name}", form::FUNCTION), args)
    }

    fn is(&mut self, test: &str, expr: &Expr) -> Result<Expr, PlanError> {
        Ok(form::call(form::IS, vec![form::text(test), self.resolve(expr)?]))
    }

    fn resolve_inner(&mut self, expr: &Expr) -> Result<Expr, PlanError> {
        match expr {
            Expr::Identifier(ident) => self.identifier(ident),
            Expr::CompoundIdentifier(idents) => self.compound(idents),
            Expr::Nested(inner) => self.resolve(inner),
            Expr::Value(value) => literal(value),
            Expr::TypedString(typed) => {
                let ty = datatype::resolve(&typed.data_type).map_err(|error| error.at(expr.span()))?;
                Ok(form::cast(literal(&typed.value)?, ty))
            }
            Expr::Cast { expr: inner, data_type, array: false, format: None, .. } => {
                let ty = datatype::resolve(data_type).map_err(|error| error.at(expr.span()))?;
                Ok(form::cast(self.resolve(inner)?, ty))
            }
            Expr::UnaryOp { op, expr: inner } => self.unary(*op, inner),
            Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
                self.chain(left, op, right)
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right, expr),
            Expr::IsNull(inner) => self.is("IS NULL", inner),
            Expr::IsNotNull(inner) => self.is("IS NOT NULL", inner),
            Expr::IsTrue(inner) => self.is("IS TRUE", inner),
            Expr::IsNotTrue(inner) => self.is("IS NOT TRUE", inner),
            Expr::IsFalse(inner) => self.is("IS FALSE", inner),
            Expr::IsNotFalse(inner) => self.is("IS NOT FALSE", inner),
            Expr::IsUnknown(inner) => self.is("IS UNKNOWN", inner),
            Expr::IsNotUnknown(inner) => self.is("IS NOT UNKNOWN", inner),
            Expr::IsDistinctFrom(left, right) => {
                Ok(form::operator("IS DISTINCT FROM", self.all([&**left, right])?))
            }
            Expr::IsNotDistinctFrom(left, right) => {
                Ok(form::operator("IS NOT DISTINCT FROM", self.all([&**left, right])?))
            }
            Expr::Between { expr, negated, low, high } => {
                let (expr, low, high) = (self.resolve(expr)?, self.resolve(low)?, self.resolve(high)?);
                Ok(if *negated {
                    let below = form::operator("<", vec![expr.clone(), low]);
                    form::call(form::OR, vec![below, form::operator(">", vec![expr, high])])
                } else {
                    let above = form::operator(">=", vec![expr.clone(), low]);
                    form::call(form::AND, vec![above, form::operator("<=", vec![expr, high])])
                })
            }
            Expr::InList { expr, list, negated } => self.in_list(expr, list, *negated),
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like(if *negated { "!~~" } else { "~~" }, expr, pattern, escape_char.as_ref())
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.like(if *negated { "!~~*" } else { "~~*" }, expr, pattern, escape_char.as_ref())
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                let operand = operand.as_deref().map(|operand| self.resolve(operand)).transpose()?;
                let mut args = Vec::with_capacity(2 * conditions.len() + 1);
                for when in conditions {
                    let condition = self.resolve(&when.condition)?;
                    args.push(match &operand {
                        Some(operand) => form::operator("=", vec![operand.clone(), condition]),
                        None => condition,
                    });
                    args.push(self.resolve(&when.result)?);
                }
                args.push(
                    else_result.as_deref().map_or_else(|| Ok(form::null()), |result| self.resolve(result))?,
                );
                Ok(form::call(form::CASE, args))
            }
            Expr::Function(function) => self.function(function, expr.span()),
            Expr::Extract { field, expr: inner, .. } => {
                let field = field.to_string().trim_matches('\'').to_lowercase();
                let inner = self.resolve(inner)?;
                Ok(form::call(&format!("{}extract", form::FUNCTION), vec![form::text(field), inner]))
            }
            Expr::Ceil { expr: inner, field: CeilFloorKind::DateTimeField(_) } => {
                self.function_call("ceil", [&**inner])
            }
            Expr::Floor { expr: inner, field: CeilFloorKind::DateTimeField(_) } => {
                self.function_call("floor", [&**inner])
            }
            Expr::Position { expr: part, r#in } => self.function_call("position", [&**r#in, part]),
            Expr::Substring { expr, substring_from, substring_for, shorthand, .. } => {
                let name = if *shorthand { "substr" } else { "substring" };
                let mut args = vec![self.resolve(expr)?];
                match (substring_from, substring_for) {
                    (None, Some(_)) => args.push(form::call(form::NUMBER, vec![form::text("1")])),
                    (None, None) => {}
                    (Some(from), _) => args.push(self.resolve(from)?),
                }
                if let Some(count) = substring_for {
                    args.push(self.resolve(count)?);
                }
                Ok(form::call(&format!("{}{name}", form::FUNCTION), args))
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
                let name = match trim_where {
                    None | Some(TrimWhereField::Both) => "btrim",
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                };
                let characters = trim_what.as_deref().into_iter().chain(trim_characters.iter().flatten());
                let args: Vec<&Expr> = std::iter::once(&**expr).chain(characters).collect();
                self.function_call(name, args)
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let args = [&**expr, overlay_what, overlay_from].into_iter().chain(overlay_for.as_deref());
                self.function_call("overlay", args)
            }
            Expr::AtTimeZone { timestamp, time_zone } => {
                self.function_call("timezone", [&**time_zone, timestamp])
            }
            Expr::Collate { expr: inner, collation } => {
                match name::parts(collation).last().map(String::as_str) {
                    Some("C" | "POSIX" | "ucs_basic") => self.resolve(inner),
                    _ => Err(PlanError::unsupported(
                        format!("the collation {collation} is"),
                        "texts are compared bytewise, as by COLLATE \"C\"",
                    )
                    .at(expr.span())),
                }
            }
            other => Err(refused(other).at(other.span())),
        }
    }

    fn identifier(&mut self, ident: &Ident) -> Result<Expr, PlanError> {
        let name = name::ident(ident);
        if let Some(column) = self.scope.unqualified(&name, ident.span)? {
            return Ok(column.expr.clone());
        }
        if ident.quote_style.is_none()
            && session_function::without_parentheses(&name)
            && let Some(answer) =
                session_function::answer(&name, self.session).map_err(|error| error.at(ident.span))?
        {
            return Ok(answer);
        }
        if self.scope.items.iter().any(|item| item.alias == name) {
            return Err(whole_row(&name).at(ident.span));
        }
        Err(PlanError::new("42703", format!("column \"{name}\" does not exist")).at(ident.span))
    }

    fn compound(&mut self, idents: &[Ident]) -> Result<Expr, PlanError> {
        let span = idents.first().map_or_else(Span::empty, |ident| ident.span);
        let names: Vec<String> = idents.iter().map(name::ident).collect();
        let column = match names.as_slice() {
            [table, column] => self.scope.qualified(None, table, column, span)?,
            [schema, table, column] => self.scope.qualified(Some(schema), table, column, span)?,
            _ => {
                return Err(PlanError::unsupported(
                    format!("the reference {} is", names.join(".")),
                    "name a column as schema.table.column at most",
                )
                .at(span));
            }
        };
        Ok(column.expr.clone())
    }

    fn unary(&mut self, op: UnaryOperator, inner: &Expr) -> Result<Expr, PlanError> {
        if let (
            UnaryOperator::Minus | UnaryOperator::Plus,
            Expr::BinaryOp { left, op: BinaryOperator::PGExp, right },
        ) = (op, inner)
        {
            // The parser binds a sign looser than ^, PostgreSQL binds it tighter: -2 ^ 2 is 4.
            let signed = self.unary(op, left)?;
            return Ok(form::operator("^", vec![signed, self.resolve(right)?]));
        }
        let symbol = match op {
            UnaryOperator::Not => return self.call(form::NOT, [inner]),
            UnaryOperator::Minus => {
                // The parser of PostgreSQL folds the sign into the number, so that -2147483648 is an integer.
                let mut number = inner;
                while let Expr::Nested(inner) = number {
                    number = inner;
                }
                if let Expr::Value(ValueWithSpan { value: Value::Number(digits, _), .. }) = number {
                    return Ok(form::call(form::NUMBER, vec![form::text(format!("-{digits}"))]));
                }
                "-"
            }
            UnaryOperator::Plus => "+",
            UnaryOperator::BitwiseNot => "~",
            UnaryOperator::PGAbs => "@",
            UnaryOperator::PGSquareRoot => "|/",
            UnaryOperator::PGCubeRoot => "||/",
            other => return Err(PlanError::unsupported(format!("the operator {other} is"), "")),
        };
        Ok(form::operator(symbol, vec![self.resolve(inner)?]))
    }

    /// `a AND b AND c` (a tree that leans left) as one call.
    fn chain(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Result<Expr, PlanError> {
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
        self.call(if *op == BinaryOperator::And { form::AND } else { form::OR }, operands)
    }

    fn binary(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        whole: &Expr,
    ) -> Result<Expr, PlanError> {
        let symbol =
            match op {
                BinaryOperator::Eq => "=",
                BinaryOperator::NotEq => "<>",
                BinaryOperator::PGExp => "^",
                BinaryOperator::PGBitwiseXor => "#",
                BinaryOperator::PGCustomBinaryOperator(parts) => {
                    let schema_is_ours =
                        parts.len() < 2 || parts.first().is_some_and(|schema| schema == "pg_catalog");
                    let symbol = parts.last().filter(|_| schema_is_ours);
                    return match symbol.map(String::as_str) {
                        Some(symbol) => Ok(form::operator(symbol, self.all([left, right])?)),
                        None => Err(PlanError::new("42883", format!("operator does not exist: {op}"))
                            .at(whole.span())),
                    };
                }
                other => &other.to_string(),
            };
        if let (Expr::Tuple(left), Expr::Tuple(right), "=" | "<>") = (left, right, symbol) {
            return self.row_equality(left, right, symbol == "=");
        }
        Ok(form::operator(symbol, self.all([left, right])?))
    }

    fn row_equality(&mut self, left: &[Expr], right: &[Expr], equal: bool) -> Result<Expr, PlanError> {
        if left.len() != right.len() {
            return Err(PlanError::syntax("unequal number of entries in row expressions"));
        }
        let (symbol, all) = if equal { ("=", form::AND) } else { ("<>", form::OR) };
        let pairs = left.iter().zip(right);
        let pairs = pairs.map(|(left, right)| Ok(form::operator(symbol, self.all([left, right])?)));
        let pairs = pairs.collect::<Result<_, PlanError>>()?;
        Ok(form::call(all, pairs))
    }

    fn in_list(&mut self, expr: &Expr, list: &[Expr], negated: bool) -> Result<Expr, PlanError> {
        let found = if let Expr::Tuple(left) = expr {
            let rows = list.iter().map(|row| match row {
                Expr::Tuple(right) => self.row_equality(left, right, true),
                _ => Err(PlanError::syntax("unequal number of entries in row expressions")),
            });
            form::call(form::OR, rows.collect::<Result<_, _>>()?)
        } else {
            self.call(form::IN, std::iter::once(expr).chain(list))?
        };
        Ok(if negated { form::call(form::NOT, vec![found]) } else { found })
    }

    fn like(
        &mut self,
        symbol: &str,
        expr: &Expr,
        pattern: &Expr,
        escape: Option<&ValueWithSpan>,
    ) -> Result<Expr, PlanError> {
        let expr = self.resolve(expr)?;
        let mut pattern = self.resolve(pattern)?;
        if let Some(escape) = escape {
            pattern = form::call(&format!("{}like_escape", form::FUNCTION), vec![pattern, literal(escape)?]);
        }
        Ok(form::operator(symbol, vec![expr, pattern]))
    }
}

/// A literal of the parser as a canonical one.
pub(super) fn literal(value: &ValueWithSpan) -> Result<Expr, PlanError> {
    Ok(match &value.value {
        Value::Null => form::null(),
        Value::Boolean(value) => form::call(form::BOOLEAN, vec![form::text(value.to_string())]),
        Value::Number(digits, false) => form::call(form::NUMBER, vec![form::text(digits.clone())]),
        Value::SingleQuotedString(text)
        | Value::EscapedStringLiteral(text)
        | Value::UnicodeStringLiteral(text)
        | Value::NationalStringLiteral(text) => form::text(text.clone()),
        Value::DollarQuotedString(text) => form::text(text.value.clone()),
        Value::Placeholder(text) => match text.strip_prefix('$').map(str::parse::<usize>) {
            Some(Ok(number @ 1..=65535)) => form::call(form::PARAMETER, vec![form::text(number.to_string())]),
            _ => return Err(PlanError::new("42P02", format!("there is no parameter {text}")).at(value.span)),
        },
        Value::SingleQuotedByteStringLiteral(_) | Value::HexStringLiteral(_) => {
            return Err(
                PlanError::unsupported("a bit string is", "write bytes as '\\x…'::bytea").at(value.span)
            );
        }
        other => return Err(PlanError::syntax(format!("syntax error at or near \"{other}\"")).at(value.span)),
    })
}

/// The type of a USING column's two sides is found in `lower`.
pub(super) fn merged(left: Expr, right: Expr) -> Expr {
    form::call(form::MERGE, vec![left, right])
}

/// A constant text, for session functions.
pub(super) fn constant(text: impl Into<String>, ty: Type) -> Expr {
    form::cast(form::text(text), ty)
}
