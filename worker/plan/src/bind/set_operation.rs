//! UNION, INTERSECT, EXCEPT and VALUES: branches whose columns' types are found together.

use offtake_lir::{Blanks, Func, JoinKind, LocalId, Scalar, functions};
use offtake_row::Type;
use sqlparser::ast::{SetExpr, SetOperator, SetQuantifier, Spanned, Values};

use super::{
    Binder, Body, Closed, Output, Surroundings, coerce, env,
    expression::{Clause, Pending},
    group,
    scope::Scope,
};
use crate::{
    error::PlanError,
    rel::{Equality, Predicate, Rel},
};

/// The branches' rows, and the type and nullability of each column.
type United = (Vec<Rel>, Vec<(Type, bool)>);

impl Binder<'_> {
    pub(super) fn set_operation(
        &mut self,
        left: &SetExpr,
        op: SetOperator,
        quantifier: SetQuantifier,
        right: &SetExpr,
        around: Surroundings<'_>,
    ) -> Result<Body, PlanError> {
        let all = match quantifier {
            SetQuantifier::All => true,
            SetQuantifier::Distinct | SetQuantifier::None => false,
            SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName => {
                return Err(PlanError::syntax("syntax error at or near \"BY\""));
            }
        };
        let name = match op {
            SetOperator::Union => "UNION",
            SetOperator::Intersect => "INTERSECT",
            SetOperator::Except => "EXCEPT",
            SetOperator::Minus => return Err(PlanError::syntax("syntax error at or near \"MINUS\"")),
        };
        let span = right.span();
        let (left, right) = (self.body(left, &[], around)?, self.body(right, &[], around)?);
        if left.names.len() != right.names.len() {
            return Err(
                PlanError::syntax(format!("each {name} query must have the same number of columns")).at(span)
            );
        }
        let names = left.names.clone();
        let (rels, columns) = self.unite(vec![left, right], name)?;
        let types: Vec<Type> = columns.iter().map(|(ty, _)| *ty).collect();
        let rel = if op == SetOperator::Union {
            let rel = Rel::union(rels, types.len());
            if all { rel } else { group::distinct(rel, &types)? }
        } else {
            let [left, right] = <[Rel; 2]>::try_from(rels)
                .map_err(|_| PlanError::internal("a set operation without two sides"))?;
            self.difference(left, right, &types, all, op == SetOperator::Except)?
        };
        Ok(united(rel, names, columns))
    }

    /// EXCEPT, or INTERSECT.
    fn difference(
        &mut self,
        left: Rel,
        right: Rel,
        types: &[Type],
        all: bool,
        except: bool,
    ) -> Result<Rel, PlanError> {
        types.iter().try_for_each(|ty| coerce::needs_equality(*ty))?;
        let arity = types.len();
        if !all {
            let on = types
                .iter()
                .enumerate()
                .map(|(column, ty)| {
                    let (left, right) = (Scalar::Column(column), Scalar::Column(column + arity));
                    let scalar =
                        Scalar::call(Func::IsNotDistinct(Blanks::of(*ty)), [left.clone(), right.clone()]);
                    let equality = Equality {
                        left: left.equality_key(*ty),
                        right: right.equality_key(*ty),
                        nulls_meet: true,
                    };
                    Predicate { scalar, equality: Some(equality) }
                })
                .collect();
            let kind = if except { JoinKind::Anti } else { JoinKind::Semi };
            return Ok(group::distinct(left, types)?.join(kind, right, on));
        }
        // Rows are counted by their canonical form.
        let canonical = |rel: Rel| {
            let keys = types.iter().enumerate();
            rel.project(keys.map(|(column, ty)| Scalar::Column(column).group_key(*ty)).collect())
        };
        let less = |left: Rel, right: Rel| Rel::Threshold {
            input: Box::new(Rel::union(vec![left, Rel::Negate { input: Box::new(right) }], arity)),
        };
        if except {
            return Ok(less(canonical(left), canonical(right)));
        }
        // What is left of the left side without what is only there.
        let id = LocalId(self.next_local);
        self.next_local += 1;
        let local = || Rel::Local { id, arity };
        let only_left = less(local(), canonical(right));
        let body = less(local(), only_left);
        Ok(Rel::Let { id, value: Box::new(canonical(left)), body: Box::new(body) })
    }

    pub(super) fn values(&mut self, values: &Values, around: Surroundings<'_>) -> Result<Body, PlanError> {
        let width = values.rows.first().map_or(0, |row| row.content.len());
        let scope = Scope::default();
        let sight = env(&scope, around);
        let mut branches = Vec::with_capacity(values.rows.len());
        for row in &values.rows {
            if row.content.len() != width {
                return Err(PlanError::syntax("VALUES lists must all be the same length"));
            }
            let mut pending = Pending::default();
            let mut at = Clause::plain(&sight, &mut pending, around.named, "VALUES");
            let mut outputs = self.exprs(&row.content, &mut at)?;
            let mut places = super::attach::Places::default();
            let rel = places.attach(Rel::unit(), pending.subqueries.into_iter().enumerate())?;
            outputs.iter_mut().try_for_each(|output| places.fill_typed(output))?;
            branches.push(Body { rel, outputs, names: Vec::new(), keys: Vec::new() });
        }
        if width == 0 {
            return Err(PlanError::syntax("syntax error at or near \")\""));
        }
        self.count(1)?;
        let names: Vec<String> = (1..=width).map(|position| format!("column{position}")).collect();
        if let [_] = branches.as_slice()
            && let Some(only) = branches.pop()
        {
            return Ok(Body { names, ..only });
        }
        let (rels, columns) = self.unite(branches, "VALUES")?;
        Ok(united(Rel::union(rels, width), names, columns))
    }

    /// Computes the branches' outputs in their common types: type and nullability of each.
    pub(super) fn unite(&mut self, bodies: Vec<Body>, what: &str) -> Result<United, PlanError> {
        let arity = bodies.first().map_or(0, |body| body.outputs.len());
        let mut columns = Vec::with_capacity(arity);
        for position in 0..arity {
            let types: Vec<Option<Type>> = bodies
                .iter()
                .map(|body| body.outputs.get(position).and_then(|output| self.type_of(output)))
                .collect();
            let ty = functions::common_type(&types).map_err(|error| coerce::no_common_type(error, what))?;
            columns.push((ty, false));
        }
        let mut rels = Vec::with_capacity(bodies.len());
        for Body { rel, outputs, .. } in bodies {
            let mut scalars = Vec::with_capacity(arity);
            for (output, (ty, nullable)) in outputs.into_iter().zip(&mut columns) {
                *nullable |= output.nullable();
                scalars.push(self.convert(output, *ty)?);
            }
            rels.push(rel.project(scalars));
        }
        Ok((rels, columns))
    }
}

fn united(rel: Rel, names: Vec<String>, columns: Vec<(Type, bool)>) -> Body {
    let types = columns.iter().map(|(ty, _)| *ty).collect();
    let columns = names
        .into_iter()
        .zip(columns)
        .map(|(name, (ty, nullable))| Output { name, ty, nullable, origin: None })
        .collect();
    Closed { rel, columns, types, keys: Vec::new() }.into_body()
}
