//! FROM: tables, subqueries and joins.

use std::rc::Rc;

use datafusion_sql::sqlparser::{
    ast::{
        Ident, Join, JoinConstraint, JoinOperator, ObjectName, Spanned, TableAlias, TableFactor,
        TableWithJoins,
    },
    tokenizer::Span,
};

use super::{
    Body, Named, Resolver, canonical as form,
    expression::{self, Expressions},
    name, refusal,
    scope::{Column, Item, Scope},
};
use crate::{error::PlanError, relations::RelationKind};

/// A relation that is joined with nothing.
pub(super) fn only(relation: TableFactor) -> TableWithJoins {
    TableWithJoins { relation, joins: Vec::new() }
}

/// Gives the first columns the names of an alias with a column list: `AS t (a, b)`.
pub(super) fn rename(names: &mut [String], alias: &TableAlias, what: &str) -> Result<(), PlanError> {
    let alias_name = name::alias(&alias.name)?;
    if alias.columns.len() > names.len() {
        let (has, given) = (names.len(), alias.columns.len());
        let message =
            format!("{what} \"{alias_name}\" has {has} columns available but {given} columns specified");
        return Err(PlanError::new("42P10", message).at(alias.name.span));
    }
    for (name, column) in names.iter_mut().zip(&alias.columns) {
        *name = name::alias(&column.name)?;
    }
    Ok(())
}

