//! Expressions: names, syntax and types, in one pass.

use offtake_lir::functions;
use offtake_row::Type;
use sqlparser::{
    ast::{BinaryOperator, CeilFloorKind, Expr, Ident, Spanned, TrimWhereField},
    tokenizer::Span,
};

use super::{
    Binder,
    aggregate::AggregateCall,
    datatype, literal, name,
    query::Named,
    refusal::{refused, whole_row},
    scope::Env,
    session_function,
    subquery::Subquery,
    table_function::SetCall,
    typed::Typed,
    window::WindowItem,
};
use crate::error::PlanError;

/// How deep an expression may be nested, chains of AND and OR not counted.
const DEPTH_LIMIT: usize = 300;

/// What expressions of a SELECT ask for besides columns; each has a [`super::place::Place`] until it gets a column.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) aggregates: Vec<AggregateCall>,
    pub(super) windows: Vec<WindowItem>,
    pub(super) subqueries: Vec<Subquery>,
    pub(super) sets: Vec<SetCall>,
}

/// Where an expression stands, and so what it may hold.
pub(super) struct Clause<'c> {
    pub(super) env: &'c Env<'c>,
    pub(super) pending: &'c mut Pending,
    pub(super) named: &'c Named,
    /// The clause's name, if aggregates are refused in it.
    pub(super) no_aggregates: Option<&'static str>,
    /// The clause's name, if window functions are refused in it.
    pub(super) no_windows: Option<&'static str>,
    /// The clause's name, if set-returning functions are refused in it.
    pub(super) no_sets: Option<&'static str>,
    /// Whether it is the argument of an aggregate, below the grouping.
    pub(super) in_aggregate: bool,
    /// The windows that WINDOW names.
    pub(super) window_names: &'c [sqlparser::ast::NamedWindowDefinition],
    pub(super) depth: usize,
}

impl<'c> Clause<'c> {
    /// A clause that takes rows one by one: no aggregates, windows or sets.
    pub(super) fn plain(
        env: &'c Env<'c>,
        pending: &'c mut Pending,
        named: &'c Named,
        clause: &'static str,
    ) -> Clause<'c> {
        let refused = Some(clause);
        Clause {
            env,
            pending,
            named,
            no_aggregates: refused,
            no_windows: refused,
            no_sets: refused,
            in_aggregate: false,
            window_names: &[],
            depth: 0,
        }
    }
}

