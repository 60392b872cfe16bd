//! Calls of window functions: OVER, WINDOW and frames. Source: PostgreSQL documentation, 4.2.8 and 9.22.

use offtake_lir::{
    Frame, FrameBound, FrameExclusion, FrameUnit, Order, Scalar, Window, WindowCall, WindowFunction,
    functions,
};
use offtake_row::{Datum, Type};
use sqlparser::{
    ast::{
        Function, FunctionArgumentList, Ident, NamedWindowDefinition, NamedWindowExpr, WindowFrame,
        WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
    },
    tokenizer::Span,
};

use super::{
    Binder,
    attach::Places,
    coerce::{needs_equality, unresolved},
    expression::Clause,
    group::Regrouped,
    name,
    ordering::OrderKey,
    place::Place,
    typed::{Known, Typed},
};
use crate::{error::PlanError, rel::Rel, syntax};

/// One key of a window's order.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    scalar: Scalar,
    ty: Type,
    descending: bool,
    nulls_first: bool,
}

/// A call over a window.
pub(super) struct WindowItem {
    call: WindowCall,
    /// Canonical.
    partition: Vec<Scalar>,
    order: Vec<Key>,
}

/// What OVER says, its windows' names resolved.
#[derive(Clone)]
struct Spec<'e> {
    partition: Vec<&'e sqlparser::ast::Expr>,
    order: Vec<&'e sqlparser::ast::OrderByExpr>,
    frame: Option<&'e WindowFrame>,
    exclude: FrameExclusion,
}

