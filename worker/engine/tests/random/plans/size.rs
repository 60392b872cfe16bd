//! How large plans' answers are: joins of joins of joins grow beyond all bounds.

use std::collections::BTreeMap;

use offtake_lir::{CollectionId, JoinKind, JoinStage, Lir, LocalId};

/// About how many rows a plan makes, where its collections have so many.
pub fn size(lir: &Lir, collections: &dyn Fn(CollectionId) -> f64) -> f64 {
    node(lir, collections, &mut BTreeMap::new())
}

fn node(lir: &Lir, collections: &dyn Fn(CollectionId) -> f64, locals: &mut BTreeMap<LocalId, f64>) -> f64 {
    let mut size = |lir: &Lir| node(lir, collections, locals);
    match lir {
        Lir::Constant { rows } => rows.len() as f64,
        Lir::Get { id } => collections(*id),
        Lir::Local { id } => locals[id],
        Lir::Let { id, value, body } => {
            let value = size(value);
            locals.insert(*id, value);
            node(body, collections, locals)
        }
        Lir::Mfp { input, .. }
        | Lir::Reduce { input, .. }
        | Lir::Distinct { input }
        | Lir::TopK { input, .. }
        | Lir::Window { input, .. }
        | Lir::Negate { input }
        | Lir::Threshold { input } => size(input),
        Lir::FlatMap { input, .. } => 3.0 * size(input),
        Lir::Union { inputs } => inputs.iter().map(size).sum(),
        Lir::Join { inputs, stages } => {
            let (first, others) = inputs.split_first().unwrap();
            let mut stream = size(first);
            for (input, stage) in others.iter().zip(stages) {
                stream = joined(stream, size(input), stage);
            }
            stream
        }
        Lir::Recursive { id, base, step, distinct, limit } => {
            let mut found = size(base);
            let mut all = found;
            for _ in 0..*limit {
                if all > 1e6 {
                    break;
                }
                locals.insert(*id, found);
                found = node(step, collections, locals);
                all += found;
            }
            // There are few values.
            if *distinct { all.min(300.0) } else { all }
        }
    }
}

fn joined(stream: f64, lookup: f64, stage: &JoinStage) -> f64 {
    // There are few values, of which nearly half are equal to another.
    let pairs = stream * lookup * if stage.stream_key.is_empty() { 1.0 } else { 0.4 };
    match stage.kind {
        JoinKind::Inner => pairs,
        JoinKind::Left => pairs + stream,
        JoinKind::Full => pairs + stream + lookup,
        JoinKind::Semi | JoinKind::Anti => stream,
    }
}
