//! What planners do to expressions: look at columns, move them, put in parameters, fold constants.

use std::collections::BTreeSet;

use offtake_row::{Datum, Row, Type};

use super::{Func, Scalar};
use crate::{arena::Arena, compare::Blanks};

impl Scalar {
    /// Calls `f` for the expression's direct operands.
    pub fn for_each_operand<'s>(&'s self, f: &mut impl FnMut(&'s Scalar)) {
        match self {
            Scalar::Column(_) | Scalar::Literal { .. } | Scalar::Parameter { .. } => {}
            Scalar::Call { args, .. }
            | Scalar::Lookup { args, .. }
            | Scalar::And(args)
            | Scalar::Or(args)
            | Scalar::Coalesce(args) => {
                args.iter().for_each(f);
            }
            Scalar::Case { branches, otherwise } => {
                for (condition, value) in branches {
                    f(condition);
                    f(value);
                }
                f(otherwise);
            }
        }
    }

    /// Calls `f` for the expression's direct operands.
    pub fn for_each_operand_mut(&mut self, f: &mut impl FnMut(&mut Scalar)) {
        match self {
            Scalar::Column(_) | Scalar::Literal { .. } | Scalar::Parameter { .. } => {}
            Scalar::Call { args, .. }
            | Scalar::Lookup { args, .. }
            | Scalar::And(args)
            | Scalar::Or(args)
            | Scalar::Coalesce(args) => {
                args.iter_mut().for_each(f);
            }
            Scalar::Case { branches, otherwise } => {
                for (condition, value) in branches {
                    f(condition);
                    f(value);
                }
                f(otherwise);
            }
        }
    }

    /// The columns that the expression reads.
    pub fn columns(&self) -> BTreeSet<usize> {
        let mut columns = BTreeSet::new();
        self.collect_columns(&mut columns);
        columns
    }

    /// Adds the columns that the expression reads to `columns`.
    pub fn collect_columns(&self, columns: &mut BTreeSet<usize>) {
        if let Scalar::Column(column) = self {
            columns.insert(*column);
        }
        self.for_each_operand(&mut |operand| operand.collect_columns(columns));
    }

    /// One more than the highest column that the expression reads; 0 if it reads none. Allocates nothing.
    pub fn columns_end(&self) -> usize {
        if let Scalar::Column(column) = self {
            return column + 1;
        }
        let mut end = 0;
        self.for_each_operand(&mut |operand| end = end.max(operand.columns_end()));
        end
    }

    /// Renames the columns.
    pub fn remap(&mut self, map: &impl Fn(usize) -> usize) {
        if let Scalar::Column(column) = self {
            *column = map(*column);
        }
        self.for_each_operand_mut(&mut |operand| operand.remap(map));
    }

    /// Puts the expression `of(column)` in place of each column.
    pub fn substitute_columns(&mut self, of: &impl Fn(usize) -> Scalar) {
        if let Scalar::Column(column) = self {
            *self = of(*column);
            return;
        }
        self.for_each_operand_mut(&mut |operand| operand.substitute_columns(of));
    }

    /// Puts literals in place of parameters: `values[i]`, a row of one datum of the parameter's type, for parameter `i`.
    /// Parameters past the end stay (and have no value when evaluated).
    pub fn substitute_parameters(&mut self, values: &[Row]) {
        if let Scalar::Parameter { index, ty } = self {
            if let Some(value) = values.get(*index) {
                *self = Scalar::Literal { value: value.clone(), ty: *ty };
            }
            return;
        }
        self.for_each_operand_mut(&mut |operand| operand.substitute_parameters(values));
    }

    /// The constant's value, if the expression is one.
    pub fn as_literal(&self) -> Option<Datum<'_>> {
        match self {
            Scalar::Literal { value, .. } => Some(value.datum(0)),
            _ => None,
        }
    }

    pub fn is_literal(&self) -> bool {
        matches!(self, Scalar::Literal { .. })
    }

    /// Whether the expression is the constant NULL.
    pub fn is_null_literal(&self) -> bool {
        self.as_literal().is_some_and(|datum| datum.is_null())
    }

    /// Whether the expression reads neither columns nor parameters.
    pub fn is_constant(&self) -> bool {
        if matches!(self, Scalar::Column(_) | Scalar::Parameter { .. }) {
            return false;
        }
        let mut constant = true;
        self.for_each_operand(&mut |operand| constant &= operand.is_constant());
        constant
    }

    /// Evaluates what is constant, given the expression's type. A part that has no value (`1/0`) stays as it is, for it may never be
    /// reached. What decides an expression alone (`x AND false`, `x OR true`, a strict call of NULL) is its value, whatever the other
    /// operands would raise for a row; a constant that raises, and that PostgreSQL meets before, is left to raise.
    pub fn fold(self, ty: Type) -> Scalar {
        if self.is_literal() {
            return self;
        }
        if let Some(value) = self.decided(ty) {
            return value;
        }
        if !self.is_constant() {
            return self;
        }
        let arena = Arena::new();
        let value = self.eval(&[], &arena).map(|datum| Row::pack([datum]));
        match value {
            Ok(value) => Scalar::Literal { value, ty },
            Err(_) => self,
        }
    }

    /// The value that one operand decides alone.
    fn decided(&self, ty: Type) -> Option<Scalar> {
        let decides = |operands: &[Scalar], wanted: bool| {
            let first = operands.iter().find(|operand| {
                operand.as_literal() == Some(Datum::Bool(wanted)) || operand.has_raising_constant()
            });
            first.is_some_and(Scalar::is_literal).then(|| Scalar::literal(Datum::Bool(wanted), ty))
        };
        match self {
            Scalar::And(operands) => decides(operands, false),
            Scalar::Or(operands) => decides(operands, true),
            Scalar::Call { func, args }
                if func.is_strict()
                    && args.iter().any(Scalar::is_null_literal)
                    && !args.iter().any(Scalar::has_raising_constant) =>
            {
                Some(Scalar::null(ty))
            }
            _ => None,
        }
    }

    /// Whether a constant part was left because it has no value.
    fn has_raising_constant(&self) -> bool {
        if self.is_literal() {
            return false;
        }
        if self.is_constant() {
            return true;
        }
        let mut found = false;
        self.for_each_operand(&mut |operand| found |= operand.has_raising_constant());
        found
    }

    /// The expression's canonical value, for join keys and index look-ups: equal in SQL's sense means equal packed bytes
    /// ([`crate::equality_key`]). Types that are canonical already stay as they are.
    pub fn equality_key(self, ty: Type) -> Scalar {
        if ty.base().has_one_form() { self } else { self.canonical(ty) }
    }

    /// As [`Scalar::equality_key`], for GROUP BY, DISTINCT and UNION, where values of one type are compared: numerics of a fixed scale
    /// and `char(n)` have one form for equal values and keep it.
    pub fn group_key(self, ty: Type) -> Scalar {
        if ty.has_one_form() { self } else { self.equality_key(ty) }
    }

    fn canonical(self, ty: Type) -> Scalar {
        Scalar::call(Func::EqualityKey(Blanks::of(ty)), [self]).fold(ty)
    }
}
