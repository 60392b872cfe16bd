//! Walks over plans, each of which exists once.

use std::collections::BTreeSet;

use offtake_row::Row;

use super::{FrameBound, JoinKey, JoinStage, Lir, LocalId, WindowCall, WindowFunction};
use crate::{aggregate::Aggregate, scalar::Scalar};

impl<L> Lir<L> {
    /// The nodes right below.
    pub fn inputs(&self) -> Vec<&Lir<L>> {
        match self {
            Lir::Constant { .. } | Lir::Get { .. } | Lir::Local { .. } => Vec::new(),
            Lir::Let { value, body, .. } => vec![value, body],
            Lir::Recursive { base, step, .. } => vec![base, step],
            Lir::Mfp { input, .. }
            | Lir::FlatMap { input, .. }
            | Lir::Reduce { input, .. }
            | Lir::Distinct { input }
            | Lir::TopK { input, .. }
            | Lir::Window { input, .. }
            | Lir::Negate { input }
            | Lir::Threshold { input } => vec![input],
            Lir::Join { inputs, .. } | Lir::Union { inputs } => inputs.iter().collect(),
        }
    }

    /// [`Lir::inputs`], to be changed.
    pub fn inputs_mut(&mut self) -> Vec<&mut Lir<L>> {
        match self {
            Lir::Constant { .. } | Lir::Get { .. } | Lir::Local { .. } => Vec::new(),
            Lir::Let { value, body, .. } => vec![value, body],
            Lir::Recursive { base, step, .. } => vec![base, step],
            Lir::Mfp { input, .. }
            | Lir::FlatMap { input, .. }
            | Lir::Reduce { input, .. }
            | Lir::Distinct { input }
            | Lir::TopK { input, .. }
            | Lir::Window { input, .. }
            | Lir::Negate { input }
            | Lir::Threshold { input } => vec![input],
            Lir::Join { inputs, .. } | Lir::Union { inputs } => inputs.iter_mut().collect(),
        }
    }

    /// The expressions of this node itself, to be changed.
    pub fn scalars_mut(&mut self) -> Vec<&mut Scalar> {
        match self {
            Lir::Constant { .. }
            | Lir::Get { .. }
            | Lir::Local { .. }
            | Lir::Let { .. }
            | Lir::Recursive { .. }
            | Lir::Distinct { .. }
            | Lir::Union { .. }
            | Lir::Negate { .. }
            | Lir::Threshold { .. } => Vec::new(),
            Lir::Mfp { mfp, .. } => mfp.scalars_mut().collect(),
            Lir::FlatMap { args, .. } => args.iter_mut().collect(),
            Lir::Join { stages, .. } => stages.iter_mut().flat_map(JoinStage::scalars_mut).collect(),
            Lir::Reduce { key, aggregates, .. } => {
                key.iter_mut().chain(aggregates.iter_mut().flat_map(Aggregate::scalars_mut)).collect()
            }
            Lir::TopK { top, .. } => {
                top.group.iter_mut().chain(&mut top.limit).chain(&mut top.offset).collect()
            }
            Lir::Window { window, .. } => {
                let calls = window.calls.iter_mut().flat_map(WindowCall::scalars_mut);
                window.partition.iter_mut().chain(calls).collect()
            }
        }
    }

