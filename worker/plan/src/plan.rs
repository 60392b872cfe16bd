//! Plans of views and of ad-hoc queries.

use std::collections::{BTreeMap, BTreeSet};

use offtake_lir::{CollectionId, Finish, Lir, Mfp, Order, Scalar, explain};
use offtake_row::{Column, Datum, Row, Type};

use crate::{
    error::PlanError,
    lower::{Lowering, no_value},
    optimise,
    relations::{RelationKind, Relations},
    resolve::{self, Context},
    session::Session,
    shadow,
    statement::{self, Query, Statement},
    syntax,
};

/// How a view is kept.
#[derive(Clone, Debug)]
pub struct ViewPlan {
    pub lir: Lir,
    pub columns: Vec<Column>,
    pub depends_on: BTreeSet<CollectionId>,
    /// Positions of columns whose values, NULLs taken for equal, occur once; `None` if none are known.
    pub key: Option<Vec<usize>>,
    names: BTreeMap<CollectionId, String>,
}

/// How an ad-hoc query is answered: `finish.apply(evaluate(&lir, source)?)`.
#[derive(Clone, Debug)]
pub struct QueryPlan {
    pub lir: Lir,
    /// ORDER BY, LIMIT and OFFSET, and the columns that are shown.
    pub finish: Finish,
    /// The columns shown.
    pub columns: Vec<Column>,
    /// The parameters' types. A plan that has any is bound before it runs.
    pub parameters: Vec<Type>,
    pub depends_on: BTreeSet<CollectionId>,
    limit: Option<Scalar>,
    offset: Option<Scalar>,
    names: BTreeMap<CollectionId, String>,
}

/// Plans a view whose unqualified names are looked up in `public`.
///
/// # Errors
///
/// What is wrong with the query, or what of it Offtake does not keep, with the position in `sql`.
pub fn plan_view(sql: &str, relations: &Relations) -> Result<ViewPlan, PlanError> {
    plan_view_in(sql, relations, &["public".to_owned()])
}

/// Plans a view whose unqualified names are looked up in the schemas of `search_path`.
///
/// # Errors
///
/// As [`plan_view`].
pub fn plan_view_in(sql: &str, relations: &Relations, search_path: &[String]) -> Result<ViewPlan, PlanError> {
    let mut statements = statement::parse(sql)?;
    let query = match (statements.pop(), statements.is_empty()) {
        (Some(Statement::Query(query)), true) => query,
        (None, _) => return Err(PlanError::syntax("the view's query is empty").hint("write one SELECT")),
        (Some(_), false) => {
            return Err(PlanError::syntax("the view's query has several statements").hint("write one SELECT"));
        }
        (Some(other), true) => {
            let what = match &other {
                Statement::Write { verb } => verb.clone(),
                Statement::Unsupported { what } => what.clone(),
                other => other.tag().to_owned(),
            };
            return Err(PlanError::syntax(format!("the view's query is {what}, not a SELECT"))
                .hint("write one SELECT"));
        }
    };
    if query.parameter_count() > 0 {
        return Err(PlanError::new("42P02", "there is no parameter $1")
            .hint("a view has no parameters: write the values"));
    }
    let context = Context { relations, search_path, session: None };
    let planned = plan(&query, context, Vec::new())?;
    let depends_on = planned.lir.depends_on();
    let names = names(&planned.lir, relations);
    if let Some(position) = duplicate(&planned.columns) {
        let name = &planned.columns[position].name;
        return Err(PlanError::new("42701", format!("column \"{name}\" specified more than once"))
            .hint("give each column of a view its own name with AS"));
    }
    if let Some(id) =
        depends_on.iter().find(|id| relations.get(**id).is_none_or(|r| r.kind == RelationKind::System))
    {
        return Err(PlanError::internal(format!("a view over {id}")));
    }
    let key = planned.key.filter(|key| !key.is_empty());
    Ok(ViewPlan { lir: planned.lir, columns: planned.columns, depends_on, key, names })
}

