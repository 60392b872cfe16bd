//! WITH RECURSIVE. Source: PostgreSQL documentation, 7.8.2 (Recursive Queries).

use std::rc::Rc;

use offtake_lir::{JoinKind, LocalId};
use sqlparser::ast::{self, Cte, SetExpr, SetOperator, SetQuantifier, Spanned};

use super::{Binder, Closed, Surroundings, from, group, query::Named};
use crate::{error::PlanError, rel::Rel};

impl Binder<'_> {
    /// A query that names itself; `None` if it does not.
    pub(super) fn recursive_query(
        &mut self,
        recursive: bool,
        cte: &Cte,
        name: &str,
        around: Surroundings<'_>,
    ) -> Result<Option<Closed>, PlanError> {
        if !recursive || !reads(&cte.query, name) {
            return Ok(None);
        }
        let span = cte.alias.name.span;
        let SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right } = &*cte.query.body
        else {
            let message = format!(
                "recursive query \"{name}\" does not have the form non-recursive-term UNION [ALL] recursive-term"
            );
            return Err(PlanError::new("42P19", message).at(span));
        };
        if reads_in(left, name) {
            let message = format!(
                "recursive reference to query \"{name}\" must not appear within its non-recursive term"
            );
            return Err(PlanError::new("42P19", message).at(span));
        }
        if cte.query.order_by.is_some() || cte.query.limit_clause.is_some() || cte.query.fetch.is_some() {
            return Err(PlanError::new(
                "0A000",
                "ORDER BY, OFFSET and LIMIT in a recursive query are not implemented",
            )
            .at(span));
        }
        let distinct = *set_quantifier != SetQuantifier::All;
        let base = self.body(left, &[], around)?;
        let mut base = self.close(base)?;
        let id = LocalId(self.next_local);
        self.next_local += 1;
        let arity = base.columns.len();
        from::rename(base.columns.iter_mut().map(|column| &mut column.name), &cte.alias, "WITH query")?;
        let mut round = Closed {
            rel: Rel::Local { id, arity },
            columns: base.columns.clone(),
            types: base.types.clone(),
            keys: Vec::new(),
        };
        round.columns.iter_mut().for_each(|column| (column.nullable, column.origin) = (true, None));
        let mut named: Named = around.named.clone();
        named.0.insert(name.to_owned(), Rc::new((round.clone(), 1)));
        let step = self.body(right, &[], Surroundings { named: &named, outer: around.outer })?;
        if step.names.len() != arity {
            let message = "each UNION query must have the same number of columns";
            return Err(PlanError::syntax(message).at(right.span()));
        }
        let mut references = 0;
        check(&step.rel, id, None, &mut references)
            .and(if references > 1 { Err("more than once") } else { Ok(()) })
            .map_err(|place| {
                let message = format!("recursive reference to query \"{name}\" must not appear {place}");
                PlanError::new("42P19", message).at(span)
            })?;
        let types = base.types.clone();
        let mut scalars = Vec::with_capacity(arity);
        for (position, (output, ty)) in step.outputs.into_iter().zip(&types).enumerate() {
            if let Some(own) = self.type_of(&output)
                && offtake_lir::functions::common_type(&[Some(*ty), Some(own)]).ok().map(|ty| ty.base())
                    != Some(ty.base())
            {
                let message = format!(
                    "recursive query \"{name}\" column {} has type {ty} in non-recursive term but type {own} overall",
                    position + 1
                );
                return Err(PlanError::new("42804", message)
                    .hint("Cast the output of the non-recursive term to the correct type.")
                    .at(span));
            }
            scalars.push(self.convert(output, *ty)?);
        }
        let (mut base_rel, mut step_rel) = (base.rel, step.rel.project(scalars));
        if distinct {
            if let Some(ty) = types.iter().find(|ty| !ty.has_one_form()) {
                return Err(PlanError::unsupported(
                    format!("a recursive UNION over a column of type {ty} is"),
                    "cast it to numeric(p,s) or text, or use UNION ALL",
                )
                .at(span));
            }
            base_rel = group::distinct(base_rel, &types)?;
            step_rel = group::distinct(step_rel, &types)?;
        }
        round.rel = Rel::Recursive { id, base: Box::new(base_rel), step: Box::new(step_rel), distinct };
        Ok(Some(round))
    }
}

/// Counts the places where the step reads the round's rows. An error says in which place they may not be read.
///
/// Source: `checkWellFormedRecursion` in PostgreSQL's `parse_cte.c`.
fn check(
    rel: &Rel,
    id: LocalId,
    within: Option<&'static str>,
    references: &mut usize,
) -> Result<(), &'static str> {
    match rel {
        Rel::Local { id: read, .. } if *read == id => {
            *references += 1;
            within.map_or(Ok(()), Err)
        }
        Rel::Join { kind, left, right, .. } | Rel::Apply { kind, left, right, .. } => {
            let (of_left, of_right) = match kind {
                JoinKind::Inner => (None, None),
                JoinKind::Left => (None, Some("within an outer join")),
                JoinKind::Full => (Some("within an outer join"), Some("within an outer join")),
                JoinKind::Semi | JoinKind::Anti => (None, Some("within a subquery")),
            };
            check(left, id, within.or(of_left), references)?;
            check(right, id, within.or(of_right), references)
        }
        Rel::Threshold { input } | Rel::Negate { input } => {
            check(input, id, within.or(Some("within EXCEPT or INTERSECT")), references)
        }
        Rel::Aggregate { input, .. } => {
            check(input, id, within.or(Some("within an aggregate's rows or a subquery")), references)
        }
        other => other.inputs().into_iter().try_for_each(|input| check(input, id, within, references)),
    }
}

/// Whether a query reads a relation of this name anywhere.
pub(super) fn reads(query: &ast::Query, name: &str) -> bool {
    // The parser's tree has no walk that is built here: its text has every name.
    mentions(&query.to_string(), name)
}

fn reads_in(body: &SetExpr, name: &str) -> bool {
    mentions(&body.to_string(), name)
}

/// Whether a text has the name as a word after FROM, JOIN or a comma.
fn mentions(text: &str, name: &str) -> bool {
    use sqlparser::{
        dialect::PostgreSqlDialect,
        tokenizer::{Token, Tokenizer},
    };
    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize() else { return true };
    let words: Vec<&Token> = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    words.windows(2).any(|pair| {
        let after = match pair[0] {
            Token::Comma | Token::LParen => true,
            Token::Word(word) => {
                ["from", "join", "table", "lateral"].contains(&word.value.to_lowercase().as_str())
            }
            _ => false,
        };
        after && matches!(pair[1], Token::Word(word) if super::name::ident_of(word) == name)
    })
}