    /// The same plan over other leaves: `leaf` says what stands for each. It is told by what key rows of a
    /// leaf that is a join's input are found.
    pub fn map_leaves<M>(&self, leaf: &mut impl FnMut(&L, Option<JoinKey<'_>>) -> M) -> Lir<M> {
        let mut below = |input: &Lir<L>| Box::new(input.map_leaves(leaf));
        match self {
            Lir::Constant { rows } => Lir::Constant { rows: rows.clone() },
            Lir::Get { id } => Lir::Get { id: leaf(id, None) },
            Lir::Local { id } => Lir::Local { id: *id },
            Lir::Let { id, value, body } => Lir::Let { id: *id, value: below(value), body: below(body) },
            Lir::Recursive { id, base, step, distinct, limit } => Lir::Recursive {
                id: *id,
                base: below(base),
                step: below(step),
                distinct: *distinct,
                limit: *limit,
            },
            Lir::Mfp { input, mfp } => Lir::Mfp { input: below(input), mfp: mfp.clone() },
            Lir::FlatMap { input, function, args, ordinality } => Lir::FlatMap {
                input: below(input),
                function: *function,
                args: args.clone(),
                ordinality: *ordinality,
            },
            Lir::Join { inputs, stages } => {
                let key = |position: usize| match position.checked_sub(1) {
                    None => stages.first().map(|stage| stage.key(&stage.stream_key)),
                    Some(position) => stages.get(position).and_then(JoinStage::lookup),
                };
                let inputs = inputs.iter().enumerate().map(|(position, input)| match input {
                    Lir::Get { id } => Lir::Get { id: leaf(id, key(position)) },
                    input => input.map_leaves(leaf),
                });
                Lir::Join { inputs: inputs.collect(), stages: stages.clone() }
            }
            Lir::Reduce { input, key, aggregates } => {
                Lir::Reduce { input: below(input), key: key.clone(), aggregates: aggregates.clone() }
            }
            Lir::Distinct { input } => Lir::Distinct { input: below(input) },
            Lir::TopK { input, top } => Lir::TopK { input: below(input), top: top.clone() },
            Lir::Window { input, window } => Lir::Window { input: below(input), window: window.clone() },
            Lir::Union { inputs } => {
                Lir::Union { inputs: inputs.iter().map(|input| input.map_leaves(leaf)).collect() }
            }
            Lir::Negate { input } => Lir::Negate { input: below(input) },
            Lir::Threshold { input } => Lir::Threshold { input: below(input) },
        }
    }

    /// Puts literals in place of parameters ([`Scalar::substitute_parameters`]).
    pub fn substitute_parameters(&mut self, values: &[Row]) {
        self.scalars_mut().into_iter().for_each(|scalar| scalar.substitute_parameters(values));
        self.inputs_mut().into_iter().for_each(|input| input.substitute_parameters(values));
    }

    /// Calls `f` for this node and every node below it.
    pub fn visit(&self, f: &mut impl FnMut(&Lir<L>)) {
        f(self);
        self.inputs().into_iter().for_each(|input| input.visit(f));
    }

    /// The names that the plan reads and does not bind itself, without what only unread names' values read.
    pub fn names(&self) -> BTreeSet<LocalId> {
        match self {
            Lir::Local { id } => BTreeSet::from([*id]),
            Lir::Let { id, value, body } => {
                let mut names = body.names();
                if names.remove(id) {
                    names.append(&mut value.names());
                }
                names
            }
            Lir::Recursive { id, base, step, .. } => {
                let mut names = step.names();
                names.remove(id);
                names.append(&mut base.names());
                names
            }
            // It does not even look at its input.
            Lir::TopK { top, .. } if top.bounds().is_ok_and(|bounds| bounds.take == Some(0)) => {
                BTreeSet::new()
            }
            _ => self.inputs().into_iter().flat_map(Lir::names).collect(),
        }
    }

    /// What the plan's leaves name.
    pub fn depends_on(&self) -> BTreeSet<L>
    where
        L: Copy + Ord,
    {
        let mut ids = BTreeSet::new();
        self.visit(&mut |node| {
            if let Lir::Get { id } = node {
                ids.insert(*id);
            }
        });
        ids
    }
}

impl WindowCall {
    fn scalars_mut(&mut self) -> Vec<&mut Scalar> {
        let mut scalars: Vec<&mut Scalar> = self.args.iter_mut().collect();
        if let WindowFunction::Aggregate(aggregate) = &mut self.function {
            scalars.extend(aggregate.scalars_mut());
        }
        for bound in [&mut self.frame.start, &mut self.frame.end] {
            match bound {
                FrameBound::Preceding(scalar) | FrameBound::Following(scalar) => scalars.push(scalar),
                FrameBound::UnboundedPreceding | FrameBound::CurrentRow | FrameBound::UnboundedFollowing => {}
            }
        }
        scalars
    }
}
