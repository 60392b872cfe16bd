//! Measures a join with a sum per group by hand: `cargo run --release --example measure -- [rows] [workers]`.

use std::{
    sync::{Arc, Condvar, Mutex},
    time::Instant,
};

use offtake_engine::{Batch, Engine, Install, Output, Snapshot};
use offtake_lir::{Aggregate, AggregateFunction, CollectionId, EvalError, JoinStage, Lir, Mfp, Scalar};
use offtake_row::{Datum, Row};

const CUSTOMERS: CollectionId = CollectionId(1);
const ORDERS: CollectionId = CollectionId(2);
const VIEW: CollectionId = CollectionId(3);

#[derive(Default)]
struct Done {
    upper: Mutex<u64>,
    changed: Condvar,
    changes: Mutex<usize>,
}

impl Output for Done {
    fn updates(&self, _: CollectionId, _: u64, rows: Vec<(Row, i64)>, _: Vec<(EvalError, i64)>) {
        *self.changes.lock().expect("not poisoned") += rows.len();
    }

    fn frontier(&self, _: CollectionId, upper: u64) {
        *self.upper.lock().expect("not poisoned") = upper;
        self.changed.notify_all();
    }
}

impl Done {
    fn wait(&self, time: u64) {
        let upper = self.upper.lock().expect("not poisoned");
        drop(self.changed.wait_while(upper, |upper| *upper <= time).expect("not poisoned"));
    }
}

struct Rows {
    orders: i64,
    customers: i64,
}

fn order(id: i64, customers: i64, amount: i64) -> Row {
    let customer = (id.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64) >> 20).rem_euclid(customers);
    Row::pack([
        Datum::Int(id),
        Datum::Int(customer),
        Datum::Int(amount),
        Datum::Text("a note of some length"),
    ])
}

fn customer(id: i64) -> Row {
    Row::pack([Datum::Int(id), Datum::Int(id % 1000), Datum::Text("a customer's name")])
}

impl Snapshot for Rows {
    fn rows(&self, table: CollectionId, f: &mut dyn FnMut(&Row, i64)) {
        if table == ORDERS {
            (0..self.orders).for_each(|id| f(&order(id, self.customers, id % 100), 1));
        } else {
            (0..self.customers).for_each(|id| f(&customer(id), 1));
        }
    }
}

/// CPU time of the whole process in seconds: tells more than the clock on a shared machine.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |field: usize| fields.get(field).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
}

fn main() {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<i64>().expect("a number"));
    let orders = args.next().unwrap_or(2_000_000);
    let workers = args.next().unwrap_or(1) as usize;
    let customers = orders / 10;
    let output = Arc::new(Done::default());
    let engine = Engine::start(workers, output.clone()).expect("the engine starts");
    engine.create_table(CUSTOMERS).expect("new");
    engine.create_table(ORDERS).expect("new");
    let sum = |column| Aggregate {
        function: AggregateFunction::SumInt4,
        args: vec![Scalar::Column(column)],
        order_by: vec![],
        filter: None,
        distinct: false,
    };
    let lir = Lir::Reduce {
        input: Box::new(Lir::Join {
            inputs: vec![Lir::Get { id: ORDERS }, Lir::Get { id: CUSTOMERS }],
            stages: vec![JoinStage::inner(
                vec![Scalar::Column(1)],
                vec![Scalar::Column(0)],
                3,
                Mfp { input_arity: 7, expressions: vec![], predicates: vec![], projection: vec![5, 2] },
            )],
        }),
        key: vec![Scalar::Column(0)],
        aggregates: vec![sum(1)],
    };
    let start = Instant::now();
    let snapshot = Arc::new(Rows { orders, customers });
    engine.install(Install { id: VIEW, lir, as_of: 1, snapshot }).expect("a good plan");
    output.wait(1);
    let took = start.elapsed();
    println!("{orders} orders, {customers} customers, {workers} workers, {} MiB", resident());
    let rows = (orders + customers) as f64;
    println!(
        "hydration {took:?}: {:.0} rows/s, {:.0} rows/s of CPU",
        rows / took.as_secs_f64(),
        rows / cpu()
    );

    let mut time = 1;
    let mut amounts = vec![0i64; orders as usize];
    (0..orders).for_each(|id| amounts[id as usize] = id % 100);
    let mut update = |count: i64, seed: i64| {
        let mut updates = Vec::new();
        for i in 0..count {
            let id = (seed.wrapping_mul(7919).wrapping_add(i.wrapping_mul(104_729))).rem_euclid(orders);
            let amount = &mut amounts[id as usize];
            updates.push((order(id, customers, *amount), -1));
            *amount += 1;
            updates.push((order(id, customers, *amount), 1));
        }
        Arc::new(updates)
    };
    for size in [1, 100, 10_000] {
        let rounds = if size == 10_000 { 30 } else { 1000 };
        let mut latencies = Vec::new();
        let busy = cpu();
        for round in 0..rounds {
            let updates = update(size, round);
            time += 1;
            let start = Instant::now();
            engine.push(Batch { time, tables: vec![(ORDERS, updates)] }).expect("in order");
            output.wait(time);
            latencies.push(start.elapsed());
        }
        latencies.sort();
        println!(
            "{size} rows a batch: p50 {:?}, p99 {:?}, mean CPU {:.0} us",
            latencies[latencies.len() / 2],
            latencies[latencies.len() * 99 / 100],
            (cpu() - busy) * 1e6 / rounds as f64
        );
    }
    for size in [1, 10, 1000] {
        let batches: Vec<_> = (0..100_000 / size).map(|round| update(size, round)).collect();
        let (start, busy) = (Instant::now(), cpu());
        for updates in batches {
            time += 1;
            engine.push(Batch { time, tables: vec![(ORDERS, updates)] }).expect("in order");
        }
        output.wait(time);
        let took = start.elapsed();
        println!(
            "100000 row updates, {size} a time, not awaited: {took:?}, {:.0}/s, {:.0}/s of CPU",
            1e5 / took.as_secs_f64(),
            1e5 / (cpu() - busy)
        );
    }
    println!("{} MiB", resident());
}
