//! LIKE, ILIKE and SIMILAR TO.

use sqlparser::ast::{Expr, ValueWithSpan};

use super::{Binder, expression::Clause, typed::Typed};
use crate::error::PlanError;

impl Binder<'_> {
    pub(super) fn like(
        &mut self,
        symbol: &str,
        text: &Expr,
        pattern: &Expr,
        escape: Option<&ValueWithSpan>,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let text = self.expr(text, at)?;
        let mut pattern = self.expr(pattern, at)?;
        if let Some(escape) = escape {
            let escape = self.literal(escape)?;
            pattern = self.function("like_escape", vec![pattern, escape])?;
        }
        self.operator(symbol, vec![text, pattern])
    }

    pub(super) fn similar(
        &mut self,
        negated: bool,
        text: &Expr,
        pattern: &Expr,
        escape: Option<&ValueWithSpan>,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let text = self.expr(text, at)?;
        let mut args = vec![self.expr(pattern, at)?];
        if let Some(escape) = escape {
            args.push(self.literal(escape)?);
        }
        let pattern = self.function("similar_to_escape", args)?;
        self.operator(if negated { "!~" } else { "~" }, vec![text, pattern])
    }
}