impl Binder<'_> {
    /// `f(…) OVER (…)`: the place of its value.
    pub(super) fn window_call(
        &mut self,
        name: &str,
        function: &Function,
        list: Option<&FunctionArgumentList>,
        span: Span,
        at: &mut Clause<'_>,
    ) -> Result<Typed, PlanError> {
        if let Some(clause) = at.no_windows {
            return Err(match clause {
                "aggregate function arguments" => {
                    PlanError::new("42803", "aggregate function calls cannot contain window function calls")
                }
                "window function calls" => PlanError::new("42P20", "window function calls cannot be nested"),
                clause => PlanError::new("42P20", format!("window functions are not allowed in {clause}")),
            }
            .at(span));
        }
        self.count(4)?; // Each partitioning and order is some more nodes.
        let Some(over) = &function.over else {
            return Err(PlanError::internal("a window function without OVER"));
        };
        let spec = match over {
            WindowType::NamedWindow(name) => named(name, at.window_names)?,
            WindowType::WindowSpec(spec) => spec_of(spec, at.window_names)?,
        };
        let outside = (at.no_windows, at.no_sets);
        at.no_windows = Some("window function calls");
        at.no_sets = Some("window functions");
        let bound = self.window_parts(name, function, list, &spec, span, at);
        (at.no_windows, at.no_sets) = outside;
        let (item, ty, nullable) = bound?;
        at.pending.windows.push(item);
        let place = Place::Window(at.pending.windows.len() - 1);
        Ok(Typed::known(place.scalar(), ty, nullable))
    }

    fn window_parts(
        &mut self,
        name: &str,
        function: &Function,
        list: Option<&FunctionArgumentList>,
        spec: &Spec<'_>,
        span: Span,
        at: &mut Clause<'_>,
    ) -> Result<(WindowItem, Type, bool), PlanError> {
        let (windowed, args, result, nullable) = if functions::is_aggregate(name) {
            let bound = self.windowed_aggregate(name, function, list, span, at)?;
            (WindowFunction::Aggregate(bound.aggregate), Vec::new(), bound.result, bound.nullable)
        } else {
            if function.filter.is_some() {
                let message = "FILTER is not implemented for non-aggregate window functions";
                return Err(PlanError::new("0A000", message).at(span));
            }
            let (exprs, _) = super::call::arguments(list, span)?;
            let args = self.exprs(exprs, at)?;
            self.window_function(name, args).map_err(|error| error.at(span))?
        };
        let mut partition = Vec::with_capacity(spec.partition.len());
        for typed in self.exprs(spec.partition.iter().copied(), at)? {
            let known = self.settle(typed)?;
            needs_equality(known.ty)?;
            partition.push(known.scalar.group_key(known.ty));
        }
        let mut order = Vec::with_capacity(spec.order.len());
        for key in &spec.order {
            let typed = self.expr(&key.expr, at)?;
            let Known { scalar, ty, .. } = self.settle(typed)?;
            needs_equality(ty)?;
            let OrderKey { descending, nulls_first, .. } = OrderKey::new(0, key);
            order.push(Key { scalar, ty, descending, nulls_first });
        }
        let frame = match spec.frame {
            Some(frame) => self.frame(frame, spec.exclude, &order, at).map_err(|error| error.at(span))?,
            None => Frame {
                unit: FrameUnit::Range,
                start: FrameBound::UnboundedPreceding,
                end: FrameBound::CurrentRow,
                exclude: FrameExclusion::Nothing,
            },
        };
        let call = WindowCall { function: windowed, args, frame };
        Ok((WindowItem { call, partition, order }, result, nullable))
    }

    /// An aggregate over a window: its arguments may be aggregates of the groups.
    fn windowed_aggregate(
        &mut self,
        name: &str,
        function: &Function,
        list: Option<&FunctionArgumentList>,
        span: Span,
        at: &mut Clause<'_>,
    ) -> Result<super::aggregate::BoundAggregate, PlanError> {
        if list.is_some_and(|list| list.duplicate_treatment.is_some()) {
            let message = "DISTINCT is not implemented for window functions";
            return Err(PlanError::new("0A000", message).at(span));
        }
        if list.is_some_and(|list| !list.clauses.is_empty()) {
            let message = "aggregate ORDER BY is not implemented for window functions";
            return Err(PlanError::new("0A000", message).at(span));
        }
        self.bind_aggregate(name, function, list, span, at)
    }

    /// A function that is a window function only.
    fn window_function(
        &mut self,
        name: &str,
        args: Vec<Typed>,
    ) -> Result<(WindowFunction, Vec<Scalar>, Type, bool), PlanError> {
        let types: Vec<Option<Type>> = args.iter().map(|arg| self.type_of(arg)).collect();
        if !functions::is_window(name) {
            return Err(match functions::function(name, &types) {
                Ok(_) => PlanError::new(
                    "42809",
                    format!("OVER specified, but {name} is not a window function nor an aggregate function"),
                ),
                Err(error) => unresolved(error),
            });
        }
        let resolved = functions::window(name, &types).map_err(unresolved)?;
        let mut scalars = Vec::with_capacity(args.len());
        for (arg, ty) in args.into_iter().zip(&resolved.args) {
            scalars.push(self.convert(arg, *ty)?);
        }
        if matches!(resolved.function, WindowFunction::Lag | WindowFunction::Lead) {
            // Without an offset the next row, and nothing outside the partition.
            if scalars.len() == 1 {
                scalars.push(Scalar::literal(Datum::Int(1), Type::Int4));
            }
            if scalars.len() == 2 {
                scalars.push(Scalar::null(resolved.result));
            }
        }
        let nullable = !scalars.is_empty();
        Ok((resolved.function, scalars, resolved.result, nullable))
    }

    fn frame(
        &mut self,
        frame: &WindowFrame,
        exclude: FrameExclusion,
        order: &[Key],
        at: &mut Clause<'_>,
    ) -> Result<Frame, PlanError> {
        let unit = match frame.units {
            WindowFrameUnits::Rows => FrameUnit::Rows,
            WindowFrameUnits::Range => FrameUnit::Range,
            WindowFrameUnits::Groups => FrameUnit::Groups,
        };
        if unit == FrameUnit::Groups && order.is_empty() {
            return Err(PlanError::new("42P20", "GROUPS mode requires an ORDER BY clause"));
        }
        let start = self.bound(&frame.start_bound, unit, true, order, at)?;
        let end = match &frame.end_bound {
            Some(end) => self.bound(end, unit, false, order, at)?,
            None => FrameBound::CurrentRow,
        };
        let refused = match (&start, &end) {
            (FrameBound::UnboundedFollowing, _) => Some("frame start cannot be UNBOUNDED FOLLOWING"),
            (_, FrameBound::UnboundedPreceding) => Some("frame end cannot be UNBOUNDED PRECEDING"),
            (FrameBound::CurrentRow, FrameBound::Preceding(_)) => {
                Some("frame starting from current row cannot have preceding rows")
            }
            (FrameBound::Following(_), FrameBound::Preceding(_)) => {
                Some("frame starting from following row cannot have preceding rows")
            }
            (FrameBound::Following(_), FrameBound::CurrentRow) => {
                Some("frame starting from following row cannot end with current row")
            }
            _ => None,
        };
        match refused {
            Some(message) => Err(PlanError::new("42P20", message)),
            None => Ok(Frame { unit, start, end, exclude }),
        }
    }

    fn bound(
        &mut self,
        bound: &WindowFrameBound,
        unit: FrameUnit,
        start: bool,
        order: &[Key],
        at: &mut Clause<'_>,
    ) -> Result<FrameBound, PlanError> {
        let (distance, preceding) = match bound {
            WindowFrameBound::CurrentRow => return Ok(FrameBound::CurrentRow),
            WindowFrameBound::Preceding(None) => return Ok(FrameBound::UnboundedPreceding),
            WindowFrameBound::Following(None) => return Ok(FrameBound::UnboundedFollowing),
            WindowFrameBound::Preceding(Some(distance)) => (distance, true),
            WindowFrameBound::Following(Some(distance)) => (distance, false),
        };
        let typed = self.expr(distance, at)?;
        let what = match unit {
            FrameUnit::Rows => "ROWS",
            FrameUnit::Range => "RANGE",
            FrameUnit::Groups => "GROUPS",
        };
        let scalar = match unit {
            FrameUnit::Range => self.range_distance(typed, order)?,
            FrameUnit::Rows | FrameUnit::Groups => self.assign(typed, Type::Int8, what)?,
        };
        if scalar.columns().into_iter().any(|column| matches!(Place::of(column), Place::Subquery(_))) {
            return Err(PlanError::unsupported("a subquery in a frame's bound is", "write the value"));
        }
        if !scalar.columns().is_empty() {
            return Err(PlanError::new("42P10", format!("argument of {what} must not contain variables")));
        }
        let which = if start { "starting" } else { "ending" };
        if matches!(scalar.as_literal(), Some(Datum::Null)) {
            return Err(PlanError::new("22004", format!("frame {which} offset must not be null")));
        }
        // RANGE's distance is looked at where there are rows.
        if unit != FrameUnit::Range && matches!(scalar.as_literal(), Some(Datum::Int(..0))) {
            return Err(PlanError::new("22013", format!("frame {which} offset must not be negative")));
        }
        Ok(if preceding { FrameBound::Preceding(scalar) } else { FrameBound::Following(scalar) })
    }

    /// RANGE's distance from the current row's key.
    fn range_distance(&mut self, distance: Typed, order: &[Key]) -> Result<Scalar, PlanError> {
        let [key] = order else {
            let message = "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column";
            return Err(PlanError::new("42P20", message));
        };
        let ty = functions::range_distance(key.ty, self.type_of(&distance)).map_err(unresolved)?;
        self.convert(distance, ty)
    }
}