/// Plans an ad-hoc query. `parameter_types` are those that the client declared; the others are found from their use.
///
/// # Errors
///
/// What is wrong with the query, or what of it Offtake does not keep, with the position in the text that was parsed.
pub fn plan_query(
    query: &Query,
    relations: &Relations,
    session: &Session,
    parameter_types: &[Option<Type>],
) -> Result<QueryPlan, PlanError> {
    let context = Context { relations, search_path: &session.search_path, session: Some(session) };
    let planned = plan(query, context, parameter_types.to_vec())?;
    let depends_on = planned.lir.depends_on();
    let names = names(&planned.lir, relations);
    let query_plan = QueryPlan {
        finish: Finish {
            order_by: planned.order_by,
            limit: None,
            offset: 0,
            project: (0..planned.columns.len()).collect(),
        },
        lir: planned.lir,
        columns: planned.columns,
        parameters: planned.parameters,
        depends_on,
        limit: planned.limit,
        offset: planned.offset,
        names,
    };
    if query_plan.parameters.is_empty() { query_plan.bind(&[]) } else { Ok(query_plan) }
}

struct Planned {
    lir: Lir,
    columns: Vec<Column>,
    key: Option<Vec<usize>>,
    order_by: Vec<Order>,
    limit: Option<Scalar>,
    offset: Option<Scalar>,
    parameters: Vec<Type>,
}

fn plan(query: &Query, context: Context<'_>, parameters: Vec<Option<Type>>) -> Result<Planned, PlanError> {
    let work = || {
        let tokens = syntax::statements(query.sql())?.pop().unwrap_or_default();
        let tree = syntax::query(tokens)?;
        let resolved = resolve::resolve(&tree, context)?;
        let arranged = shadow::arrange(resolved.query, context.relations)?;
        let mut lowering = Lowering::new(context.relations, parameters);
        let lowered = lowering.query(&arranged)?;
        let mut bound = |expr, what| -> Result<Option<Scalar>, PlanError> {
            let Some(expr) = expr else { return Ok(None) };
            lowering.constant(&shadow::arrange_expr(expr)?, Type::Int8, what).map(Some)
        };
        let limit = bound(resolved.limit, "LIMIT")?;
        let offset = bound(resolved.offset, "OFFSET")?;
        let mut types = lowering.parameters;
        types.resize(types.len().max(query.parameter_count()), None);
        let mut known = Vec::with_capacity(types.len());
        for (index, ty) in types.into_iter().enumerate() {
            known.push(ty.ok_or_else(|| {
                PlanError::new("42P18", format!("could not determine data type of parameter ${}", index + 1))
                    .hint("cast it where it is used: $1::text")
            })?);
        }
        let order_by = resolved
            .order_by
            .iter()
            .map(|key| {
                let ty = lowered.columns.get(key.column).map_or(Type::Text, |(ty, _)| *ty);
                if !offtake_lir::functions::has_equality(ty) {
                    return Err(PlanError::new(
                        "42883",
                        format!("could not identify an ordering operator for type {ty}"),
                    )
                    .hint("order by the value's text or by another column"));
                }
                Ok(Order { column: key.column, ty, descending: key.descending, nulls_first: key.nulls_first })
            })
            .collect::<Result<_, _>>()?;
        let columns = resolved.names.into_iter().zip(&lowered.columns);
        let columns = columns.map(|(name, (ty, nullable))| Column::new(name, *ty, *nullable)).collect();
        let emitted = optimise::emit(lowered.block);
        Ok(Planned {
            lir: emitted.lir,
            columns,
            key: emitted.key,
            order_by,
            limit,
            offset,
            parameters: known,
        })
    };
    syntax::on_large_stack(query.way(), work).map_err(|error| query.positioned(error))
}

fn names(lir: &Lir, relations: &Relations) -> BTreeMap<CollectionId, String> {
    lir.depends_on()
        .into_iter()
        .filter_map(|id| {
            relations.get(id).map(|relation| (id, format!("{}.{}", relation.schema, relation.name)))
        })
        .collect()
}

fn explained(lir: &Lir, names: &BTreeMap<CollectionId, String>) -> String {
    explain::explain(lir, &|id| names.get(&id).cloned().unwrap_or_else(|| id.to_string()))
}

fn duplicate(columns: &[Column]) -> Option<usize> {
    let mut seen = BTreeSet::new();
    columns.iter().position(|column| !seen.insert(&column.name))
}

