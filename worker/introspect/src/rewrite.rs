//! Rewriting of what DataFusion cannot run, beyond what `datafusion-pg-catalog` rewrites.
//!
//! | PostgreSQL | becomes |
//! |---|---|
//! | `ARRAY(SELECT e FROM …)` | `(SELECT array_agg(e) FROM …)` |
//! | `ARRAY(SELECT … FROM unnest(options) …)` and over tables that are empty here | NULL |
//! | `EXISTS (SELECT …)` as a value | `(SELECT count(*) FROM …) > 0` |
//! | `(SELECT e FROM …)` in a condition | `(SELECT max(e) FROM …)`: correlated ones must be aggregates |
//! | `x LIKE p ESCAPE '/'` | `x LIKE replace(replace(p, '\', '\\'), '/', '\')` |

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::{
    ast::{
        Expr, FunctionArguments, Query, SelectItem, SetExpr, Statement, TableFactor, Value, ValueWithSpan,
        VisitMut, VisitorMut,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
};

/// Catalog tables that hold nothing, whatever the relations are.
const EMPTY: &[&str] = &["pg_auth_members", "pg_policy", "pg_db_role_setting", "pg_shdepend", "pg_trigger"];

pub fn rewrite(statement: &mut Statement) {
    let _: ControlFlow<()> = VisitMut::visit(statement, &mut Expressions);
    let Statement::Query(query) = statement else { return };
    let _: ControlFlow<()> = VisitMut::visit(&mut **query, &mut Values);
}

/// Parses an expression that is written in this file.
fn expression(text: &str) -> Option<Expr> {
    Parser::new(&PostgreSqlDialect {}).try_with_sql(text).ok()?.parse_expr().ok()
}

struct Expressions;

impl VisitorMut for Expressions {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } = expr {
            unescape(pattern, escape_char);
        }
        let Expr::Function(function) = &*expr else { return ControlFlow::Continue(()) };
        let FunctionArguments::Subquery(query) = &function.args else { return ControlFlow::Continue(()) };
        if function.name.to_string().eq_ignore_ascii_case("array")
            && let Some(replaced) = array(query)
        {
            *expr = replaced;
        }
        ControlFlow::Continue(())
    }
}

/// Makes the backslash the escape character of a LIKE.
fn unescape(pattern: &mut Expr, escape: &mut Option<ValueWithSpan>) {
    let Some(Value::SingleQuotedString(character)) = escape.as_ref().map(|escape| &escape.value) else {
        return;
    };
    if character.chars().count() != 1 || character == "\\" {
        return;
    }
    let quoted = character.replace('\'', "''");
    if let Some(replaced) =
        expression(&format!("replace(replace({pattern}, '\\', '\\\\'), '{quoted}', '\\')"))
    {
        *pattern = replaced;
        *escape = None;
    }
}

fn array(query: &Query) -> Option<Expr> {
    let SetExpr::Select(select) = &*query.body else { return None };
    let nothing = select
        .from
        .iter()
        .flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)));
    if nothing.clone().any(is_empty) {
        return expression("CAST(NULL AS TEXT[])");
    }
    let mut query = query.clone();
    query.order_by = None;
    let SetExpr::Select(select) = &mut *query.body else { return None };
    let [SelectItem::UnnamedExpr(element) | SelectItem::ExprWithAlias { expr: element, .. }] =
        select.projection.as_slice()
    else {
        return None;
    };
    let aggregate = expression(&format!("array_agg({element})"))?;
    select.projection = vec![SelectItem::UnnamedExpr(aggregate)];
    Some(Expr::Subquery(Box::new(query)))
}

/// A table that is known to be empty, or the elements of a list of options, of which no relation has any.
fn is_empty(relation: &TableFactor) -> bool {
    match relation {
        TableFactor::Table { name, args: None, .. } => {
            let name = name.to_string();
            EMPTY.contains(&name.rsplit('.').next().unwrap_or_default())
        }
        TableFactor::Table { name, args: Some(arguments), .. } => {
            name.to_string().ends_with("unnest")
                && arguments.args.iter().any(|argument| is_options(&argument.to_string()))
        }
        TableFactor::UNNEST { array_exprs, .. } => {
            array_exprs.iter().any(|list| is_options(&list.to_string()))
        }
        _ => false,
    }
}

fn is_options(list: &str) -> bool {
    let column = list.rsplit('.').next().unwrap_or_default();
    column.ends_with("options") || column.ends_with("acl")
}

/// EXISTS is run where it is a condition, as a semi-join, but not as a value.
struct Values;

impl VisitorMut for Values {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Select(select) = &mut *query.body {
            for item in &mut select.projection {
                if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                    let _: ControlFlow<()> = VisitMut::visit(expr, &mut Existence);
                }
            }
            if let Some(condition) = &mut select.selection {
                let _: ControlFlow<()> = VisitMut::visit(condition, &mut Scalars);
            }
        }
        ControlFlow::Continue(())
    }
}

struct Existence;

impl VisitorMut for Existence {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Exists { subquery, negated } = &*expr {
            let mut query = (**subquery).clone();
            let mut counted = false;
            if let (SetExpr::Select(select), Some(count)) = (&mut *query.body, expression("count(*)")) {
                select.projection = vec![SelectItem::UnnamedExpr(count)];
                counted = true;
            }
            let comparison = if *negated { "= 0" } else { "> 0" };
            if counted && let Some(replaced) = expression(&format!("(({query}) {comparison})")) {
                *expr = replaced;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Scalar subqueries in a condition answer one row each: its maximum is itself.
struct Scalars;

impl VisitorMut for Scalars {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Subquery(query) = expr else { return ControlFlow::Continue(()) };
        if let SetExpr::Select(select) = &mut *query.body
            && let [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] =
                select.projection.as_slice()
            && !matches!(value, Expr::Function(_))
            && query.limit_clause.is_none()
            && let Some(aggregate) = expression(&format!("max({value})"))
        {
            select.projection = vec![SelectItem::UnnamedExpr(aggregate)];
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(sql: &str) -> String {
        let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).expect("parses");
        rewrite(&mut statements[0]);
        statements[0].to_string()
    }

    #[test]
    fn arrays_and_values_of_exists_become_subqueries() {
        assert_eq!(
            rewritten("SELECT ARRAY(SELECT a FROM t WHERE t.x = u.x ORDER BY 1) FROM u"),
            "SELECT (SELECT array_agg(a) FROM t WHERE t.x = u.x) FROM u"
        );
        assert_eq!(
            rewritten("SELECT array(select 'toast.' || x from unnest(tc.reloptions) x) FROM c tc"),
            "SELECT CAST(NULL AS TEXT[]) FROM c tc"
        );
        assert_eq!(
            rewritten(
                "SELECT NOT a AND EXISTS (SELECT 1 FROM t WHERE t.x = u.x) AS b FROM u WHERE EXISTS (SELECT 1 FROM t)"
            ),
            "SELECT NOT a AND ((SELECT count(*) FROM t WHERE t.x = u.x) > 0) AS b FROM u WHERE EXISTS (SELECT 1 FROM t)"
        );
        assert_eq!(
            rewritten(
                "SELECT a FROM t WHERE b = (SELECT x FROM u WHERE u.y = t.y) AND c NOT LIKE 'pg/_%' ESCAPE '/'"
            ),
            r"SELECT a FROM t WHERE b = (SELECT max(x) FROM u WHERE u.y = t.y) AND c NOT LIKE replace(replace('pg/_%', '\', '\\'), '/', '\')"
        );
    }
}