/// The window that WINDOW defines by a name. A definition sees those before it.
fn named<'c>(name: &Ident, definitions: &'c [NamedWindowDefinition]) -> Result<Spec<'c>, PlanError> {
    let wanted = name::ident(name);
    for (position, definition) in definitions.iter().enumerate() {
        if name::ident(&definition.0) == wanted {
            let before = &definitions[..position];
            return match &definition.1 {
                NamedWindowExpr::NamedWindow(other) => named(other, before),
                NamedWindowExpr::WindowSpec(spec) => spec_of(spec, before),
            };
        }
    }
    Err(PlanError::new("42704", format!("window \"{wanted}\" does not exist")).at(name.span))
}

fn spec_of<'e, 'c: 'e>(
    spec: &'e WindowSpec,
    definitions: &'c [NamedWindowDefinition],
) -> Result<Spec<'e>, PlanError> {
    let (base, exclude) = spec.window_name.as_ref().map_or((None, None), syntax::base_and_exclusion);
    let mut resolved = match &base {
        Some(name) => {
            let base: Spec<'e> = named(name, definitions)?;
            let wanted = name::ident(name);
            let refused = |what: String| Err(PlanError::new("42P20", what).at(name.span));
            if !spec.partition_by.is_empty() {
                return refused(format!("cannot override PARTITION BY clause of window \"{wanted}\""));
            }
            if !spec.order_by.is_empty() && !base.order.is_empty() {
                return refused(format!("cannot override ORDER BY clause of window \"{wanted}\""));
            }
            if base.frame.is_some() {
                return refused(format!("cannot copy window \"{wanted}\" because it has a frame clause"));
            }
            base
        }
        None => {
            Spec { partition: Vec::new(), order: Vec::new(), frame: None, exclude: FrameExclusion::Nothing }
        }
    };
    resolved.partition.extend(&spec.partition_by);
    resolved.order.extend(&spec.order_by);
    resolved.frame = spec.window_frame.as_ref().or(resolved.frame);
    resolved.exclude = match exclude.as_deref() {
        Some("current row") => FrameExclusion::CurrentRow,
        Some("group") => FrameExclusion::Group,
        Some("ties") => FrameExclusion::Ties,
        _ => resolved.exclude,
    };
    Ok(resolved)
}