impl ViewPlan {
    /// The plan as an indented tree.
    pub fn explain(&self) -> String {
        explained(&self.lir, &self.names)
    }
}

impl QueryPlan {
    /// Puts values in place of the parameters: one row of one datum each, of the types in [`QueryPlan::parameters`].
    ///
    /// # Errors
    ///
    /// 08P01 if there are not as many values as parameters, 2201W and 2201X for a negative LIMIT and OFFSET.
    pub fn bind(&self, values: &[Row]) -> Result<QueryPlan, PlanError> {
        if values.len() != self.parameters.len() {
            let message = format!(
                "{} parameters are bound, but the statement has {}",
                values.len(),
                self.parameters.len()
            );
            return Err(PlanError::new("08P01", message));
        }
        let mut bound = self.clone();
        substitute(&mut bound.lir, values);
        bound.parameters = Vec::new();
        bound.finish.limit = count(self.limit.as_ref(), values, "LIMIT", "2201W")?;
        bound.finish.offset = count(self.offset.as_ref(), values, "OFFSET", "2201X")?.unwrap_or(0);
        Ok(bound)
    }

    /// The plan as an indented tree, with what is done to its rows at the end.
    pub fn explain(&self) -> String {
        let mut text = String::new();
        let keys: Vec<String> = self
            .finish
            .order_by
            .iter()
            .map(|order| {
                let direction = if order.descending { " desc" } else { "" };
                let nulls = match (order.descending, order.nulls_first) {
                    (false, true) => " nulls first",
                    (true, false) => " nulls last",
                    _ => "",
                };
                format!("#{}{direction}{nulls}", order.column)
            })
            .collect();
        let mut finish = Vec::new();
        if !keys.is_empty() {
            finish.push(format!("order by {}", keys.join(", ")));
        }
        if let Some(limit) = self.finish.limit {
            finish.push(format!("limit {limit}"));
        }
        if self.finish.offset > 0 {
            finish.push(format!("offset {}", self.finish.offset));
        }
        if !finish.is_empty() {
            text = format!("Finish {}\n", finish.join(" "));
        }
        let plan = explained(&self.lir, &self.names);
        if text.is_empty() {
            return plan;
        }
        for line in plan.lines() {
            text.push_str("  ");
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

/// A LIMIT or OFFSET; NULL is none.
fn count(
    scalar: Option<&Scalar>,
    values: &[Row],
    what: &str,
    state: &'static str,
) -> Result<Option<u64>, PlanError> {
    let Some(scalar) = scalar else { return Ok(None) };
    let mut scalar = scalar.clone();
    scalar.substitute_parameters(values);
    let arena = offtake_lir::Arena::new();
    match scalar.eval(&[], &arena).map_err(|error| no_value(&error))? {
        Datum::Int(count) => match u64::try_from(count) {
            Ok(count) => Ok(Some(count)),
            Err(_) => Err(PlanError::new(state, format!("{what} must not be negative"))),
        },
        _ => Ok(None),
    }
}

fn substitute(lir: &mut Lir, values: &[Row]) {
    let each = |scalars: &mut Vec<Scalar>| {
        scalars.iter_mut().for_each(|scalar| scalar.substitute_parameters(values))
    };
    let in_step = |mfp: &mut Mfp| mfp.substitute_parameters(values);
    match lir {
        Lir::Constant { .. } | Lir::Get { .. } => {}
        Lir::Mfp { input, mfp } => {
            in_step(mfp);
            substitute(input, values);
        }
        Lir::Distinct { input } => substitute(input, values),
        Lir::Union { inputs } => inputs.iter_mut().for_each(|input| substitute(input, values)),
        Lir::Join { inputs, stages } => {
            for stage in stages {
                each(&mut stage.stream_key);
                each(&mut stage.lookup_key);
                in_step(&mut stage.closure);
            }
            inputs.iter_mut().for_each(|input| substitute(input, values));
        }
        Lir::Reduce { input, key, aggregates } => {
            each(key);
            for aggregate in aggregates {
                aggregate
                    .arg
                    .iter_mut()
                    .chain(&mut aggregate.filter)
                    .for_each(|scalar| scalar.substitute_parameters(values));
            }
            substitute(input, values);
        }
    }
}
