//! `IN` over a list.

use offtake_lir::functions;
use offtake_row::Type;
use sqlparser::ast::{Expr, Spanned};

use super::{Binder, expression::Clause, operator::fields, typed::Typed};
use crate::error::PlanError;

impl Binder<'_> {
    /// `x IN (…)`: the list is cast to the common type of all, then each is compared (`transformAExprIn`). Where there is no common
    /// type, each is compared as it is.
    pub(super) fn in_list(
        &mut self,
        left: &Expr,
        list: &[Expr],
        negated: bool,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let span = left.span();
        let mut compared = Vec::with_capacity(list.len());
        if let Some(lefts) = fields(left) {
            let lefts = self.exprs(lefts, at)?;
            for row in list {
                let Some(rights) = fields(row) else {
                    return Err(PlanError::syntax("unequal number of entries in row expressions").at(span));
                };
                let rights = self.exprs(rights, at)?;
                compared.push(self.row_comparison("=", lefts.clone(), rights).map_err(|e| e.at(span))?);
            }
        } else {
            let left = self.expr(left, at)?;
            let items = self.exprs(list, at)?;
            let types: Vec<Option<Type>> =
                std::iter::once(&left).chain(&items).map(|typed| self.type_of(typed)).collect();
            let common = functions::common_type(&types).ok();
            let single = items.len() == 1;
            for item in items {
                let nullable = item.nullable();
                let item = match common {
                    Some(ty) if !single => Typed::known(self.convert(item, ty.base())?, ty.base(), nullable),
                    _ => item,
                };
                compared.push(self.operator("=", vec![left.clone(), item]).map_err(|e| e.at(span))?);
            }
        }
        let found = self.combine(compared, false)?;
        if negated { self.not(found) } else { Ok(found) }
    }
}
