//! Measures what one change costs in a partition or group of so many rows, by hand: `cargo run --release --example partitions`.

use std::{
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use offtake_engine::{Batch, Engine, Install, Output, Snapshot};
use offtake_lir::{
    Aggregate, AggregateFunction, AggregateOrder, CollectionId, EvalError, Frame, FrameBound, FrameExclusion,
    FrameUnit, Lir, Order, Scalar, Window, WindowCall, WindowFunction,
};
use offtake_row::{Datum, Row, Type};

const TABLE: CollectionId = CollectionId(1);

#[derive(Default)]
struct Done {
    upper: Mutex<std::collections::BTreeMap<CollectionId, u64>>,
    changed: Condvar,
}

impl Output for Done {
    fn updates(&self, _: CollectionId, _: u64, _: Vec<(Row, i64)>, errors: Vec<(EvalError, i64)>) {
        assert!(errors.is_empty(), "{errors:?}");
    }

    fn frontier(&self, id: CollectionId, upper: u64) {
        self.upper.lock().expect("not poisoned").insert(id, upper);
        self.changed.notify_all();
    }
}

impl Done {
    fn wait(&self, id: CollectionId, time: u64) {
        let upper = self.upper.lock().expect("not poisoned");
        drop(self.changed.wait_while(upper, |upper| upper.get(&id).is_none_or(|upper| *upper <= time)));
    }
}

/// One partition of so many rows: key, order, amount.
struct Rows(i64);

fn row(id: i64, amount: i64) -> Row {
    Row::pack([Datum::Int(0), Datum::Int(id.wrapping_mul(7919) % 1_000_003), Datum::Int(amount)])
}

impl Snapshot for Rows {
    fn rows(&self, _: CollectionId, f: &mut dyn FnMut(&Row, i64)) {
        (0..self.0).for_each(|id| f(&row(id, id % 100), 1));
    }
}

fn window(function: WindowFunction, args: Vec<Scalar>, unit: FrameUnit) -> Lir {
    let frame = Frame {
        unit,
        start: FrameBound::UnboundedPreceding,
        end: FrameBound::CurrentRow,
        exclude: FrameExclusion::Nothing,
    };
    let window = Window {
        partition: vec![Scalar::Column(0)],
        order_by: vec![Order { column: 1, ty: Type::Int8, descending: false, nulls_first: false }],
        calls: vec![WindowCall { function, args, frame }],
    };
    Lir::Window { input: Box::new(Lir::Get { id: TABLE }), window }
}

fn aggregate(function: AggregateFunction, args: Vec<Scalar>, order_by: Vec<AggregateOrder>) -> Aggregate {
    Aggregate { function, args, order_by, filter: None, distinct: false }
}

fn main() {
    let column = |column| vec![Scalar::Column(column)];
    let sum = aggregate(AggregateFunction::SumInt8, column(2), Vec::new());
    let amount = Scalar::call(offtake_lir::Func::Cast { from: Type::Int8, to: Type::Text }, column(2));
    let joined = vec![amount, Scalar::literal(Datum::Text(","), Type::Text)];
    let order =
        AggregateOrder { key: Scalar::Column(1), ty: Type::Int8, descending: false, nulls_first: false };
    let reduce = |aggregate| Lir::Reduce {
        input: Box::new(Lir::Get { id: TABLE }),
        key: column(0),
        aggregates: vec![aggregate],
    };
    let plans = [
        ("row_number", window(WindowFunction::RowNumber, Vec::new(), FrameUnit::Rows)),
        ("lag", window(WindowFunction::Lag, column(2), FrameUnit::Rows)),
        ("running sum", window(WindowFunction::Aggregate(sum.clone()), Vec::new(), FrameUnit::Rows)),
        ("sum", reduce(sum)),
        ("string_agg", reduce(aggregate(AggregateFunction::StringAgg, joined, vec![order]))),
    ];
    for rows in [10, 1_000, 100_000] {
        for (name, lir) in &plans {
            let output = Arc::new(Done::default());
            let engine = Engine::start(1, output.clone()).expect("the engine starts");
            engine.create_table(TABLE).expect("new");
            let id = CollectionId(2);
            let start = Instant::now();
            let install = Install { id, lir: lir.clone(), as_of: 1, snapshot: Arc::new(Rows(rows)) };
            engine.install(install).expect("a good plan");
            output.wait(id, 1);
            let hydration = start.elapsed();
            let mut latencies: Vec<Duration> = Vec::new();
            for round in 0..50 {
                let (id_of_row, time) = ((round * 7) % rows, 2 + round as u64);
                let amount = id_of_row % 100 + round / rows;
                let updates = vec![(row(id_of_row, amount), -1), (row(id_of_row, amount + 1), 1)];
                let start = Instant::now();
                engine.push(Batch { time, tables: vec![(TABLE, Arc::new(updates))] }).expect("in order");
                output.wait(id, time);
                latencies.push(start.elapsed());
            }
            latencies.sort();
            println!("{name}, {rows} rows: hydration {hydration:?}, a change {:?} (p50)", latencies[25]);
        }
    }
}
