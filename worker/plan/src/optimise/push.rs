//! Predicate push-down: a conjunct moves to where all it reads is there.

use offtake_lir::Scalar;
use offtake_row::Datum;

use super::{Block, Leaf, Predicate};

/// A block's predicates by where they belong.
pub(super) struct Placed {
    /// For each leaf: filters over the leaf's own columns.
    pub(super) local: Vec<Vec<Scalar>>,
    /// Over the block's columns, of more than one leaf or of none.
    pub(super) across: Vec<Predicate>,
}

/// Takes the block's predicates and places them. `None`: one of them is never true, the block has no rows.
pub(super) fn place(block: &mut Block) -> Option<Placed> {
    let mut placed = Placed { local: block.leaves.iter().map(|_| Vec::new()).collect(), across: Vec::new() };
    let starts = starts(&block.leaves);
    for predicate in std::mem::take(&mut block.predicates) {
        match predicate.scalar.as_literal() {
            Some(Datum::Bool(true)) => continue,
            Some(_) => return None,
            None => {}
        }
        let columns = predicate.columns();
        let leaf = columns.first().map(|first| starts.partition_point(|start| start <= first) - 1);
        let end = |leaf: usize| starts.get(leaf + 1).copied().unwrap_or(usize::MAX);
        match leaf {
            Some(leaf) if columns.last().is_none_or(|last| *last < end(leaf)) => {
                let start = starts[leaf];
                let mut predicate = predicate;
                predicate.remap(&|column| column - start);
                if let Some(kept) = into_leaf(&mut block.leaves[leaf], predicate) {
                    placed.local[leaf].push(kept);
                }
            }
            _ => placed.across.push(predicate),
        }
    }
    Some(placed)
}

/// Where each leaf's columns begin.
pub(super) fn starts(leaves: &[Leaf]) -> Vec<usize> {
    let mut next = 0;
    leaves
        .iter()
        .map(|leaf| {
            let start = next;
            next += leaf.arity();
            start
        })
        .collect()
}

/// Moves a predicate over the leaf's columns into the leaf; gives it back if it has to stay above.
fn into_leaf(leaf: &mut Leaf, predicate: Predicate) -> Option<Scalar> {
    match leaf {
        Leaf::Get { .. } | Leaf::Constant { .. } => return Some(predicate.scalar),
        Leaf::Reduce { input, key, .. } => {
            if predicate.scalar.columns_end() > key.len() {
                return Some(predicate.scalar);
            }
            input.predicates.push(predicate.substituted(key));
        }
        Leaf::Distinct(block) => {
            let below = predicate.substituted(&block.outputs);
            block.predicates.push(below);
        }
        Leaf::Union { inputs, .. } => {
            for input in inputs {
                let below = predicate.substituted(&input.outputs);
                input.predicates.push(below);
            }
        }
    }
    None
}
