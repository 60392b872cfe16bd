//! FROM: tables, subqueries, functions and what joins them.

use offtake_lir::{JoinKind, Scalar, functions::SystemColumn};
use sqlparser::{
    ast::{ObjectName, Spanned, TableAlias, TableFactor, TableWithJoins},
    tokenizer::Span,
};

use super::{
    Binder, Closed, Surroundings, env, join, name, refusal,
    scope::{Capture, Column, Env, Item, Outer, Scope},
    typed::Known,
};
use crate::{
    error::PlanError,
    rel::{Predicate, Rel},
    relations::{Relation, RelationKind},
};

/// What stands in FROM: its rows, what it brings into sight, and what it reads of the items before it.
pub(super) struct Bound {
    pub(super) rel: Rel,
    pub(super) scope: Scope,
    /// Empty unless it is lateral.
    pub(super) captures: Vec<Capture>,
}

impl Bound {
    fn new((rel, scope): (Rel, Scope)) -> Bound {
        Bound { rel, scope, captures: Vec::new() }
    }
}

/// Gives the first columns the names of an alias with a column list: `AS t (a, b)`.
pub(super) fn rename<'n>(
    names: impl ExactSizeIterator<Item = &'n mut String>,
    alias: &TableAlias,
    what: &str,
) -> Result<(), PlanError> {
    let alias_name = name::alias(&alias.name)?;
    let (has, given) = (names.len(), alias.columns.len());
    if given > has {
        let message =
            format!("{what} \"{alias_name}\" has {has} columns available but {given} columns specified");
        return Err(PlanError::new("42P10", message).at(alias.name.span));
    }
    for (name, column) in names.zip(&alias.columns) {
        *name = name::alias(&column.name)?;
    }
    Ok(())
}

/// A FROM clause on its way: all that is joined so far.
pub(super) struct Sofar {
    pub(super) rel: Rel,
    pub(super) scope: Scope,
}

