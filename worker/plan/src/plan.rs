//! Plans of views and of ad-hoc queries.

use std::collections::{BTreeMap, BTreeSet};

use offtake_lir::{CollectionId, Finish, Lir, Order, Scalar, TopK, explain};
use offtake_row::{Column, Datum, Row, Type};

use crate::{
    bind::{self, Context, OrderKey, Origin, no_value},
    decorrelate, emit,
    error::PlanError,
    optimise,
    rel::Rel,
    relations::{RelationKind, Relations},
    session::Session,
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
    /// What in the query has no effect, a sentence each.
    pub notices: Vec<String>,
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
    /// Of each column shown: the relation's column whose values it shows unchanged, if it is one.
    pub origins: Vec<Option<(CollectionId, usize)>>,
    /// Whether the plan stays good for as long as the catalog, the search path and the session's user are the same. If not, it is for
    /// one statement.
    pub is_lasting: bool,
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
    let mut notices = Vec::new();
    if planned.is_only_ordered {
        notices
            .push("ORDER BY without LIMIT has no effect in a view: order the query that reads it".to_owned());
    }
    Ok(ViewPlan { lir: planned.lir, columns: planned.columns, depends_on, key, notices, names })
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
        origins: planned.origins,
        is_lasting: planned.is_lasting,
        parameters: planned.parameters,
        depends_on,
        limit: planned.limit,
        offset: planned.offset,
        names,
    };
    if query_plan.parameters.is_empty() { query_plan.bind(&[]) } else { Ok(query_plan) }
}

/// Longest text, in bytes, that is planned on the caller's stack.
const SHORT_TEXT: usize = 1000;
/// A way for which no thread's own stack is taken.
const LONG_WAY: usize = 1000;

struct Planned {
    lir: Lir,
    columns: Vec<Column>,
    origins: Vec<Option<Origin>>,
    is_lasting: bool,
    /// Whether there is an ORDER BY and nothing that it cuts.
    is_only_ordered: bool,
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
        let bound = bind::bind(&tree, context, parameters)?;
        let mut types = bound.parameters;
        types.resize(types.len().max(query.parameter_count()), None);
        let mut known = Vec::with_capacity(types.len());
        for (index, ty) in types.into_iter().enumerate() {
            known.push(ty.ok_or_else(|| {
                PlanError::new("42P18", format!("could not determine data type of parameter ${}", index + 1))
                    .hint("cast it where it is used: $1::text")
            })?);
        }
        let order_by: Vec<Order> = bound
            .order_by
            .iter()
            .map(|OrderKey { column, descending, nulls_first }| Order {
                column: *column,
                ty: bound.types.get(*column).copied().unwrap_or(Type::Text),
                descending: *descending,
                nulls_first: *nulls_first,
            })
            .collect();
        let (mut rel, mut limit, mut offset) = (bound.rel, bound.limit, bound.offset);
        let is_view = context.session.is_none();
        let cut = limit.is_some() || offset.is_some();
        let is_only_ordered = !cut && !order_by.is_empty();
        if cut && (is_view || bound.with_ties) {
            // A view keeps its first rows; ties are more rows than a count.
            let top = TopK {
                group: Vec::new(),
                order_by: order_by.clone(),
                limit: limit.take(),
                offset: offset.take(),
                with_ties: bound.with_ties,
            };
            rel = Rel::Top { input: Box::new(rel), top };
        }
        if is_view {
            rel = rel.project((0..bound.columns.len()).map(Scalar::Column).collect());
        }
        let rel = optimise::optimise(decorrelate::decorrelate(rel, bound.next_local)?);
        let key = rel.unique_key();
        let origins = bound.columns.iter().map(|column| column.origin).collect();
        let columns = bound.columns.into_iter();
        let columns = columns.map(|column| Column::new(column.name, column.ty, column.nullable)).collect();
        let lir = emit::emit(rel)?;
        Ok(Planned {
            lir,
            columns,
            origins,
            is_lasting: bound.is_lasting,
            is_only_ordered,
            key,
            order_by,
            limit,
            offset,
            parameters: known,
        })
    };
    // A list makes a plan as deep as it is long: a long text gets a large stack, whatever its way is.
    let way = if query.sql().len() > SHORT_TEXT { query.way().max(LONG_WAY) } else { query.way() };
    syntax::on_large_stack(way, work).map_err(|error| query.positioned(error))
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
        bound.lir.substitute_parameters(values);
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
