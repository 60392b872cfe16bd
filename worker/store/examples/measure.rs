//! Measures the store on a directory: `cargo run --release -p offtake-store --example measure -- DIR [ROWS]`. Run by hand; its figures
//! stand in the crate's documentation.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use offtake_store::{Store, TableId, WriteBatch};

const VALUE: usize = 129;
const WIDE: TableId = TableId(1);
const SMALL: TableId = TableId(2);
const SHUFFLED: TableId = TableId(3);

fn key(number: u64) -> [u8; 16] {
    let mut key = [b'k'; 16];
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

/// Visits every number below a power of two once, in no order.
fn shuffle(number: u64, rows: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % rows.next_power_of_two()
}

fn value(number: u64, out: &mut [u8; VALUE]) {
    let mut state = number | 1;
    for chunk in out.chunks_mut(16) {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let text = format!("{state:016x}");
        chunk.copy_from_slice(&text.as_bytes()[..chunk.len()]);
    }
}

fn report(what: &str, count: u64, unit: &str, (took, cpu): (Duration, Duration)) {
    let rate = |time: Duration| count as f64 / time.as_secs_f64().max(0.01);
    println!(
        "{what:<58} {:>9.0} {unit}/s, per cpu second {:>9.0}   (rss {} MiB)",
        rate(took),
        rate(cpu),
        rss()
    );
}

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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("usage: measure DIR [ROWS]")?;
    let rows: u64 = arguments.next().map_or(Ok(2_000_000), |rows| rows.parse())?;
    let directory = Path::new(&directory);
    let store = Store::open(directory)?;
    for table in [WIDE, SMALL, SHUFFLED] {
        store.create_table(table)?;
    }
    let mut text = [0; VALUE];

    let began = Clock::start();
    let mut loader = store.load(WIDE)?;
    for number in 0..rows {
        value(number, &mut text);
        loader.add(&key(number), &text)?;
    }
    loader.finish()?;
    report("load, 145-byte rows in key order (making them included)", rows, "rows", began.stop());

    let began = Clock::start();
    let mut loader = store.load(SHUFFLED)?;
    for number in 0..rows {
        loader.add(&key(shuffle(number, rows)), &text)?;
    }
    loader.finish()?;
    report("load, 145-byte rows in no order", rows, "rows", began.stop());

    for table in [WIDE, SHUFFLED] {
        let began = Clock::start();
        let mut bytes = 0;
        let mut count = 0;
        for row in store.scan(table)? {
            let (key, value) = row?;
            bytes += key.len() + value.len();
            count += 1;
        }
        report(&format!("scan {} MB", bytes / 1_000_000), count, "rows", began.stop());
    }

    let mut seed = 42u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) % below
    };
    for (what, below) in [("get, hot: 10,000 keys", 10_000), ("get, over the whole table", rows)] {
        let began = Clock::start();
        let mut count = 0;
        while began.elapsed() < Duration::from_secs(2) {
            for _ in 0..1000 {
                assert!(store.get(WIDE, &key(random(below)))?.is_some());
                count += 1;
            }
        }
        report(what, count, "gets", began.stop());
    }

    for per_batch in [1, 5] {
        let began = Clock::start();
        let mut batches = 0u64;
        while began.elapsed() < Duration::from_secs(3) {
            let mut batch = WriteBatch::with_capacity(per_batch + 1);
            for _ in 0..per_batch {
                value(batches, &mut text);
                batch.put(SMALL, key(random(rows)), &text[..]);
            }
            batch.put_meta("lsn", batches.to_be_bytes());
            store.write(batch)?;
            batches += 1;
        }
        report(
            &format!("write, batches of {per_batch} and the LSN, no sync"),
            batches,
            "batches",
            began.stop(),
        );
    }

    for loading in [false, true] {
        let whole = Clock::start();
        let stop = AtomicBool::new(false);
        let (synced, worst, batches) = std::thread::scope(|scope| {
            let syncer = scope.spawn(|| {
                let mut synced = 0u64;
                while !stop.load(Ordering::Relaxed) {
                    store.sync().expect("sync");
                    synced += 1;
                }
                synced
            });
            let load = scope.spawn(|| {
                let mut number = 0;
                while loading && !stop.load(Ordering::Relaxed) {
                    let mut loader = store.load(SHUFFLED).expect("load");
                    while !stop.load(Ordering::Relaxed) {
                        loader.add(&key(shuffle(number, rows)), &[b'x'; VALUE]).expect("add");
                        number += 1;
                    }
                }
                number
            });
            let began = Clock::start();
            let mut latencies = Vec::new();
            while began.elapsed() < Duration::from_secs(5) {
                let mut batch = WriteBatch::with_capacity(6);
                for _ in 0..5 {
                    batch.put(SMALL, key(random(rows)), &text[..]);
                }
                batch.put_meta("lsn", began.elapsed().as_nanos().to_be_bytes());
                let write = Instant::now();
                store.write(batch).expect("write");
                latencies.push(write.elapsed());
            }
            stop.store(true, Ordering::Relaxed);
            latencies.sort_unstable();
            let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
            println!(
                "    write latency p50 {:?} p99 {:?} p99.9 {:?} max {:?}, loaded beside it {} rows",
                at(0.5),
                at(0.99),
                at(0.999),
                at(1.0),
                load.join().expect("loader")
            );
            (syncer.join().expect("syncer"), at(1.0), latencies.len() as u64)
        });
        let what =
            format!("write, batches of 5, syncing all the time{}", if loading { ", loading" } else { "" });
        report(&what, batches, "batches", whole.stop());
        println!("    {} syncs/s, the longest write took {worst:?}", synced / 5);
    }

    let began = Clock::start();
    let mut batch = WriteBatch::with_capacity(500_001);
    for number in 0..500_000 {
        batch.put(SMALL, key(shuffle(number, rows)), &text[..]);
    }
    batch.put_meta("lsn", [0; 8]);
    let made = began.elapsed();
    store.write(batch)?;
    report(&format!("write, one batch of 500,000 (made in {made:.2?})"), 500_000, "rows", began.stop());
    let began = Clock::start();
    store.sync()?;
    println!("    then sync: {:?}; {} MB on disk", began.elapsed(), store.disk_bytes() / 1_000_000);

    drop(store);
    let began = Clock::start();
    let store = Store::open(directory)?;
    println!("open again: {:?}", began.elapsed());
    let began = Clock::start();
    let mut count = 0;
    for row in store.scan(WIDE)? {
        row?;
        count += 1;
    }
    report("scan after open", count, "rows", began.stop());
    Ok(())
}
