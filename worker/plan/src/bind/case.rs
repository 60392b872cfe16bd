//! CASE and COALESCE.

use offtake_lir::Scalar;
use sqlparser::ast::{CaseWhen, Expr, Spanned};

use super::{Binder, expression::Clause, typed::Typed};
use crate::error::PlanError;

impl Binder<'_> {
    pub(super) fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let operand = operand.map(|operand| self.expr(operand, at)).transpose()?;
        let mut tests = Vec::with_capacity(conditions.len());
        let mut results = Vec::with_capacity(conditions.len() + 1);
        for when in conditions {
            let condition = self.expr(&when.condition, at)?;
            let condition = match &operand {
                Some(operand) => self
                    .operator("=", vec![operand.clone(), condition])
                    .map_err(|error| error.at(when.condition.span()))?,
                None => condition,
            };
            tests.push(self.truth(condition, "CASE/WHEN").map_err(|e| e.at(when.condition.span()))?);
            results.push(self.expr(&when.result, at)?);
        }
        let otherwise = otherwise.map_or(Ok(Typed::Unknown(None)), |result| self.expr(result, at))?;
        // PostgreSQL gives the ELSE's type the first say.
        results.insert(0, otherwise);
        let nullable = results.iter().any(Typed::nullable);
        let (results, ty) = self.common(results, "CASE")?;
        let mut results = results.into_iter();
        let otherwise = results.next().ok_or_else(|| PlanError::internal("CASE without ELSE"))?;
        let branches = tests.into_iter().zip(results).collect();
        let scalar = Scalar::Case { branches, otherwise: Box::new(otherwise) };
        Ok(Typed::known(scalar.fold(ty), ty, nullable))
    }

    pub(super) fn coalesce(&mut self, args: Vec<Typed>) -> Result<Typed, PlanError> {
        let nullable = args.iter().all(Typed::nullable);
        let (scalars, ty) = self.common(args, "COALESCE")?;
        Ok(Typed::known(Scalar::Coalesce(scalars).fold(ty), ty, nullable))
    }
}
