//! Types: a `LogicalPlan` over shadows becomes blocks over our own types.
//!
//! The plan is read from its leaves up. Each relation's columns are [`Typed`]: a scalar over its block's columns, or a literal or parameter
//! whose type its use will tell.

mod call;
mod coerce;
mod group;
mod typed;

use datafusion_common::Column;
use datafusion_expr::{
    Aggregate as AggregateNode, Expr, JoinType, LogicalPlan, expr::AggregateFunction, logical_plan::Distinct,
};
use offtake_lir::{Aggregate, AggregateKind, Scalar, functions};
use offtake_row::Type;

use self::typed::Known;
pub(crate) use self::{coerce::no_value, typed::Typed};
use crate::{
    error::PlanError,
    optimise::{Block, Leaf, Predicate},
    relations::Relations,
    resolve::canonical as form,
    shadow,
};

/// A query's block with the types of its outputs.
pub(crate) struct Lowered {
    pub(crate) block: Block,
    /// Of each output: its type and whether it can be NULL.
    pub(crate) columns: Vec<(Type, bool)>,
}

/// A relation on the way up: what it is made of, and its columns as scalars over that.
struct Level {
    leaves: Vec<Leaf>,
    predicates: Vec<Predicate>,
    columns: Vec<Typed>,
}

pub(crate) struct Lowering<'a> {
    relations: &'a Relations,
    /// What is known of the parameters' types.
    pub(crate) parameters: Vec<Option<Type>>,
    /// Scalars that columns of subqueries were replaced by, counted in nodes.
    copied: usize,
}

/// Most scalars that one statement may copy: `x + x` of `x + x` of … doubles with every subquery.
const COPY_LIMIT: usize = 500_000;

impl<'a> Lowering<'a> {
    pub(crate) fn new(relations: &'a Relations, parameters: Vec<Option<Type>>) -> Lowering<'a> {
        Lowering { relations, parameters, copied: 0 }
    }

    /// A named column; copies of large expressions are counted.
    fn column(&mut self, column: &Column, names: &Names<'_>) -> Result<Typed, PlanError> {
        let typed = names.find(column)?;
        if let Typed::Known(known) = typed {
            self.copied += size(&known.scalar);
            if self.copied > COPY_LIMIT {
                return Err(PlanError::new("54001", "statement is too complex")
                    .hint("its subqueries' expressions grow too large when they are put together"));
            }
        }
        Ok(typed.clone())
    }

    /// Lowers a whole query.
    pub(crate) fn query(&mut self, plan: &LogicalPlan) -> Result<Lowered, PlanError> {
        let level = self.level(plan, false)?;
        self.finish(level)
    }

    /// Lowers an expression without columns and casts it to `ty` as an assignment does.
    pub(crate) fn constant(&mut self, expr: &Expr, ty: Type, what: &str) -> Result<Scalar, PlanError> {
        let typed = self.expr(expr, &Names::none())?;
        self.assign(typed, ty, what)
    }

    /// Settles what is still unknown (as text) and closes the block.
    fn finish(&mut self, level: Level) -> Result<Lowered, PlanError> {
        let mut outputs = Vec::with_capacity(level.columns.len());
        let mut columns = Vec::with_capacity(level.columns.len());
        for column in level.columns {
            let known = self.settle(column)?;
            outputs.push(known.scalar);
            columns.push((known.ty, known.nullable));
        }
        Ok(Lowered { block: Block { leaves: level.leaves, predicates: level.predicates, outputs }, columns })
    }

    /// `keep_unknown`: the plan is a branch of a UNION, whose columns' types are found together with the other branches'.
    fn level(&mut self, plan: &LogicalPlan, keep_unknown: bool) -> Result<Level, PlanError> {
        match plan {
            LogicalPlan::Projection(node) => {
                let input = self.level(&node.input, keep_unknown)?;
                let names = Names::new(&node.input, &input.columns);
                let mut columns = Vec::with_capacity(node.expr.len());
                for expr in &node.expr {
                    let typed = self.expr(expr, &names)?;
                    columns.push(if keep_unknown { typed } else { Typed::Known(self.settle(typed)?) });
                }
                Ok(Level { columns, ..input })
            }
            LogicalPlan::Filter(node) => {
                let mut input = self.level(&node.input, keep_unknown)?;
                let predicates =
                    self.conditions(&node.predicate, &Names::new(&node.input, &input.columns))?;
                input.predicates.extend(predicates);
                Ok(input)
            }
            LogicalPlan::Join(node) => {
                if node.join_type != JoinType::Inner || !node.on.is_empty() {
                    return Err(PlanError::internal(format!("a {} join", node.join_type)));
                }
                let mut left = self.level(&node.left, false)?;
                let right = self.level(&node.right, false)?;
                let shift: usize = left.leaves.iter().map(Leaf::arity).sum();
                left.leaves.extend(right.leaves);
                left.predicates.extend(right.predicates.into_iter().map(|mut predicate| {
                    predicate.remap(&|column| column + shift);
                    predicate
                }));
                left.columns.extend(right.columns.into_iter().map(|column| column.shifted(shift)));
                if let Some(filter) = &node.filter {
                    let (schema, columns) = (node.schema.as_ref(), left.columns.as_slice());
                    let predicates = self.conditions(filter, &Names { schema: Some(schema), columns })?;
                    left.predicates.extend(predicates);
                }
                Ok(left)
            }
            LogicalPlan::SubqueryAlias(node) => self.level(&node.input, keep_unknown),
            LogicalPlan::Subquery(node) => self.level(&node.subquery, keep_unknown),
            LogicalPlan::TableScan(node) => {
                let relation =
                    shadow::collection(node.table_name.table()).and_then(|id| self.relations.get(id));
                let Some(relation) = relation else {
                    return Err(PlanError::internal(format!("no relation {}", node.table_name)));
                };
                let columns = relation.columns.iter().enumerate().map(|(position, column)| {
                    Typed::known(Scalar::Column(position), column.ty, column.nullable)
                });
                Ok(Level {
                    columns: columns.collect(),
                    leaves: vec![Leaf::Get {
                        id: relation.id,
                        arity: relation.columns.len(),
                        key: relation.key.clone(),
                    }],
                    predicates: Vec::new(),
                })
            }
            LogicalPlan::EmptyRelation(node) => {
                let leaves = if node.produce_one_row {
                    Vec::new()
                } else {
                    vec![Leaf::Constant { rows: Vec::new(), arity: node.schema.fields().len() }]
                };
                let columns = node.schema.fields().iter().enumerate();
                let columns =
                    columns.map(|(position, _)| Typed::known(Scalar::Column(position), Type::Text, true));
                Ok(Level { leaves, predicates: Vec::new(), columns: columns.collect() })
            }
            LogicalPlan::Values(node) => self.values(&node.values),
            LogicalPlan::Aggregate(node) => self.aggregate(node),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                // UNION is a Distinct of its own branches' Union; nothing unknown can be left above it.
                let level = self.level(input, false)?;
                let lowered = self.finish(level)?;
                self.distinct(lowered)
            }
            LogicalPlan::Union(node) => {
                let branches: Vec<&LogicalPlan> = node.inputs.iter().map(AsRef::as_ref).collect();
                self.union(&branches)
            }
            other => Err(PlanError::unsupported(format!("the plan node {} is", other.display()), "")),
        }
    }

