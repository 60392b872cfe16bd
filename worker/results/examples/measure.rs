//! Measures loads, updates and look-ups: `cargo run --release -p offtake-results --example measure -- [ROWS]`. Run by hand.

use std::time::{Duration, Instant};

use offtake_lir::CollectionId;
use offtake_results::results;
use offtake_row::{Datum, Row, Type};

/// Processor time of this process so far, which a busy machine does not falsify as it does the wall clock's.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// A wall clock and the processor's.
struct Clock(Instant, Duration);

impl Clock {
    fn start() -> Clock {
        Clock(Instant::now(), cpu())
    }

    fn stop(&self) -> (Duration, Duration) {
        (self.0.elapsed(), cpu() - self.1)
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

fn rss() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn report(what: &str, count: u64, (took, cpu): (Duration, Duration)) {
    let rate = |time: Duration| count as f64 / time.as_secs_f64().max(0.01);
    println!("{what:<50} {:>10.0}/s, per cpu second {:>10.0}   (rss {} MiB)", rate(took), rate(cpu), rss());
}

fn row(number: u64, text: &str) -> Row {
    Row::pack([Datum::Int(number as i64), Datum::Int((number % 200_000) as i64), Datum::Text(text)])
}

fn main() {
    let rows: u64 = std::env::args().nth(1).and_then(|rows| rows.parse().ok()).unwrap_or(2_000_000);
    let text = "x".repeat(100);
    let types = vec![Type::Int8, Type::Int8, Type::Text];
    let shuffled = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % rows.next_power_of_two();
    for (what, indexes, spread, chunk) in [
        ("load, in order, one index, at once", vec![vec![0]], false, rows),
        ("load, in order, one index, by 10,000", vec![vec![0]], false, 10_000),
        ("load, in no order, one index, at once", vec![vec![0]], true, rows),
        ("load, in no order, two indexes, by 100,000", vec![vec![0], vec![1]], true, 100_000),
    ] {
        let before = rss();
        let all: Vec<(Row, i64)> =
            (0..rows).map(|n| (row(if spread { shuffled(n) } else { n }, &text), 1)).collect();
        let held = rss() - before;
        let (results, mut writer) = results();
        let id = CollectionId(1);
        let two = indexes.len() == 2;
        writer.create(id, types.clone(), indexes, 1);
        let began = Clock::start();
        let mut all = all.into_iter().peekable();
        while all.peek().is_some() {
            writer.load(id, all.by_ref().take(chunk as usize).collect());
        }
        drop(all);
        writer.advance(id, 2);
        writer.publish();
        report(what, rows, began.stop());
        println!(
            "    rows alone {held} MiB, estimate {} MiB, found {} MiB",
            results.current().get(id).expect("published").memory_bytes() >> 20,
            rss() - before
        );
        if !two {
            continue;
        }
        let mut time = 2;
        for per_update in [1, 5, 1000] {
            let began = Clock::start();
            let mut updates = 0;
            while began.elapsed() < Duration::from_secs(1) {
                let changed: Vec<(Row, i64)> = (0..per_update)
                    .flat_map(|n| {
                        let number = shuffled((updates * per_update + n) % rows);
                        [
                            (row(number, &text), -1),
                            (row(number, &text), 1),
                            (row(number, "y"), 1),
                            (row(number, "y"), -1),
                        ]
                    })
                    .take(2 * per_update as usize)
                    .collect();
                writer.update(id, time, changed);
                writer.advance(id, time + 1);
                writer.publish();
                updates += 1;
                time += 1;
            }
            report(&format!("updates of {per_update} rows, each published"), updates, began.stop());
        }
        let began = Clock::start();
        for number in 0..500_000u64 {
            let key = Row::pack([Datum::Int((shuffled(number) % 200_000) as i64)]);
            let version = results.current();
            let found = version.get(id).and_then(|c| Some(c.lookup(&[1], &key)?.count()));
            assert!(found.is_some_and(|found| found > 0));
        }
        report("look-ups by the second index", 500_000, began.stop());
        let began = Clock::start();
        let count = results
            .current()
            .get(id)
            .expect("published")
            .scan()
            .filter(|(row, _)| !row.as_bytes().is_empty())
            .count();
        report("scan", count as u64, began.stop());
        let began = Clock::start();
        writer.remove(id);
        writer.publish();
        println!("remove and publish: {:.2?}", began.elapsed());
    }
}
