//! Rounds as times of a dataflow. They are not totally ordered with the times outside, so that differential's own, general operators
//! keep what has state.

use differential_dataflow::{
    operators::arrange::Arranged,
    trace::{
        implementations::{ValBuilder, ValSpine},
        wrappers::{enter::TraceEnter, frontier::TraceFrontier},
    },
};
use offtake_lir::Mfp;
use offtake_row::Row;
use timely::order::Product;

use crate::render::{
    Collection, Rows, Trace, arrange,
    join::{Keyed, Pair, pair},
    moment::Moment,
};

/// A time outside, and a round.
pub(super) type Rounds = Product<u64, u64>;

/// An arrangement from outside, the same in each round.
#[derive(Clone)]
pub(in crate::render) enum Entered<'i> {
    Own(Arranged<'i, TraceEnter<Rows, Rounds>>),
    Shared(Arranged<'i, TraceEnter<TraceFrontier<Rows>, Rounds>>),
}

/// What is done to a group. In a box, so that the operator is compiled once.
type Logic = Box<dyn FnMut(&Row, &mut dyn Iterator<Item = (&Row, i64)>, &mut Vec<(Row, i64)>)>;

impl Moment for Rounds {
    type Foreign<'s> = Entered<'s>;

    fn pairs<'s>(
        left: Keyed<'s, Rounds>,
        right: Keyed<'s, Rounds>,
        closure: Option<Mfp>,
    ) -> Collection<'s, Pair, i64, Rounds> {
        match (left, right) {
            (Keyed::Own(left), Keyed::Own(right)) => left.join_core(right, pair(closure, false)),
            (Keyed::Own(left), Keyed::Foreign(right)) => meet_entered(left, right, closure, false),
            (Keyed::Foreign(left), Keyed::Own(right)) => meet_entered(right, left, closure, true),
            (Keyed::Foreign(left), Keyed::Foreign(right)) => {
                let rows = match left {
                    Entered::Own(rows) => rows.as_collection(|key, row| (key.clone(), row.clone())),
                    Entered::Shared(rows) => rows.as_collection(|key, row| (key.clone(), row.clone())),
                };
                meet_entered(arrange(rows, "Join input"), right, closure, false)
            }
        }
    }

    fn group<'s, L>(
        rows: Arranged<'s, Trace<i64, Rounds>>,
        name: &str,
        logic: L,
    ) -> Collection<'s, Row, i64, Rounds>
    where
        L: FnMut(&Row, &mut dyn Iterator<Item = (&Row, i64)>, &mut Vec<(Row, i64)>) + 'static,
    {
        group_boxed(rows, name, Box::new(logic))
    }
}

fn meet_entered<'s>(
    own: Arranged<'s, Trace<i64, Rounds>>,
    entered: Entered<'s>,
    closure: Option<Mfp>,
    turned: bool,
) -> Collection<'s, Pair, i64, Rounds> {
    match entered {
        Entered::Own(rows) => own.join_core(rows, pair(closure, turned)),
        Entered::Shared(rows) => own.join_core(rows, pair(closure, turned)),
    }
}

fn group_boxed<'s>(
    rows: Arranged<'s, Trace<i64, Rounds>>,
    name: &str,
    mut logic: Logic,
) -> Collection<'s, Row, i64, Rounds> {
    rows.reduce_abelian::<_, ValBuilder<Row, Row, Rounds, i64>, ValSpine<Row, Row, Rounds, i64>, _, _>(
        name,
        move |key, values, made| {
            let mut values =
                values.iter().filter(|(_, count)| *count > 0).map(|(value, count)| (*value, *count));
            logic(key, &mut values, made);
        },
        |batch, key, updates| {
            batch.clear();
            batch.extend(updates.drain(..).map(|(value, time, diff)| ((key.clone(), value), time, diff)));
        },
    )
    .as_collection(|_, value| value.clone())
}