    fn values(&mut self, rows: &[Vec<Expr>]) -> Result<Level, PlanError> {
        let names = Names::none();
        let mut typed = Vec::with_capacity(rows.len());
        for row in rows {
            typed.push(row.iter().map(|expr| self.expr(expr, &names)).collect::<Result<Vec<_>, _>>()?);
        }
        let branches = typed
            .into_iter()
            .map(|columns| Level { leaves: Vec::new(), predicates: Vec::new(), columns })
            .collect();
        self.unite(branches, "VALUES")
    }

    fn union(&mut self, branches: &[&LogicalPlan]) -> Result<Level, PlanError> {
        let levels = branches.iter().map(|branch| self.level(branch, true)).collect::<Result<Vec<_>, _>>()?;
        self.unite(levels, "UNION")
    }

    /// Casts the branches' columns to their common types and puts the branches one after another.
    fn unite(&mut self, levels: Vec<Level>, what: &str) -> Result<Level, PlanError> {
        let arity = levels.first().map_or(0, |level| level.columns.len());
        let mut columns = Vec::with_capacity(arity);
        for position in 0..arity {
            let types: Vec<Option<Type>> = levels
                .iter()
                .map(|level| level.columns.get(position).and_then(|column| self.type_of(column)))
                .collect();
            let ty = functions::common_type(&types).map_err(|error| coerce::no_common_type(error, what))?;
            columns.push((ty, false));
        }
        let mut inputs = Vec::with_capacity(levels.len());
        for level in levels {
            let mut outputs = Vec::with_capacity(arity);
            for (column, (ty, nullable)) in level.columns.into_iter().zip(&mut columns) {
                *nullable |= column.nullable();
                outputs.push(self.convert(column, *ty)?);
            }
            inputs.push(Block { leaves: level.leaves, predicates: level.predicates, outputs });
        }
        let leaf = Leaf::union(inputs, arity);
        let columns = columns.into_iter().enumerate();
        let columns =
            columns.map(|(position, (ty, nullable))| Typed::known(Scalar::Column(position), ty, nullable));
        Ok(Level { leaves: vec![leaf], predicates: Vec::new(), columns: columns.collect() })
    }