impl Binder<'_> {
    /// The FROM list: the rows, and the scope of the rest of the SELECT.
    pub(super) fn from(
        &mut self,
        from: &[TableWithJoins],
        around: Surroundings<'_>,
    ) -> Result<(Rel, Scope), PlanError> {
        let mut sofar = Sofar { rel: Rel::unit(), scope: Scope::default() };
        for table in from {
            if table.joins.iter().any(|join| join::keeps_right(&join.join_operator)) {
                // The right side's rows without a partner must not meet what stands before it in FROM.
                let alone =
                    self.joined(table, Sofar { rel: Rel::unit(), scope: Scope::default() }, around)?;
                sofar = beside(sofar, JoinKind::Inner, Bound::new((alone.rel, alone.scope)), Vec::new())?;
            } else {
                sofar = self.joined(table, sofar, around)?;
            }
        }
        Ok((sofar.rel, sofar.scope))
    }

    /// A table with its joins, beside what stands before it, whose columns its lateral items can name.
    fn joined(
        &mut self,
        table: &TableWithJoins,
        before: Sofar,
        around: Surroundings<'_>,
    ) -> Result<Sofar, PlanError> {
        let first = {
            let sight = env(&before.scope, around);
            self.factor(&table.relation, &sight, around)?
        };
        if table.joins.is_empty() {
            return beside(before, JoinKind::Inner, first, Vec::new());
        }
        let outside = before.scope.clone();
        let start = before.rel.arity();
        let mut own = Scope::default().join(first.scope.clone(), start)?;
        let mut rel = beside(before, JoinKind::Inner, first, Vec::new())?.rel;
        for join in &table.joins {
            let right = {
                let sight = outside.clone().join(own.clone(), 0)?;
                let sight = env(&sight, around);
                self.factor(&join.relation, &sight, around)?
            };
            (rel, own) = self.join(rel, own, right, &join.join_operator, join.relation.span(), around)?;
        }
        Ok(Sofar { rel, scope: outside.join(own, 0)? })
    }

    /// One item of FROM. `sight`: what stands before it.
    fn factor(
        &mut self,
        factor: &TableFactor,
        sight: &Env<'_>,
        around: Surroundings<'_>,
    ) -> Result<Bound, PlanError> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                version: None,
                with_ordinality: false,
                sample: None,
                ..
            } => self.table(name, alias.as_ref(), around).map(Bound::new),
            TableFactor::Table { name, alias, args: Some(args), with_ordinality, sample: None, .. } => self
                .function_item(name, &args.args, *with_ordinality, alias.as_ref(), sight, around.named)
                .map_err(|error| error.at(name.span())),
            TableFactor::Function { name, alias, args, with_ordinality, .. } => self
                .function_item(name, args, *with_ordinality, alias.as_ref(), sight, around.named)
                .map_err(|error| error.at(name.span())),
            TableFactor::UNNEST { alias, array_exprs, with_ordinality, .. } => {
                self.unnest_item(array_exprs, *with_ordinality, alias.as_ref(), sight, around.named)
            }
            TableFactor::Table { name, .. } => {
                Err(PlanError::unsupported("TABLESAMPLE is", "filter by a hash or a range of the key")
                    .at(name.span()))
            }
            TableFactor::Derived { lateral, subquery, alias, sample: None } => {
                self.derived(*lateral, subquery, alias.as_ref(), sight, around)
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let nested = Sofar { rel: Rel::unit(), scope: Scope::default() };
                let Sofar { rel, scope } = self.joined(table_with_joins, nested, around)?;
                let Some(alias) = alias else { return Ok(Bound::new((rel, scope))) };
                let mut columns = scope.visible;
                rename(columns.iter_mut().map(|column| &mut column.name), alias, "join expression")?;
                let item = Item {
                    alias: name::ident(&alias.name),
                    schema: None,
                    columns,
                    system: Vec::new(),
                    key: None,
                    is_scalar: false,
                };
                Ok(Bound::new((rel, Scope::of(item))))
            }
            other => Err(PlanError::unsupported(
                format!("{} in FROM is", refusal::brief(&other.to_string())),
                "tables, views, subqueries, functions and VALUES can be read",
            )
            .at(other.span())),
        }
    }

    fn derived(
        &mut self,
        lateral: bool,
        subquery: &sqlparser::ast::Query,
        alias: Option<&TableAlias>,
        sight: &Env<'_>,
        around: Surroundings<'_>,
    ) -> Result<Bound, PlanError> {
        let outer = Outer::new(sight, &self.numbers);
        let within = if lateral { Surroundings { outer: Some(&outer), ..around } } else { around };
        let mut closed = self.query(subquery, within)?;
        let Some(alias) = alias else {
            return Err(PlanError::syntax("subquery in FROM must have an alias")
                .hint("For example, FROM (SELECT ...) [AS] foo.")
                .at(subquery.body.span()));
        };
        rename(closed.columns.iter_mut().map(|column| &mut column.name), alias, "table")?;
        self.count(1)?;
        let (rel, scope) = item(closed, name::ident(&alias.name));
        Ok(Bound { rel, scope, captures: outer.into_captures() })
    }

    pub(super) fn table(
        &mut self,
        object: &ObjectName,
        alias: Option<&TableAlias>,
        around: Surroundings<'_>,
    ) -> Result<(Rel, Scope), PlanError> {
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
            && let Some(query) = around.named.0.get(table)
        {
            let (closed, relations) = &**query;
            self.count((*relations).max(1))?;
            let mut closed = closed.clone();
            closed.rel.rename_locals(&mut self.next_local);
            if let Some(alias) = alias {
                rename(closed.columns.iter_mut().map(|column| &mut column.name), alias, "table")?;
            }
            return Ok(item(closed, seen_as));
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
        self.count(1)?;
        let catalog = self.context.session.and_then(|session| session.catalog.as_ref());
        let system = catalog.filter(|_| relation.kind == RelationKind::System);
        let system = system.map(|catalog| catalog.system_columns(relation.id)).unwrap_or_default();
        get(relation, alias, seen_as, system)
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

/// Joins an item of FROM, lateral or not, with what stands before it.
fn beside(before: Sofar, kind: JoinKind, item: Bound, on: Vec<Predicate>) -> Result<Sofar, PlanError> {
    let shift = before.rel.arity();
    let scope = before.scope.join(item.scope, shift)?;
    let rel = put_beside(before.rel, kind, item.rel, item.captures, on);
    Ok(Sofar { rel, scope })
}

/// Joins with a side that may be lateral.
pub(super) fn put_beside(
    left: Rel,
    kind: JoinKind,
    right: Rel,
    captures: Vec<Capture>,
    on: Vec<Predicate>,
) -> Rel {
    if captures.is_empty() {
        if kind == JoinKind::Inner && on.is_empty() && left.is_unit() {
            return right;
        }
        return left.join(kind, right, on);
    }
    let bindings = captures.into_iter().map(|capture| (capture.parameter, capture.value.scalar)).collect();
    Rel::Apply { kind, left: Box::new(left), right: Box::new(right), bindings, on }
}

/// A table or view.
fn get(
    relation: &Relation,
    alias: Option<&TableAlias>,
    seen_as: String,
    system: Vec<SystemColumn>,
) -> Result<(Rel, Scope), PlanError> {
    let mut names: Vec<String> = relation.columns.iter().map(|column| column.name.clone()).collect();
    if let Some(alias) = alias {
        rename(names.iter_mut(), alias, "table")?;
    }
    let columns = names
        .into_iter()
        .zip(&relation.columns)
        .enumerate()
        .map(|(position, (name, column))| {
            let (scalar, origin) = (Scalar::Column(position), Some((relation.id, position)));
            Column { name, known: Known { scalar, ty: column.ty, nullable: column.nullable, origin } }
        })
        .collect();
    let system_columns = system.iter().enumerate().map(|(number, column)| {
        let scalar = Scalar::Column(relation.columns.len() + number);
        Column { name: column.name.to_owned(), known: Known::new(scalar, column.ty, false) }
    });
    let item = Item {
        alias: seen_as,
        schema: alias.is_none().then(|| relation.schema.clone()),
        columns,
        system: system_columns.collect(),
        key: relation.key.clone().filter(|_| relation.kind == RelationKind::Table),
        is_scalar: false,
    };
    let arity = relation.columns.len();
    let mut rel = Rel::Get { id: relation.id, arity, key: relation.key.clone() };
    if !system.is_empty() {
        let own = (0..arity).map(Scalar::Column);
        let constants =
            system.into_iter().map(|column| Scalar::Literal { value: column.value, ty: column.ty });
        rel = rel.project(own.chain(constants).collect());
    }
    Ok((rel, Scope::of(item)))
}

/// A query as a relation in FROM.
fn item(closed: Closed, alias: String) -> (Rel, Scope) {
    let columns = closed
        .columns
        .into_iter()
        .enumerate()
        .map(|(position, output)| {
            let scalar = Scalar::Column(position);
            let known = Known { scalar, ty: output.ty, nullable: output.nullable, origin: output.origin };
            Column { name: output.name, known }
        })
        .collect();
    (
        closed.rel,
        Scope::of(Item { alias, schema: None, columns, system: Vec::new(), key: None, is_scalar: false }),
    )
}