impl WindowItem {
    /// Calls `f` for each of its expressions.
    pub(super) fn each(
        &mut self,
        f: &mut impl FnMut(&mut Scalar) -> Result<(), PlanError>,
    ) -> Result<(), PlanError> {
        self.partition.iter_mut().try_for_each(&mut *f)?;
        self.order.iter_mut().try_for_each(|key| f(&mut key.scalar))?;
        self.call.args.iter_mut().try_for_each(&mut *f)?;
        if let WindowFunction::Aggregate(aggregate) = &mut self.call.function {
            aggregate.scalars_mut().try_for_each(&mut *f)?;
        }
        for bound in [&mut self.call.frame.start, &mut self.call.frame.end] {
            match bound {
                FrameBound::Preceding(scalar) | FrameBound::Following(scalar) => f(scalar)?,
                FrameBound::UnboundedPreceding | FrameBound::CurrentRow | FrameBound::UnboundedFollowing => {}
            }
        }
        Ok(())
    }

    pub(super) fn regroup(&mut self, regrouped: &Regrouped<'_>) -> Result<(), PlanError> {
        self.each(&mut |scalar| regrouped.apply(scalar))
    }
}

/// Puts windows beside the rows: one node for all calls over the same partitioning and order.
pub(super) fn attach(mut rel: Rel, items: Vec<WindowItem>, places: &mut Places) -> Result<Rel, PlanError> {
    let mut rest: Vec<(usize, WindowItem)> = items.into_iter().enumerate().collect();
    while let Some((_, first)) = rest.first() {
        let (partition, order) = (first.partition.clone(), first.order.clone());
        let (mut these, others): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|(_, item)| item.partition == partition && item.order == order);
        rest = others;
        for (_, item) in &mut these {
            item.each(&mut |scalar| places.fill(scalar))?;
        }
        let Some((_, WindowItem { partition, order, .. })) = these.first() else { break };
        let start = rel.arity();
        rel = rel.extend(order.iter().map(|key| key.scalar.clone()).collect());
        let order_by = order
            .iter()
            .enumerate()
            .map(|(position, key)| Order {
                column: start + position,
                ty: key.ty,
                descending: key.descending,
                nulls_first: key.nulls_first,
            })
            .collect();
        let partition = partition.clone();
        let results = rel.arity();
        let mut calls = Vec::with_capacity(these.len());
        for (position, (number, item)) in these.into_iter().enumerate() {
            places.insert(Place::Window(number), results + position);
            calls.push(item.call);
        }
        rel = Rel::Window { input: Box::new(rel), window: Window { partition, order_by, calls } };
    }
    Ok(rel)
}
