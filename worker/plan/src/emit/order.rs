//! Join order: connected inputs before cross products, look-ups by a unique key before those that multiply rows.

use std::collections::BTreeSet;

use offtake_lir::Scalar;

use crate::rel::{Predicate, Rel};

/// Most inputs for which every start is tried.
const TRIED_STARTS: usize = 24;

/// How an input joins the ones before it, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Connection {
    /// At most one row for each row so far.
    Unique,
    Keyed,
    Cross,
}

/// An equality between two inputs, or groups of inputs.
struct Edge {
    sides: [Side; 2],
}

struct Side {
    leaves: BTreeSet<usize>,
    /// The column of the leaf, if the side is nothing else.
    column: Option<usize>,
}

/// The order in which the leaves are joined, and how each connects (the first one's entry means nothing).
pub(super) fn order(
    leaves: &[Rel],
    starts: &[usize],
    filtered: &[bool],
    across: &[Predicate],
) -> Vec<(usize, Connection)> {
    let leaf_of = |column: usize| starts.partition_point(|start| *start <= column) - 1;
    let side = |scalar: &Scalar| Side {
        leaves: scalar.columns().into_iter().map(leaf_of).collect(),
        column: match scalar {
            Scalar::Column(column) => Some(column - starts[leaf_of(*column)]),
            _ => None,
        },
    };
    let edges: Vec<Edge> = across
        .iter()
        .filter_map(|predicate| predicate.equality.as_ref())
        .map(|equality| Edge { sides: [side(&equality.left), side(&equality.right)] })
        .collect();
    let keys: Vec<Option<Vec<usize>>> = leaves.iter().map(Rel::unique_key).collect();
    let tried = if leaves.len() <= TRIED_STARTS { leaves.len() } else { 1 };
    let orders = (0..tried).map(|start| greedy(start, leaves.len(), filtered, &edges, &keys));
    let rank = |order: &Vec<(usize, Connection)>| {
        let count =
            |wanted: Connection| order.iter().skip(1).filter(|(_, connection)| *connection == wanted).count();
        let unfiltered = order.first().is_some_and(|(start, _)| !filtered[*start]);
        (count(Connection::Cross), count(Connection::Keyed), unfiltered)
    };
    // Of equals the first: the order in which FROM names them.
    orders.min_by_key(rank).unwrap_or_default()
}

fn greedy(
    start: usize,
    leaves: usize,
    filtered: &[bool],
    edges: &[Edge],
    keys: &[Option<Vec<usize>>],
) -> Vec<(usize, Connection)> {
    let mut order = vec![(start, Connection::Unique)];
    let mut joined = BTreeSet::from([start]);
    while order.len() < leaves {
        let candidates = (0..leaves).filter(|leaf| !joined.contains(leaf));
        let best = candidates
            .map(|leaf| (connection(leaf, &joined, edges, keys), !filtered[leaf], leaf))
            .min()
            .map_or((start, Connection::Cross), |(connection, _, leaf)| (leaf, connection));
        joined.insert(best.0);
        order.push(best);
    }
    order
}

fn connection(
    leaf: usize,
    joined: &BTreeSet<usize>,
    edges: &[Edge],
    keys: &[Option<Vec<usize>>],
) -> Connection {
    let mut connected = false;
    let mut columns = BTreeSet::new();
    for edge in edges {
        for (mine, other) in [(0, 1), (1, 0)] {
            let (mine, other) = (&edge.sides[mine], &edge.sides[other]);
            let usable = mine.leaves.len() == 1
                && mine.leaves.contains(&leaf)
                && !other.leaves.is_empty()
                && other.leaves.is_subset(joined);
            if usable {
                connected = true;
                columns.extend(mine.column);
            }
        }
    }
    match &keys[leaf] {
        Some(key) if key.iter().all(|column| columns.contains(column)) => Connection::Unique,
        _ if connected => Connection::Keyed,
        _ => Connection::Cross,
    }
}
