//! The canonical form of a query: what `resolve` writes, DataFusion arranges, and `lower` reads.
//!
//! Expressions are columns `rN.cM`, string literals, and calls of stubs. A stub's name tells its kind ([`OPERATOR`], [`FUNCTION`],
//! [`AGGREGATE`] with the SQL name after it, or one of the special forms). Relations are `uID AS rN`, output columns are `c0`, `c1`, …

use std::sync::LazyLock;

use datafusion_sql::sqlparser::{
    ast::{
        self, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
        FunctionArguments, Ident, ObjectName, SelectItem, SetExpr, TableAlias, TableFactor, Value,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
};
use offtake_row::Type;

/// Prefix of operators: `op:+`.
pub(crate) const OPERATOR: &str = "op:";
/// Prefix of functions: `fn:abs`.
pub(crate) const FUNCTION: &str = "fn:";
/// Prefix of aggregates: `agg:sum`.
pub(crate) const AGGREGATE: &str = "agg:";
/// A numeric literal, from its text.
pub(crate) const NUMBER: &str = "number";
/// TRUE or FALSE, from its text.
pub(crate) const BOOLEAN: &str = "boolean";
/// NULL of no type yet.
pub(crate) const NULL: &str = "null";
/// A parameter, from its number counted from 1.
pub(crate) const PARAMETER: &str = "parameter";
/// Any number of operands.
pub(crate) const AND: &str = "and";
pub(crate) const OR: &str = "or";
pub(crate) const NOT: &str = "not";
/// An explicit cast: expression, then type ([`type_text`]).
pub(crate) const CAST: &str = "cast";
/// Condition and value by turns, the ELSE value last.
pub(crate) const CASE: &str = "case";
pub(crate) const COALESCE: &str = "coalesce";
/// The left operand, then the list.
pub(crate) const IN: &str = "in";
/// `IS NULL`, `IS TRUE`, …: the test's words, then the operand.
pub(crate) const IS: &str = "is";
/// The column that USING makes of two.
pub(crate) const MERGE: &str = "merge";
/// A condition: expression, then the clause it stands in. The only stub whose shadow type is Boolean.
pub(crate) const CONDITION: &str = "condition";
/// A group key that holds no column.
pub(crate) const CONSTANT_KEY: &str = "constant_key";

pub(crate) fn call(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Function(function(name, args, None, None))
}

/// A call of an aggregate.
pub(crate) fn aggregate(name: &str, args: Vec<Expr>, distinct: bool, filter: Option<Expr>) -> Expr {
    let treatment = distinct.then_some(DuplicateTreatment::Distinct);
    Expr::Function(function(&format!("{AGGREGATE}{name}"), args, treatment, filter.map(Box::new)))
}

fn function(
    name: &str,
    args: Vec<Expr>,
    duplicate_treatment: Option<DuplicateTreatment>,
    filter: Option<Box<Expr>>,
) -> Function {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    Function {
        name: ObjectName::from(vec![quoted(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment,
            args,
            clauses: Vec::new(),
        }),
        filter,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }
}

pub(crate) fn operator(name: &str, args: Vec<Expr>) -> Expr {
    call(&format!("{OPERATOR}{name}"), args)
}

pub(crate) fn text(text: impl Into<String>) -> Expr {
    Expr::Value(Value::SingleQuotedString(text.into()).into())
}

pub(crate) fn null() -> Expr {
    call(NULL, Vec::new())
}

pub(crate) fn cast(expr: Expr, ty: Type) -> Expr {
    call(CAST, vec![expr, text(type_text(ty))])
}

pub(crate) fn condition(expr: Expr, clause: &str) -> Expr {
    call(CONDITION, vec![expr, text(clause)])
}

/// A type as it travels through DataFusion.
pub(crate) fn type_text(ty: Type) -> String {
    format!("{} {}", ty.oid(), ty.typmod())
}

/// Reads what [`type_text`] wrote.
pub(crate) fn parse_type(text: &str) -> Option<Type> {
    let (oid, typmod) = text.split_once(' ')?;
    Type::from_oid(oid.parse().ok()?, typmod.parse().ok()?)
}

pub(crate) fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

pub(crate) fn relation_name(number: usize) -> String {
    format!("r{number}")
}

pub(crate) fn column_name(position: usize) -> String {
    format!("c{position}")
}

pub(crate) fn column(relation: usize, name: &str) -> Expr {
    Expr::CompoundIdentifier(vec![quoted(&relation_name(relation)), quoted(name)])
}

/// The name and arguments of a stub call.
pub(crate) fn parts(expr: &Expr) -> Option<(&str, Vec<&Expr>, Option<&Expr>)> {
    let Expr::Function(function) = expr else { return None };
    let name = function.name.0.first()?.as_ident()?.value.as_str();
    let FunctionArguments::List(list) = &function.args else { return None };
    let args = list
        .args
        .iter()
        .filter_map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect();
    Some((name, args, function.filter.as_deref()))
}

/// `SELECT` with nothing in it, to be filled.
pub(crate) fn select() -> ast::Select {
    static TEMPLATE: LazyLock<Option<ast::Select>> = LazyLock::new(|| {
        let query = Parser::new(&PostgreSqlDialect {})
            .try_with_sql("SELECT 1")
            .and_then(|mut parser| parser.parse_query());
        match query.map(|query| *query.body) {
            Ok(SetExpr::Select(select)) => Some(ast::Select { projection: Vec::new(), ..*select }),
            _ => None,
        }
    });
    TEMPLATE.clone().expect("SELECT 1 is a SELECT")
}

pub(crate) fn query(body: SetExpr) -> ast::Query {
    ast::Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

pub(crate) fn item(expr: Expr, position: usize) -> SelectItem {
    SelectItem::ExprWithAlias { expr, alias: quoted(&column_name(position)) }
}

fn alias(relation: usize) -> Option<TableAlias> {
    Some(TableAlias { explicit: true, name: quoted(&relation_name(relation)), columns: Vec::new(), at: None })
}

pub(crate) fn table(name: &str, relation: usize) -> TableFactor {
    TableFactor::Table {
        name: ObjectName::from(vec![quoted(name)]),
        alias: alias(relation),
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    }
}

pub(crate) fn derived(body: SetExpr, relation: usize) -> TableFactor {
    TableFactor::Derived {
        lateral: false,
        subquery: Box::new(query(body)),
        alias: alias(relation),
        sample: None,
    }
}
