//! Random programs: a schema, views over it, and transactions on several connections, all from one seed.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use tokio::{sync::RwLock, task::JoinSet};
use tokio_postgres::Client;

use crate::{manifests, oracle::Question, upstream::connect};

/// The seed of this run: `OFFTAKE_SEED`, or a new one. Printed, so that a failure can be run again.
pub fn seed() -> u64 {
    let seed =
        std::env::var("OFFTAKE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("OFFTAKE_SEED={seed}");
    seed
}

/// Tables with every kind of key: a plain one, a composite one, another than the primary (USING INDEX), and none (FULL).
pub const SCHEMA: &str = "
    CREATE TABLE accounts (id int PRIMARY KEY, owner text NOT NULL, balance numeric(12,2) NOT NULL, opened date);
    CREATE TABLE items (id bigint PRIMARY KEY, account_id int, qty int NOT NULL, price numeric(10,2), note text,
                        flag bool, at timestamptz NOT NULL);
    CREATE TABLE pairs (a int, b text, v float8, w smallint, PRIMARY KEY (b, a));
    CREATE TABLE named (id int, code text NOT NULL, body bytea, CONSTRAINT named_code UNIQUE (code));
    ALTER TABLE named REPLICA IDENTITY USING INDEX named_code;
    CREATE TABLE events (kind text, n int);
    ALTER TABLE events REPLICA IDENTITY FULL;
    CREATE TABLE unwatched (id int);
    INSERT INTO accounts SELECT i, 'owner ' || i % 7, 1000, date '2020-01-01' + i FROM generate_series(1, 200) i;
    INSERT INTO items SELECT i, i % 220, i % 9, (i % 500) / 7.0, repeat('n', i % 40), i % 3 = 0, timestamptz '2024-01-01 00:00Z' + i * interval '1 minute'
        FROM generate_series(1, 3000) i;
    INSERT INTO pairs SELECT i % 50, 'b' || i / 50, i / 3.0, i % 100 FROM generate_series(1, 500) i;
    INSERT INTO named SELECT i, 'code ' || i, decode(md5(i::text), 'hex') FROM generate_series(1, 200) i;
    INSERT INTO events SELECT 'kind ' || i % 5, i % 3 FROM generate_series(1, 300) i;
    ANALYZE;
    CREATE PUBLICATION app FOR TABLE accounts, items, pairs, named, events;
";

pub const TABLES: [&str; 5] = ["accounts", "items", "pairs", "named", "events"];

/// Views over the schema. Floating sums are rounded: their last digit depends on the order of addition, in PostgreSQL too.
pub const VIEWS: [(&str, &str); 9] = [
    ("total", "SELECT count(*) AS n, sum(balance) AS total, min(balance) AS low, max(opened) AS newest FROM accounts"),
    (
        "by_owner",
        "SELECT a.owner, count(*) AS lines, sum(i.qty * i.price) AS value, avg(i.qty) AS mean, count(DISTINCT i.qty) AS kinds
         FROM accounts a JOIN items i ON i.account_id = a.id GROUP BY a.owner",
    ),
    ("rich", "SELECT owner, value FROM by_owner WHERE value > 1000"),
    (
        "flagged",
        "SELECT i.id, a.owner, i.note FROM items i, accounts a WHERE a.id = i.account_id AND i.flag AND i.qty BETWEEN 2 AND 7",
    ),
    (
        "per_item_kind",
        "SELECT flag, qty, count(*) FILTER (WHERE price > 30) AS dear, max(at) AS last, min(note) AS first
         FROM items GROUP BY flag, qty HAVING count(*) > 1",
    ),
    ("distinct_pairs", "SELECT DISTINCT b, w FROM pairs WHERE v IS NOT NULL"),
    ("both", "SELECT owner AS who FROM accounts UNION ALL SELECT kind FROM events UNION ALL SELECT b FROM pairs WHERE a < 5"),
    ("event_counts", "SELECT kind, n, count(*) AS times, sum(n) AS added FROM events GROUP BY kind, n"),
    (
        "three",
        "SELECT a.owner, p.b, count(*) AS n, sum(i.qty) AS q FROM accounts a
         JOIN items i ON i.account_id = a.id JOIN pairs p ON p.w = i.qty AND p.a < 20 GROUP BY a.owner, p.b",
    ),
];

/// The manifests of all tables and views.
pub fn all_views() -> String {
    VIEWS.iter().map(|(name, query)| manifests::view(name, query)).collect()
}

/// Every table, and every view by its own query.
pub fn questions() -> Vec<Question<'static>> {
    const TABLE_QUESTIONS: [Question<'static>; 5] = [
        Question { read: "SELECT * FROM accounts", ask: "SELECT * FROM accounts" },
        Question { read: "SELECT * FROM items", ask: "SELECT * FROM items" },
        Question { read: "SELECT * FROM pairs", ask: "SELECT * FROM pairs" },
        Question { read: "SELECT * FROM named", ask: "SELECT * FROM named" },
        Question { read: "SELECT * FROM events", ask: "SELECT * FROM events" },
    ];
    let views = VIEWS.iter().map(|(name, query)| Question {
        read: Box::leak(format!("SELECT * FROM {name}").into_boxed_str()),
        ask: match *name {
            "rich" => Box::leak(format!("WITH by_owner AS ({}) {query}", VIEWS[1].1).into_boxed_str()),
            _ => query,
        },
    });
    TABLE_QUESTIONS.into_iter().chain(views).collect()
}

