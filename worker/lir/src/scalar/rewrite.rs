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
            Scalar::Call { args, .. } | Scalar::And(args) | Scalar::Or(args) | Scalar::Coalesce(args) => {
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
            Scalar::Call { args, .. } | Scalar::And(args) | Scalar::Or(args) | Scalar::Coalesce(args) => {
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

    /// Evaluates the parts that are constant, given the expression's type. A part that has no value (`1/0`) stays as it is, for
    /// it may never be reached.
    pub fn fold(self, ty: Type) -> Scalar {
        if self.is_literal() || !self.is_constant() {
            return self;
        }
        let arena = Arena::new();
        let value = self.eval(&[], &arena).map(|datum| Row::pack([datum]));
        match value {
            Ok(value) => Scalar::Literal { value, ty },
            Err(_) => self,
        }
    }

    /// The expression's canonical value, for join keys and index look-ups: equal in SQL's sense means equal packed bytes
    /// ([`crate::equality_key`]). Types that are canonical already stay as they are.
    pub fn equality_key(self, ty: Type) -> Scalar {
        match ty {
            Type::Float4 | Type::Float8 | Type::Numeric(_) | Type::Bpchar(_) => self.canonical(ty),
            _ => self,
        }
    }

    /// As [`Scalar::equality_key`], for GROUP BY, DISTINCT and UNION, where values of one type are compared: numerics of a fixed scale
    /// and `char(n)` have one form for equal values and keep it.
    pub fn group_key(self, ty: Type) -> Scalar {
        match ty {
            Type::Numeric(Some(_)) | Type::Bpchar(Some(_)) => self,
            _ => self.equality_key(ty),
        }
    }

    fn canonical(self, ty: Type) -> Scalar {
        Scalar::call(Func::EqualityKey(Blanks::of(ty)), [self]).fold(ty)
    }
}