impl Binder<'_> {
    /// An expression with its type.
    pub(super) fn expr(&mut self, expr: &Expr, at: &mut Clause<'_>) -> Result<Typed, PlanError> {
        at.depth += 1;
        if at.depth > DEPTH_LIMIT {
            return Err(PlanError::new("54001", "expression is nested too deeply")
                .hint(format!("at most {DEPTH_LIMIT} levels are taken")));
        }
        let bound = self.expr_inner(expr, at);
        at.depth -= 1;
        bound
    }

    pub(super) fn exprs<'e>(
        &mut self,
        exprs: impl IntoIterator<Item = &'e Expr>,
        at: &mut Clause<'_>,
    ) -> Result<Vec<Typed>, PlanError> {
        exprs.into_iter().map(|expr| self.expr(expr, at)).collect()
    }

    /// An operator over expressions.
    pub(super) fn operator_of<'e>(
        &mut self,
        name: &str,
        exprs: impl IntoIterator<Item = &'e Expr>,
        span: Span,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let args = self.exprs(exprs, at)?;
        self.operator(name, args).map_err(|error| error.at(span))
    }

    /// A function over expressions.
    fn function_of<'e>(
        &mut self,
        name: &str,
        exprs: impl IntoIterator<Item = &'e Expr>,
        span: Span,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let args = self.exprs(exprs, at)?;
        self.function(name, args).map_err(|error| error.at(span))
    }

    fn expr_inner(&mut self, expr: &Expr, at: &mut Clause<'_>) -> Result<Typed, PlanError> {
        let span = || expr.span();
        match expr {
            Expr::Identifier(ident) => self.identifier(ident, at),
            Expr::CompoundIdentifier(idents) => self.compound(idents, at),
            Expr::Nested(inner) => self.expr(inner, at),
            Expr::Value(value) => self.literal(value),
            Expr::TypedString(typed) => {
                let ty = self.type_name(&typed.data_type).map_err(|error| error.at(span()))?;
                let text = self.literal(&typed.value)?;
                self.explicit_cast(text, ty).map_err(|error| error.at(span()))
            }
            Expr::Interval(interval) => self.interval(interval, at).map_err(|error| error.at(span())),
            Expr::Cast { expr: inner, data_type, array: false, format: None, .. } => {
                let ty = self.type_name(data_type).map_err(|error| error.at(span()))?;
                let typed = match &**inner {
                    Expr::Array(array) if array.elem.is_empty() && ty.element().is_some() => {
                        Typed::Unknown(Some("{}".to_owned()))
                    }
                    inner => self.expr(inner, at)?,
                };
                self.explicit_cast(typed, ty).map_err(|error| error.at(span()))
            }
            Expr::UnaryOp { op, expr: inner } => self.unary(*op, inner, at),
            Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
                self.chain(left, op, right, at)
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right, expr, at),
            Expr::IsNull(inner) => self.null_test("IS NULL", inner, at),
            Expr::IsNotNull(inner) => self.null_test("IS NOT NULL", inner, at),
            Expr::IsTrue(inner) => self.truth_test("IS TRUE", inner, at),
            Expr::IsNotTrue(inner) => self.truth_test("IS NOT TRUE", inner, at),
            Expr::IsFalse(inner) => self.truth_test("IS FALSE", inner, at),
            Expr::IsNotFalse(inner) => self.truth_test("IS NOT FALSE", inner, at),
            Expr::IsUnknown(inner) => self.truth_test("IS UNKNOWN", inner, at),
            Expr::IsNotUnknown(inner) => self.truth_test("IS NOT UNKNOWN", inner, at),
            Expr::IsDistinctFrom(left, right) => self.distinctness(left, right, false, at),
            Expr::IsNotDistinctFrom(left, right) => self.distinctness(left, right, true, at),
            Expr::Between { expr: value, negated, low, high } => {
                let [value, low, high] = [self.expr(value, at)?, self.expr(low, at)?, self.expr(high, at)?];
                let (below, above, all) = if *negated { ("<", ">", false) } else { (">=", "<=", true) };
                let first = self.operator(below, vec![value.clone(), low]).map_err(|e| e.at(span()))?;
                let second = self.operator(above, vec![value, high]).map_err(|e| e.at(span()))?;
                self.combine(vec![first, second], all)
            }
            Expr::InList { expr: left, list, negated } => self.in_list(left, list, *negated, at),
            Expr::Like { negated, any: false, expr: text, pattern, escape_char } => {
                let symbol = if *negated { "!~~" } else { "~~" };
                self.like(symbol, text, pattern, escape_char.as_ref(), at).map_err(|error| error.at(span()))
            }
            Expr::ILike { negated, any: false, expr: text, pattern, escape_char } => {
                let symbol = if *negated { "!~~*" } else { "~~*" };
                self.like(symbol, text, pattern, escape_char.as_ref(), at).map_err(|error| error.at(span()))
            }
            Expr::SimilarTo { negated, expr: text, pattern, escape_char } => self
                .similar(*negated, text, pattern, escape_char.as_ref(), at)
                .map_err(|error| error.at(span())),
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), at)
            }
            Expr::Function(function) => self.function_call(function, span(), at),
            Expr::Extract { field, expr: inner, .. } => {
                let field = field.to_string().trim_matches('\'').to_lowercase();
                let inner = self.expr(inner, at)?;
                self.function("extract", vec![Typed::Unknown(Some(field)), inner]).map_err(|e| e.at(span()))
            }
            Expr::Ceil { expr: inner, field: CeilFloorKind::DateTimeField(_) } => {
                self.function_of("ceil", [&**inner], span(), at)
            }
            Expr::Floor { expr: inner, field: CeilFloorKind::DateTimeField(_) } => {
                self.function_of("floor", [&**inner], span(), at)
            }
            Expr::Position { expr: part, r#in } => self.function_of("position", [&**r#in, part], span(), at),
            Expr::Substring { expr: text, substring_from, substring_for, shorthand, .. } => {
                let name = if *shorthand { "substr" } else { "substring" };
                let mut args = vec![self.expr(text, at)?];
                match (substring_from, substring_for) {
                    (None, Some(_)) => args.push(literal::number("1")?),
                    (None, None) => {}
                    (Some(from), _) => args.push(self.expr(from, at)?),
                }
                if let Some(count) = substring_for {
                    args.push(self.expr(count, at)?);
                }
                self.function(name, args).map_err(|error| error.at(span()))
            }
            Expr::Trim { trim_where, trim_what, expr: text, trim_characters } => {
                let name = match trim_where {
                    None | Some(TrimWhereField::Both) => "btrim",
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                };
                let characters = trim_what.as_deref().into_iter().chain(trim_characters.iter().flatten());
                let args: Vec<&Expr> = std::iter::once(&**text).chain(characters).collect();
                self.function_of(name, args, span(), at)
            }
            Expr::Overlay { expr: text, overlay_what, overlay_from, overlay_for } => {
                let args = [&**text, overlay_what, overlay_from].into_iter().chain(overlay_for.as_deref());
                self.function_of("overlay", args, span(), at)
            }
            Expr::AtTimeZone { timestamp, time_zone } => {
                self.function_of("timezone", [&**time_zone, timestamp], span(), at)
            }
            Expr::Collate { expr: inner, collation } => {
                match name::parts(collation).last().map(String::as_str) {
                    Some("C" | "POSIX" | "ucs_basic" | "default") => self.expr(inner, at),
                    _ => Err(PlanError::unsupported(
                        format!("the collation {collation} is"),
                        "texts are compared bytewise, as by COLLATE \"C\"",
                    )
                    .at(span())),
                }
            }
            Expr::Exists { subquery, negated } => self.exists_value(subquery, *negated, at),
            Expr::Subquery(query) => self.scalar_subquery(query, at),
            Expr::InSubquery { expr: left, subquery, negated } => {
                self.in_value(left, subquery, *negated, at).map_err(|error| error.at(span()))
            }
            Expr::AnyOp { left, compare_op, right, .. } => {
                self.quantified(left, compare_op, right, true, at).map_err(|error| error.at(span()))
            }
            Expr::AllOp { left, compare_op, right } => {
                self.quantified(left, compare_op, right, false, at).map_err(|error| error.at(span()))
            }
            Expr::Array(array) => {
                let elements = self.exprs(&array.elem, at)?;
                self.array(elements).map_err(|error| error.at(span()))
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                self.access(root, access_chain, at).map_err(|error| error.at(span()))
            }
            other => Err(refused(other).at(other.span())),
        }
    }

    fn identifier(&mut self, ident: &Ident, at: &mut Clause<'_>) -> Result<Typed, PlanError> {
        let name = name::ident(ident);
        if let Some(known) = at.env.unqualified(&name, ident.span)? {
            return Ok(Typed::Known(known));
        }
        if ident.quote_style.is_none()
            && session_function::without_parentheses(&name)
            && let Some(answer) =
                session_function::answer(&name, self.context.session).map_err(|error| error.at(ident.span))?
        {
            self.is_lasting &= session_function::is_lasting(&name);
            return Ok(answer);
        }
        if let Some(known) = at.env.scalar_item(&name, ident.span)? {
            return Ok(Typed::Known(known));
        }
        if at.env.has_item(&name) {
            return Err(whole_row(&name).at(ident.span));
        }
        let columns = at.env.scope.items.iter();
        let columns = columns
            .flat_map(|item| item.columns.iter().map(|column| (item.alias.as_str(), column.name.as_str())));
        Err(PlanError::new("42703", format!("column \"{name}\" does not exist"))
            .hint(name::similar_column(&name, columns))
            .at(ident.span))
    }

    fn compound(&mut self, idents: &[Ident], at: &mut Clause<'_>) -> Result<Typed, PlanError> {
        let span = idents.first().map_or_else(Span::empty, |ident| ident.span);
        let names: Vec<String> = idents.iter().map(name::ident).collect();
        let known = match names.as_slice() {
            [table, column] => at.env.qualified(None, table, column, span)?,
            [schema, table, column] => at.env.qualified(Some(schema), table, column, span)?,
            _ => {
                return Err(PlanError::unsupported(
                    format!("the reference {} is", names.join(".")),
                    "name a column as schema.table.column at most",
                )
                .at(span));
            }
        };
        Ok(Typed::Known(known))
    }

    /// A type's name: a built-in one, or one that only the catalog has.
    pub(super) fn type_name(&self, name: &sqlparser::ast::DataType) -> Result<Type, PlanError> {
        datatype::resolve(name)
    }

    /// `x::type`, `CAST (x AS type)`.
    pub(super) fn explicit_cast(&mut self, typed: Typed, ty: Type) -> Result<Typed, PlanError> {
        let nullable = typed.nullable();
        let scalar = self.cast(typed, ty, functions::CastContext::Explicit)?;
        Ok(Typed::known(scalar, ty, nullable))
    }
}