/// Random transactions on several connections, which can be brought to rest.
pub struct Program {
    rest: Arc<RwLock<()>>,
    stop: Arc<AtomicBool>,
    pub committed: Arc<AtomicU64>,
    tasks: JoinSet<()>,
}

impl Program {
    pub fn start(address: &str, seed: u64, connections: u64) -> Program {
        let mut program = Program {
            rest: Arc::default(),
            stop: Arc::default(),
            committed: Arc::default(),
            tasks: JoinSet::new(),
        };
        for number in 0..connections {
            let (rest, stop, committed) =
                (program.rest.clone(), program.stop.clone(), program.committed.clone());
            let address = address.to_owned();
            program.tasks.spawn(async move {
                let mut random = SmallRng::seed_from_u64(seed ^ (number << 32));
                let mut client = None;
                while !stop.load(Ordering::Relaxed) {
                    let running = rest.read().await;
                    let Some(open) = &client else {
                        client = connect(&address).await.ok();
                        drop(running);
                        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                        continue;
                    };
                    // A conflict or a lost connection is part of the program.
                    match transaction(open, &mut random, number).await {
                        Ok(true) => drop(committed.fetch_add(1, Ordering::Relaxed)),
                        Ok(false) => {}
                        Err(_) if open.is_closed() => client = None,
                        Err(_) => drop(open.batch_execute("ROLLBACK").await),
                    }
                    drop(running);
                    tokio::task::yield_now().await;
                }
            });
        }
        program
    }

    /// Waits until no transaction runs, and lets none begin while the guard lives.
    pub async fn at_rest(&self) -> tokio::sync::RwLockWriteGuard<'_, ()> {
        self.rest.write().await
    }

    pub fn committed(&self) -> u64 {
        self.committed.load(Ordering::Relaxed)
    }

    pub async fn finish(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("the program does not panic");
        }
    }
}

/// One transaction; whether it was committed.
async fn transaction(
    client: &Client,
    random: &mut SmallRng,
    connection: u64,
) -> Result<bool, tokio_postgres::Error> {
    client.batch_execute("BEGIN; SET LOCAL lock_timeout = '2s'").await?;
    for _ in 0..random.random_range(1..6) {
        let savepoint = random.random_bool(0.1);
        if savepoint {
            client.batch_execute("SAVEPOINT s").await?;
        }
        client.batch_execute(&statement(random, connection)).await?;
        if savepoint && random.random_bool(0.5) {
            client.batch_execute("ROLLBACK TO s").await?;
        }
    }
    let commit = random.random_bool(0.93);
    client.batch_execute(if commit { "COMMIT" } else { "ROLLBACK" }).await?;
    Ok(commit)
}

