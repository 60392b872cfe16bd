//! The walks over a [`Rel`], once.

use std::collections::{BTreeMap, BTreeSet};

use offtake_lir::{FrameBound, LocalId, Scalar, TopK, Window, WindowFunction};

use super::{OUTER, Predicate, Rel};

impl Rel {
    /// The nodes right below, to be changed.
    pub(crate) fn inputs_mut(&mut self) -> Vec<&mut Rel> {
        match self {
            Rel::Constant { .. } | Rel::Get { .. } | Rel::Local { .. } => Vec::new(),
            Rel::Let { value, body, .. } => vec![value, body],
            Rel::Recursive { base, step, .. } => vec![base, step],
            Rel::Filter { input, .. }
            | Rel::Project { input, .. }
            | Rel::Aggregate { input, .. }
            | Rel::Distinct { input }
            | Rel::Top { input, .. }
            | Rel::Window { input, .. }
            | Rel::FlatMap { input, .. }
            | Rel::Negate { input }
            | Rel::Threshold { input } => vec![input],
            Rel::Join { left, right, .. } | Rel::Apply { left, right, .. } => vec![left, right],
            Rel::Union { inputs, .. } => inputs.iter_mut().collect(),
        }
    }

    /// The nodes right below.
    pub(crate) fn inputs(&self) -> Vec<&Rel> {
        match self {
            Rel::Constant { .. } | Rel::Get { .. } | Rel::Local { .. } => Vec::new(),
            Rel::Let { value, body, .. } => vec![value, body],
            Rel::Recursive { base, step, .. } => vec![base, step],
            Rel::Filter { input, .. }
            | Rel::Project { input, .. }
            | Rel::Aggregate { input, .. }
            | Rel::Distinct { input }
            | Rel::Top { input, .. }
            | Rel::Window { input, .. }
            | Rel::FlatMap { input, .. }
            | Rel::Negate { input }
            | Rel::Threshold { input } => vec![input],
            Rel::Join { left, right, .. } | Rel::Apply { left, right, .. } => vec![left, right],
            Rel::Union { inputs, .. } => inputs.iter().collect(),
        }
    }

    /// Calls `f` for each expression of this node itself.
    pub(crate) fn each_scalar_mut(&mut self, f: &mut impl FnMut(&mut Scalar)) {
        match self {
            Rel::Constant { .. }
            | Rel::Get { .. }
            | Rel::Local { .. }
            | Rel::Let { .. }
            | Rel::Recursive { .. }
            | Rel::Distinct { .. }
            | Rel::Union { .. }
            | Rel::Negate { .. }
            | Rel::Threshold { .. } => {}
            Rel::Filter { predicates, .. } => predicates.iter_mut().for_each(|predicate| predicate.each(f)),
            Rel::Project { outputs, .. } => outputs.iter_mut().for_each(f),
            Rel::Join { on, .. } => on.iter_mut().for_each(|predicate| predicate.each(f)),
            Rel::Apply { bindings, on, .. } => {
                bindings.iter_mut().for_each(|(_, scalar)| f(scalar));
                on.iter_mut().for_each(|predicate| predicate.each(f));
            }
            Rel::Aggregate { keys, aggregates, .. } => {
                keys.iter_mut().for_each(&mut *f);
                aggregates.iter_mut().for_each(|aggregate| aggregate.scalars_mut().for_each(&mut *f));
            }
            Rel::Top { top: TopK { group, limit, offset, .. }, .. } => {
                group.iter_mut().chain(limit).chain(offset).for_each(f);
            }
            Rel::Window { window, .. } => each_of_window(window, f),
            Rel::FlatMap { args, .. } => args.iter_mut().for_each(f),
        }
    }

    /// The outer parameters that this node and those below it read and do not bind.
    pub(crate) fn outer_parameters(&self) -> BTreeSet<usize> {
        let mut read = BTreeSet::new();
        let mut copy = self.shallow();
        copy.each_scalar_mut(&mut |scalar| parameters(scalar, &mut read));
        if let Rel::Apply { left, right, bindings, .. } = self {
            let mut of_right = right.outer_parameters();
            bindings.iter().for_each(|(parameter, _)| {
                of_right.remove(parameter);
            });
            read.extend(of_right);
            read.extend(left.outer_parameters());
        } else {
            self.inputs().into_iter().for_each(|input| read.extend(input.outer_parameters()));
        }
        read
    }

    /// Whether it reads anything of an outer query.
    pub(crate) fn is_correlated(&self) -> bool {
        !self.outer_parameters().is_empty()
    }