    fn distinct(&mut self, lowered: Lowered) -> Result<Level, PlanError> {
        let Lowered { mut block, columns } = lowered;
        columns.iter().try_for_each(|(ty, _)| coerce::needs_equality(*ty))?;
        if !columns.iter().all(|(ty, _)| group::has_one_form(*ty)) {
            let outputs = std::mem::take(&mut block.outputs).into_iter().zip(columns);
            let keys = outputs.map(|(scalar, (ty, nullable))| Known::new(scalar, ty, nullable)).collect();
            return Ok(group::by(block.leaves, block.predicates, keys, Vec::new()));
        }
        let columns = columns.into_iter().enumerate();
        let columns =
            columns.map(|(position, (ty, nullable))| Typed::known(Scalar::Column(position), ty, nullable));
        Ok(Level {
            leaves: vec![Leaf::Distinct(Box::new(block))],
            predicates: Vec::new(),
            columns: columns.collect(),
        })
    }

    fn aggregate(&mut self, node: &AggregateNode) -> Result<Level, PlanError> {
        let input = self.level(&node.input, false)?;
        let names = Names::new(&node.input, &input.columns);
        let mut keys = Vec::with_capacity(node.group_expr.len());
        for expr in &node.group_expr {
            let typed = self.expr(expr, &names)?;
            let known = self.settle(typed)?;
            coerce::needs_equality(known.ty)?;
            keys.push(known);
        }
        let mut aggregates = Vec::with_capacity(node.aggr_expr.len());
        for expr in &node.aggr_expr {
            let mut expr = expr;
            while let Expr::Alias(alias) = expr {
                expr = &alias.expr;
            }
            let Expr::AggregateFunction(call) = expr else {
                return Err(PlanError::internal(format!("{expr} is not an aggregate")));
            };
            aggregates.push(self.aggregate_call(call, &names)?);
        }
        Ok(group::by(input.leaves, input.predicates, keys, aggregates))
    }

    fn aggregate_call(
        &mut self,
        call: &AggregateFunction,
        names: &Names<'_>,
    ) -> Result<(Aggregate, Type, bool), PlanError> {
        let name = call.func.name().strip_prefix(form::AGGREGATE).unwrap_or_default();
        let args = call.params.args.iter().map(|arg| self.expr(arg, names)).collect::<Result<Vec<_>, _>>()?;
        let types: Vec<Option<Type>> = args.iter().map(|arg| self.type_of(arg)).collect();
        let resolved = functions::aggregate(name, &types).map_err(coerce::unresolved)?;
        let mut aggregate = Aggregate {
            function: resolved.function,
            arg: None,
            filter: None,
            distinct: call.params.distinct,
        };
        // Of a set with an order, each value once or often is the same.
        aggregate.distinct &= aggregate.kind() == AggregateKind::Accumulable;
        for ((arg, own), ty) in args.into_iter().zip(types).zip(resolved.args) {
            let scalar = self.convert(arg, ty)?;
            // Numerics keep their scale where it is known: the sum shows it.
            let ty = own.filter(|own| own.base() == ty).unwrap_or(ty);
            if call.params.distinct {
                coerce::needs_equality(ty)?;
            }
            aggregate.arg = Some(if aggregate.distinct { scalar.group_key(ty) } else { scalar });
        }
        if let Some(filter) = &call.params.filter {
            let filters: Vec<Scalar> =
                self.conditions(filter, names)?.into_iter().map(|predicate| predicate.scalar).collect();
            aggregate.filter = Some(Predicate::all(filters));
        }
        let nullable = !name.starts_with("count");
        Ok((aggregate, resolved.result, nullable))
    }
}

/// How many nodes an expression has.
fn size(scalar: &Scalar) -> usize {
    let mut nodes = 1;
    scalar.for_each_operand(&mut |operand| nodes += size(operand));
    nodes
}

/// The columns that an expression of a plan node can name.
struct Names<'n> {
    schema: Option<&'n datafusion_common::DFSchema>,
    columns: &'n [Typed],
}

impl<'n> Names<'n> {
    fn new(plan: &'n LogicalPlan, columns: &'n [Typed]) -> Names<'n> {
        Names { schema: Some(plan.schema().as_ref()), columns }
    }

    fn none() -> Names<'static> {
        Names { schema: None, columns: &[] }
    }

    fn find(&self, column: &Column) -> Result<&'n Typed, PlanError> {
        let position = self.schema.and_then(|schema| schema.maybe_index_of_column(column));
        let typed = position.and_then(|position| self.columns.get(position));
        typed.ok_or_else(|| PlanError::internal(format!("no column {column}")))
    }
}

impl Known {
    fn new(scalar: Scalar, ty: Type, nullable: bool) -> Known {
        Known { scalar, ty, nullable }
    }
}