fn statement(random: &mut SmallRng, connection: u64) -> String {
    let id = random.random_range(1..3500);
    let account = random.random_range(1..220);
    // Ids that only this connection inserts, so that transactions rarely collide.
    let fresh = 10_000 + random.random_range(0..5_000) * 16 + connection;
    let text = *["", "x", "a'b", "grün", "\\\\", "NULL"].choose(random).unwrap_or(&"");
    let quoted = text.replace('\'', "''");
    match random.random_range(0..26) {
        0..=3 => {
            let other = random.random_range(1..200);
            let amount = random.random_range(1..50);
            let (low, high) = (account.min(other), account.max(other));
            format!(
                "SELECT 1 FROM accounts WHERE id IN ({low}, {high}) ORDER BY id FOR UPDATE;
                 UPDATE accounts SET balance = balance - {amount} WHERE id = {account} AND EXISTS (SELECT 1 FROM accounts WHERE id = {other});
                 UPDATE accounts SET balance = balance + {amount} WHERE id = {other} AND EXISTS (SELECT 1 FROM accounts WHERE id = {account})"
            )
        }
        4..=6 => format!(
            "INSERT INTO items VALUES ({fresh}, {account}, {}, {}.{:02}, '{quoted}', {}, timestamptz '2024-06-01 12:00Z' + {id} * interval '17 s') ON CONFLICT DO NOTHING",
            random.random_range(0..9),
            random.random_range(0..99),
            random.random_range(0..99),
            ["true", "false", "NULL"].choose(random).unwrap_or(&"NULL"),
        ),
        7..=9 => {
            format!("UPDATE items SET qty = {}, flag = NOT flag WHERE id = {id}", random.random_range(0..9))
        }
        10 => format!("UPDATE items SET price = NULL WHERE id = {id}"),
        // Long values are stored out of line; the next updates of the row do not send them.
        11 => format!(
            "UPDATE items SET note = (SELECT string_agg(md5((g * {id})::text), '') FROM generate_series(1, {}) g) WHERE id = {id}",
            random.random_range(100..400)
        ),
        12 => format!(
            "UPDATE items SET id = {fresh} WHERE id = {id} AND NOT EXISTS (SELECT 1 FROM items WHERE id = {fresh})"
        ),
        13..=14 => format!("DELETE FROM items WHERE id = {id}"),
        15 => format!("DELETE FROM items WHERE id BETWEEN {id} AND {}", id + random.random_range(0..20)),
        16..=17 => format!(
            "INSERT INTO pairs VALUES ({}, 'b{}', {}, {}) ON CONFLICT (b, a) DO UPDATE SET v = excluded.v, w = excluded.w",
            random.random_range(0..60),
            random.random_range(0..12),
            ["NULL", "0.1", "'NaN'", "-0.0", "1e300", "'Infinity'"].choose(random).unwrap_or(&"0"),
            random.random_range(0..100),
        ),
        18 => format!(
            "UPDATE pairs SET a = a + 1000 * {}, b = b || 'x' WHERE a = {} AND b = 'b1'",
            connection + 1,
            random.random_range(0..60)
        ),
        19 => format!("DELETE FROM pairs WHERE a = {}", random.random_range(0..60)),
        20 => format!(
            "INSERT INTO named VALUES ({id}, 'code {fresh}', '\\x00ff{:02x}') ON CONFLICT DO NOTHING",
            connection
        ),
        21 => format!(
            "UPDATE named SET id = {id}, body = NULL WHERE code = 'code {}'",
            random.random_range(1..220)
        ),
        22 => {
            format!("UPDATE named SET code = code || '.' WHERE code = 'code {}'", random.random_range(1..220))
        }
        23 => format!(
            "INSERT INTO events SELECT 'kind {}', g FROM generate_series(1, {}) g",
            random.random_range(0..6),
            random.random_range(1..30)
        ),
        24 => match random.random_range(0..12) {
            0 => "TRUNCATE events".to_owned(),
            1 => "TRUNCATE pairs, events".to_owned(),
            2..=6 => format!(
                "DELETE FROM events WHERE kind = 'kind {}' AND n = {}",
                random.random_range(0..6),
                random.random_range(0..5)
            ),
            _ => format!(
                "UPDATE events SET n = n + 1 WHERE kind = 'kind {}' AND n < 4",
                random.random_range(0..6)
            ),
        },
        _ => format!("INSERT INTO unwatched VALUES ({id})"),
    }
}
