//! The select list: output names with their expressions.

use sqlparser::{
    ast::{Expr, Select, SelectItem, SelectItemQualifiedWildcardKind, Spanned, WildcardAdditionalOptions},
    tokenizer::Span,
};

use super::{Binder, expression::Clause, name, ordering, typed::Typed};
use crate::error::PlanError;

/// An output column.
pub(super) struct Item {
    pub(super) name: String,
    pub(super) typed: Typed,
    /// As it is written, if it holds a subquery: GROUP BY may write it again.
    pub(super) subqueries: Option<Expr>,
}

impl Binder<'_> {
    pub(super) fn select_list(
        &mut self,
        select: &Select,
        at: &mut Clause<'_>,
    ) -> Result<Vec<Item>, PlanError> {
        let mut items = Vec::with_capacity(select.projection.len());
        for item in &select.projection {
            let (expr, name) = match item {
                SelectItem::UnnamedExpr(expr) => (expr, name::of_output(expr)),
                SelectItem::ExprWithAlias { expr, alias } => (expr, name::alias(alias)?),
                SelectItem::Wildcard(options) => {
                    refuse_options(options)?;
                    let scope = at.env.scope;
                    if scope.items.is_empty() {
                        return Err(PlanError::syntax("SELECT * with no tables specified is not valid")
                            .at(item.span()));
                    }
                    items.extend(scope.visible.iter().map(|column| Item {
                        name: column.name.clone(),
                        typed: Typed::Known(column.known.clone()),
                        subqueries: None,
                    }));
                    continue;
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(table),
                    options,
                ) => {
                    refuse_options(options)?;
                    let parts = name::parts(table);
                    let table = match parts.as_slice() {
                        [table] => at.env.item(None, table, item.span())?,
                        [schema, table] => at.env.item(Some(schema), table, item.span())?,
                        _ => {
                            return Err(PlanError::syntax(format!("improper qualified name: {table}"))
                                .at(item.span()));
                        }
                    };
                    items.extend(table.columns.iter().map(|column| Item {
                        name: column.name.clone(),
                        typed: Typed::Known(column.known.clone()),
                        subqueries: None,
                    }));
                    continue;
                }
                _ => return Err(PlanError::unsupported("this form of a select list is", "").at(item.span())),
            };
            let before = at.pending.subqueries.len();
            let typed = self.expr(expr, at)?;
            let subqueries = (at.pending.subqueries.len() > before).then(|| ordering::bare(expr).clone());
            items.push(Item { name, typed, subqueries });
        }
        Ok(items)
    }
}

/// The output column of a name; two are fine if they are the same expression.
pub(super) fn named(
    name: &str,
    items: &[Item],
    clause: &str,
    span: Span,
) -> Result<Option<usize>, PlanError> {
    let mut found = items.iter().enumerate().filter(|(_, item)| item.name == name);
    let Some((position, first)) = found.next() else { return Ok(None) };
    let same = |one: &Typed, other: &Typed| match (one, other) {
        (Typed::Known(one), Typed::Known(other)) => one.scalar == other.scalar,
        (Typed::Unknown(one), Typed::Unknown(other)) => one == other,
        (Typed::Parameter(one), Typed::Parameter(other)) => one == other,
        (Typed::Known(_) | Typed::Unknown(_) | Typed::Parameter(_), _) => false,
    };
    if found.any(|(_, item)| !same(&item.typed, &first.typed)) {
        return Err(PlanError::new("42702", format!("{clause} \"{name}\" is ambiguous")).at(span));
    }
    Ok(Some(position))
}

fn refuse_options(options: &WildcardAdditionalOptions) -> Result<(), PlanError> {
    let plain = options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
        && options.opt_alias.is_none();
    if plain {
        Ok(())
    } else {
        Err(PlanError::syntax("syntax error after *: an option that is not PostgreSQL's"))
    }
}
