//! Literals and parameters.

use offtake_lir::{Scalar, functions};
use offtake_row::{Datum, Type};
use sqlparser::ast::{self, Value, ValueWithSpan};

use super::{Binder, coerce::no_value, expression::Clause, typed::Typed};
use crate::error::PlanError;

/// A numeric literal: integer, bigint or numeric, the first that holds it.
pub(super) fn number(digits: &str) -> Result<Typed, PlanError> {
    let ty = if digits.parse::<i32>().is_ok() {
        Type::Int4
    } else if digits.parse::<i64>().is_ok() {
        Type::Int8
    } else {
        Type::Numeric(None)
    };
    let scalar = functions::literal(digits, ty).map_err(|error| no_value(&error))?;
    Ok(Typed::known(scalar, ty, false))
}

impl Binder<'_> {
    pub(super) fn literal(&mut self, value: &ValueWithSpan) -> Result<Typed, PlanError> {
        Ok(match &value.value {
            Value::Null => Typed::Unknown(None),
            Value::Boolean(value) => {
                Typed::known(Scalar::literal(Datum::Bool(*value), Type::Bool), Type::Bool, false)
            }
            Value::Number(digits, false) => number(digits)?,
            Value::SingleQuotedString(text)
            | Value::EscapedStringLiteral(text)
            | Value::UnicodeStringLiteral(text)
            | Value::NationalStringLiteral(text) => Typed::Unknown(Some(text.clone())),
            Value::DollarQuotedString(text) => Typed::Unknown(Some(text.value.clone())),
            Value::Placeholder(text) => match text.strip_prefix('$').map(str::parse::<usize>) {
                Some(Ok(number @ 1..=65535)) => self.statement_parameter(number - 1),
                _ => {
                    let message = format!("there is no parameter {text}");
                    return Err(PlanError::new("42P02", message).at(value.span));
                }
            },
            Value::SingleQuotedByteStringLiteral(_) | Value::HexStringLiteral(_) => {
                return Err(
                    PlanError::unsupported("a bit string is", "write bytes as '\\x…'::bytea").at(value.span)
                );
            }
            other => {
                let message = format!("syntax error at or near \"{other}\"");
                return Err(PlanError::syntax(message).at(value.span));
            }
        })
    }

    fn statement_parameter(&mut self, index: usize) -> Typed {
        match self.parameters.get(index).copied().flatten() {
            Some(ty) => Typed::known(Scalar::Parameter { index, ty }, ty, true),
            None => {
                if self.parameters.len() <= index {
                    self.parameters.resize(index + 1, None);
                }
                Typed::Parameter(index)
            }
        }
    }

    /// `INTERVAL '1 day'`, with or without fields.
    pub(super) fn interval(
        &mut self,
        interval: &ast::Interval,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        let text = self.expr(&interval.value, at)?;
        let text = match (text, &interval.leading_field) {
            (text, None) => text,
            (Typed::Unknown(Some(text)), Some(field)) => Typed::Unknown(Some(super::datatype::with_fields(
                &text,
                &field.to_string(),
                interval.last_field.as_ref().map(ToString::to_string).as_deref(),
            )?)),
            (text, Some(_)) => text,
        };
        self.explicit_cast(text, Type::Interval)
    }
}