impl Resolver<'_> {
    /// The FROM list: the relations, and the scope of the rest of the SELECT.
    pub(super) fn from(
        &mut self,
        from: &[TableWithJoins],
        named: &Named,
    ) -> Result<(Vec<TableWithJoins>, Scope), PlanError> {
        let mut scope = Scope::default();
        let mut tables = Vec::with_capacity(from.len());
        for table in from {
            let (table, its) = self.joined(table, named)?;
            tables.push(table);
            scope = scope.join(its)?;
        }
        Ok((tables, scope))
    }

    fn joined(
        &mut self,
        table: &TableWithJoins,
        named: &Named,
    ) -> Result<(TableWithJoins, Scope), PlanError> {
        let (relation, mut scope) = self.factor(&table.relation, named)?;
        let mut joins = Vec::with_capacity(table.joins.len());
        for join in &table.joins {
            let (relation, its) = self.factor(&join.relation, named)?;
            let constraint = inner(&join.join_operator).map_err(|error| error.at(join.relation.span()))?;
            let on;
            (on, scope) = self.constraint(constraint, scope, its)?;
            let join_operator = match on {
                Some(on) => JoinOperator::Inner(JoinConstraint::On(on)),
                None => JoinOperator::CrossJoin(JoinConstraint::None),
            };
            joins.push(Join { relation, global: false, join_operator });
        }
        Ok((TableWithJoins { relation, joins }, scope))
    }

    fn constraint(
        &mut self,
        constraint: &JoinConstraint,
        left: Scope,
        right: Scope,
    ) -> Result<(Option<super::Expr>, Scope), PlanError> {
        let columns: Vec<Ident> = match constraint {
            JoinConstraint::None => return Ok((None, left.join(right)?)),
            JoinConstraint::On(on) => {
                let scope = left.join(right)?;
                let on =
                    Expressions::new(&scope, self.context.session, Some("JOIN conditions")).resolve(on)?;
                return Ok((Some(form::condition(on, "JOIN/ON")), scope));
            }
            JoinConstraint::Using(names) => names
                .iter()
                .map(|name| match name.0.as_slice() {
                    [part] => {
                        part.as_ident().cloned().ok_or_else(|| PlanError::syntax("syntax error in USING"))
                    }
                    _ => Err(PlanError::syntax("syntax error at or near \".\"").at(name.span())),
                })
                .collect::<Result<_, _>>()?,
            JoinConstraint::Natural => left
                .visible
                .iter()
                .filter(|column| right.visible.iter().any(|other| other.name == column.name))
                .map(|column| form::quoted(&column.name))
                .collect(),
        };
        let mut conditions = Vec::with_capacity(columns.len());
        let mut merged: Vec<Column> = Vec::with_capacity(columns.len());
        for ident in &columns {
            let name = name::ident(ident);
            if merged.iter().any(|column| column.name == name) {
                let message = format!("column name \"{name}\" appears more than once in USING clause");
                return Err(PlanError::new("42701", message).at(ident.span));
            }
            let side = |scope: &Scope, side: &str| {
                let ambiguous =
                    || format!("common column name \"{name}\" appears more than once in {side} table");
                let column = scope
                    .unqualified(&name, ident.span)
                    .map_err(|error| PlanError { message: ambiguous(), ..error })?;
                let missing =
                    || format!("column \"{name}\" specified in USING clause does not exist in {side} table");
                column
                    .map(|column| column.expr.clone())
                    .ok_or_else(|| PlanError::new("42703", missing()).at(ident.span))
            };
            let (l, r) = (side(&left, "left")?, side(&right, "right")?);
            conditions.push(form::operator("=", vec![l.clone(), r.clone()]));
            merged.push(Column { name, expr: expression::merged(l, r) });
        }
        let mut scope = left.join(right)?;
        scope.merge(merged);
        let on = match conditions.len() {
            0 => None,
            1 => conditions.pop(),
            _ => Some(form::call(form::AND, conditions)),
        };
        Ok((on.map(|on| form::condition(on, "JOIN/USING")), scope))
    }

    fn factor(&mut self, factor: &TableFactor, named: &Named) -> Result<(TableFactor, Scope), PlanError> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                version: None,
                with_ordinality: false,
                sample: None,
                ..
            } => self.table(name, alias.as_ref(), named),
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => {
                Err(PlanError::unsupported(
                    format!("the function {name}(…) in FROM is"),
                    "only tables, views, subqueries and VALUES can be read",
                )
                .at(name.span()))
            }
            TableFactor::Table { name, .. } => {
                Err(PlanError::unsupported("TABLESAMPLE is", "filter by a hash or a range of the key")
                    .at(name.span()))
            }
            TableFactor::Derived { lateral: true, subquery, .. } => Err(PlanError::unsupported(
                "LATERAL is",
                "join with a subquery that names no other table of FROM",
            )
            .at(subquery.body.span())),
            TableFactor::Derived { subquery, alias, sample: None, .. } => {
                let mut body = self.subquery(subquery, named)?;
                let Some(alias) = alias else {
                    return Err(PlanError::syntax("subquery in FROM must have an alias")
                        .hint("For example, FROM (SELECT ...) [AS] foo.")
                        .at(subquery.body.span()));
                };
                rename(&mut body.names, alias, "table")?;
                self.body_item(&body, name::ident(&alias.name))
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let (table, scope) = self.joined(table_with_joins, named)?;
                let scope = match alias {
                    None => scope,
                    Some(alias) => {
                        let mut names: Vec<String> =
                            scope.visible.iter().map(|column| column.name.clone()).collect();
                        rename(&mut names, alias, "join expression")?;
                        let columns = names
                            .into_iter()
                            .zip(scope.visible)
                            .map(|(name, column)| Column { name, expr: column.expr })
                            .collect();
                        Scope::of(Item { alias: name::ident(&alias.name), schema: None, columns, key: None })
                    }
                };
                Ok((TableFactor::NestedJoin { table_with_joins: Box::new(table), alias: None }, scope))
            }
            other => Err(PlanError::unsupported(
                format!("{} in FROM is", refusal::brief(&other.to_string())),
                "only tables, views, subqueries and VALUES can be read",
            )
            .at(other.span())),
        }
    }

    fn table(
        &mut self,
        object: &ObjectName,
        alias: Option<&TableAlias>,
        named: &Named,
    ) -> Result<(TableFactor, Scope), PlanError> {
        let span = object.span();
        let parts = name::parts(object);
        let (schema, table) = match parts.as_slice() {
            [table] => (None, table),
            [schema, table] => (Some(schema.as_str()), table),
            [_, schema, table] => (Some(schema.as_str()), table),
            _ => return Err(PlanError::syntax(format!("improper relation name: {object}")).at(span)),
        };
        let seen_as = alias.map_or_else(|| table.clone(), |alias| name::ident(&alias.name));
        if schema.is_none()
            && let Some((body, relations)) = named.0.get(table)
        {
            self.count(*relations)?;
            let mut body: Body = Rc::unwrap_or_clone(Rc::clone(body));
            if let Some(alias) = alias {
                rename(&mut body.names, alias, "table")?;
            }
            return self.body_item(&body, seen_as);
        }
        let Some(relation) = self.context.relations.lookup(self.context.search_path, schema, table) else {
            return Err(self.no_relation(schema, table, span));
        };
        if relation.kind == RelationKind::System && self.context.session.is_none() {
            return Err(PlanError::unsupported(
                format!("a view over {}.{} is", relation.schema, relation.name),
                "system relations can be read by ad-hoc queries only",
            )
            .at(span));
        }
        let number = self.number()?;
        let mut names: Vec<String> = relation.columns.iter().map(|column| column.name.clone()).collect();
        if let Some(alias) = alias {
            rename(&mut names, alias, "table")?;
        }
        let columns = names
            .into_iter()
            .enumerate()
            .map(|(position, name)| Column { name, expr: form::column(number, &form::column_name(position)) })
            .collect();
        let item = Item {
            alias: seen_as,
            schema: alias.is_none().then(|| relation.schema.clone()),
            columns,
            key: relation.key.clone().filter(|_| relation.kind == RelationKind::Table),
        };
        Ok((form::table(&relation.id.to_string(), number), Scope::of(item)))
    }

    fn body_item(&mut self, body: &Body, alias: String) -> Result<(TableFactor, Scope), PlanError> {
        let number = self.number()?;
        let columns = body
            .names
            .iter()
            .enumerate()
            .map(|(position, name)| Column {
                name: name.clone(),
                expr: form::column(number, &form::column_name(position)),
            })
            .collect();
        let scope = Scope::of(Item { alias, schema: None, columns, key: None });
        Ok((form::derived(body.tree.clone(), number), scope))
    }

    fn no_relation(&self, schema: Option<&str>, table: &str, span: Span) -> PlanError {
        let name = schema.map_or_else(|| table.to_owned(), |schema| format!("{schema}.{table}"));
        let elsewhere: Vec<String> = self
            .context
            .relations
            .iter()
            .filter(|relation| relation.name == table)
            .map(|relation| format!("{}.{}", relation.schema, relation.name))
            .collect();
        let hint = if elsewhere.is_empty() {
            "tables come from SourceTable objects and views from View objects; select * from offtake.tables lists them".to_owned()
        } else {
            format!("there is {}: write its schema or add it to search_path", elsewhere.join(" and "))
        };
        PlanError::new("42P01", format!("relation \"{name}\" does not exist")).hint(hint).at(span)
    }
}

/// The constraint of an inner join; other joins are refused.
fn inner(operator: &JoinOperator) -> Result<&JoinConstraint, PlanError> {
    let kind = match operator {
        JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => {
            return match constraint {
                JoinConstraint::None => Err(PlanError::syntax("syntax error: JOIN needs ON or USING")),
                constraint => Ok(constraint),
            };
        }
        JoinOperator::CrossJoin(JoinConstraint::None) => return Ok(&JoinConstraint::None),
        JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => "LEFT JOIN",
        JoinOperator::Right(_) | JoinOperator::RightOuter(_) => "RIGHT JOIN",
        JoinOperator::FullOuter(_) => "FULL JOIN",
        _ => return Err(PlanError::syntax("syntax error: a join that is not PostgreSQL's")),
    };
    Err(PlanError::unsupported(
        format!("{kind} is"),
        "inner joins are kept; outer joins are not yet: UNION ALL the rows without a partner from a view of their own",
    ))
}