    /// The node without what is below it, to look at its expressions.
    fn shallow(&self) -> Rel {
        let leaf = || Box::new(Rel::nothing(0));
        match self {
            Rel::Constant { .. } | Rel::Get { .. } | Rel::Local { .. } => Rel::nothing(0),
            Rel::Let { .. } | Rel::Recursive { .. } | Rel::Union { .. } => Rel::nothing(0),
            Rel::Distinct { .. } | Rel::Negate { .. } | Rel::Threshold { .. } => Rel::nothing(0),
            Rel::Filter { predicates, .. } => Rel::Filter { input: leaf(), predicates: predicates.clone() },
            Rel::Project { outputs, .. } => Rel::Project { input: leaf(), outputs: outputs.clone() },
            Rel::Join { kind, on, .. } => {
                Rel::Join { kind: *kind, left: leaf(), right: leaf(), on: on.clone() }
            }
            Rel::Apply { kind, bindings, on, .. } => Rel::Apply {
                kind: *kind,
                left: leaf(),
                right: leaf(),
                bindings: bindings.clone(),
                on: on.clone(),
            },
            Rel::Aggregate { keys, aggregates, .. } => Rel::Aggregate {
                input: leaf(),
                keys: keys.clone(),
                aggregates: aggregates.clone(),
                shown: Vec::new(),
            },
            Rel::Top { top, .. } => Rel::Top { input: leaf(), top: top.clone() },
            Rel::Window { window, .. } => Rel::Window { input: leaf(), window: window.clone() },
            Rel::FlatMap { function, args, ordinality, .. } => Rel::FlatMap {
                input: leaf(),
                function: *function,
                args: args.clone(),
                ordinality: *ordinality,
            },
        }
    }

    /// Gives everything that it binds a new name, so that it can stand in a plan twice.
    pub(crate) fn rename_locals(&mut self, next: &mut u32) {
        self.rename(next, &mut BTreeMap::new());
    }

    fn rename(&mut self, next: &mut u32, names: &mut BTreeMap<LocalId, LocalId>) {
        match self {
            Rel::Local { id, .. } => {
                if let Some(new) = names.get(id) {
                    *id = *new;
                }
            }
            Rel::Let { id, .. } | Rel::Recursive { id, .. } => {
                let new = LocalId(*next);
                *next += 1;
                names.insert(*id, new);
                *id = new;
            }
            Rel::Constant { .. }
            | Rel::Get { .. }
            | Rel::Filter { .. }
            | Rel::Project { .. }
            | Rel::Join { .. }
            | Rel::Apply { .. }
            | Rel::Aggregate { .. }
            | Rel::Distinct { .. }
            | Rel::Top { .. }
            | Rel::Window { .. }
            | Rel::FlatMap { .. }
            | Rel::Union { .. }
            | Rel::Negate { .. }
            | Rel::Threshold { .. } => {}
        }
        self.inputs_mut().into_iter().for_each(|input| input.rename(next, names));
    }
}

fn each_of_window(window: &mut Window, f: &mut impl FnMut(&mut Scalar)) {
    window.partition.iter_mut().for_each(&mut *f);
    for call in &mut window.calls {
        call.args.iter_mut().for_each(&mut *f);
        if let WindowFunction::Aggregate(aggregate) = &mut call.function {
            aggregate.scalars_mut().for_each(&mut *f);
        }
        for bound in [&mut call.frame.start, &mut call.frame.end] {
            match bound {
                FrameBound::Preceding(scalar) | FrameBound::Following(scalar) => f(scalar),
                FrameBound::UnboundedPreceding | FrameBound::CurrentRow | FrameBound::UnboundedFollowing => {}
            }
        }
    }
}

/// The outer parameters that an expression reads.
pub(crate) fn parameters(scalar: &Scalar, into: &mut BTreeSet<usize>) {
    if let Scalar::Parameter { index, .. } = scalar
        && *index >= OUTER
    {
        into.insert(*index);
    }
    scalar.for_each_operand(&mut |operand| parameters(operand, into));
}

impl Predicate {
    pub(crate) fn parameters(&self) -> BTreeSet<usize> {
        let mut read = BTreeSet::new();
        parameters(&self.scalar, &mut read);
        read
    }
}

/// Puts scalars in place of outer parameters.
pub(crate) fn substitute(scalar: &mut Scalar, values: &BTreeMap<usize, Scalar>) {
    if let Scalar::Parameter { index, .. } = scalar
        && let Some(value) = values.get(index)
    {
        *scalar = value.clone();
        return;
    }
    scalar.for_each_operand_mut(&mut |operand| substitute(operand, values));
}
