//! The demo's live workload: what happens in a shop, as transactions on a few connections.
//!
//! It never gives up: a server that restarts or a connection that breaks costs the transaction under way, and the next one goes on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_postgres::{Client, Config, NoTls};
use tokio_util::sync::CancellationToken;

use super::schema::{ACCOUNTS, CUSTOMERS, PRODUCTS, REGIONS};

/// How long a transaction that is under way at the end may still take.
const GRACE: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How much happens.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Transactions a second, all connections together.
    pub rate: f64,
    pub connections: usize,
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options { rate: 50.0, connections: 4, seed: 1 }
    }
}

/// What has happened: committed transactions by kind, and what went wrong.
#[derive(Debug, Default)]
pub struct Counts {
    pub placed: AtomicU64,
    pub paid: AtomicU64,
    pub shipped: AtomicU64,
    pub cancelled: AtomicU64,
    pub purged: AtomicU64,
    pub transfers: AtomicU64,
    pub price_changes: AtomicU64,
    pub moves: AtomicU64,
    /// Transactions that failed (deadlock, a broken connection) and were given up.
    pub failures: AtomicU64,
    /// Connections made after the first of each task.
    pub reconnects: AtomicU64,
}

impl Counts {
    /// All committed transactions.
    pub fn transactions(&self) -> u64 {
        use Action::*;
        [Place, Pay, Ship, Cancel, Purge, Transfer, Reprice, Move]
            .map(|action| self.of(action))
            .iter()
            .map(read)
            .sum()
    }

    fn of(&self, action: Action) -> &AtomicU64 {
        match action {
            Action::Place => &self.placed,
            Action::Pay => &self.paid,
            Action::Ship => &self.shipped,
            Action::Cancel => &self.cancelled,
            Action::Purge => &self.purged,
            Action::Transfer => &self.transfers,
            Action::Reprice => &self.price_changes,
            Action::Move => &self.moves,
        }
    }
}

fn read(count: &&AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// Works until `stop` is cancelled. Never fails: what goes wrong is counted, and tried again with pauses.
pub async fn run(config: Config, options: Options, counts: Arc<Counts>, stop: CancellationToken) {
    let connections = options.connections.max(1);
    let rate = if options.rate.is_finite() { options.rate.max(0.01) } else { Options::default().rate };
    let pace = Duration::from_secs_f64(connections as f64 / rate);
    let mut tasks = JoinSet::new();
    for number in 0..connections as u64 {
        let random = StdRng::seed_from_u64(options.seed.wrapping_mul(1_000_003).wrapping_add(number));
        let worker =
            Worker { config: config.clone(), pace, random, counts: Arc::clone(&counts), stop: stop.clone() };
        tasks.spawn(worker.run());
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::warn!(%error, "a task of the demo's workload ended");
        }
    }
}

/// One kind of transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// An order with one to five lines.
    Place,
    Pay,
    Ship,
    Cancel,
    /// Deletes a cancelled order and its lines.
    Purge,
    /// Moves money between two or three accounts.
    Transfer,
    /// Changes a product's price; placed orders keep theirs.
    Reprice,
    /// A customer moves to another region: all of their orders count there from now on.
    Move,
}

/// Each action and its share in a hundred.
const SHARES: [(Action, u32); 8] = [
    (Action::Place, 35),
    (Action::Pay, 22),
    (Action::Ship, 15),
    (Action::Cancel, 4),
    (Action::Purge, 2),
    (Action::Transfer, 16),
    (Action::Reprice, 3),
    (Action::Move, 3),
];

impl Action {
    fn choose(random: &mut StdRng) -> Action {
        let mut left = random.random_range(0..SHARES.iter().map(|(_, share)| share).sum());
        for (action, share) in SHARES {
            if left < share {
                return action;
            }
            left -= share;
        }
        Action::Place
    }
}

/// One connection and what it does.
struct Worker {
    config: Config,
    pace: Duration,
    random: StdRng,
    counts: Arc<Counts>,
    stop: CancellationToken,
}

impl Worker {
    async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        let mut first = true;
        while !self.stop.is_cancelled() {
            let stop = self.stop.clone();
            let connected = tokio::select! {
                connected = self.config.connect(NoTls) => connected,
                () = stop.cancelled() => return,
            };
            match connected {
                Ok((mut client, connection)) => {
                    // Ends with the client, which this function owns.
                    let driver = tokio::spawn(connection);
                    if !std::mem::take(&mut first) {
                        add(&self.counts.reconnects);
                    }
                    pause = FIRST_PAUSE;
                    self.session(&mut client).await;
                    drop(client);
                    driver.abort();
                }
                Err(error) => tracing::debug!(%error, "the demo's workload cannot connect"),
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                () = stop.cancelled() => return,
            }
        }
    }

    /// Transactions at the given pace, until the connection breaks or the end.
    async fn session(&mut self, client: &mut Client) {
        let stop = self.stop.clone();
        let mut clock = tokio::time::interval(self.pace);
        clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while !client.is_closed() {
            tokio::select! {
                _ = clock.tick() => {}
                () = stop.cancelled() => return,
            }
            let action = Action::choose(&mut self.random);
            let late = async {
                stop.cancelled().await;
                tokio::time::sleep(GRACE).await;
            };
            let done = tokio::select! {
                done = perform(action, client, &mut self.random) => done,
                () = late => return,
            };
            match done {
                Ok(true) => add(self.counts.of(action)),
                // Nothing to do: no order in that state, or too little money.
                Ok(false) => {}
                Err(error) => {
                    add(&self.counts.failures);
                    tracing::debug!(?action, %error, "a transaction of the demo's workload failed");
                }
            }
        }
    }
}

/// Runs one transaction; answers whether it changed anything.
async fn perform(
    action: Action,
    client: &mut Client,
    random: &mut StdRng,
) -> Result<bool, tokio_postgres::Error> {
    let changed = match action {
        Action::Place => return place(client, random).await,
        Action::Transfer => return transfer(client, random).await,
        Action::Purge => return purge(client).await,
        Action::Pay => client.execute(PAY, &[]).await?,
        Action::Ship => client.execute(SHIP, &[]).await?,
        Action::Cancel => client.execute(CANCEL, &[]).await?,
        Action::Reprice => {
            let percent: i32 = random.random_range(85..=118);
            client.execute(REPRICE, &[&percent, &random.random_range(1..=PRODUCTS)]).await?
        }
        Action::Move => {
            let region = REGIONS[random.random_range(0..REGIONS.len())];
            client.execute(MOVE, &[&region, &random.random_range(1..=CUSTOMERS)]).await?
        }
    };
    Ok(changed > 0)
}

// Skipping locked rows keeps the connections out of each other's way.
const PAY: &str = "UPDATE orders SET status = 'paid' WHERE id = \
    (SELECT id FROM orders WHERE status = 'placed' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)";
const SHIP: &str = "UPDATE orders SET status = 'shipped', shipped_at = now() WHERE id = \
    (SELECT id FROM orders WHERE status = 'paid' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)";
const CANCEL: &str = "UPDATE orders SET status = 'cancelled' WHERE id = \
    (SELECT id FROM orders WHERE status = 'placed' ORDER BY id DESC LIMIT 1 FOR UPDATE SKIP LOCKED)";
const REPRICE: &str = "UPDATE products SET price = greatest(1.00, least(500.00, round(price * $1::int4 / 100, 2))) \
    WHERE id = $2::int4";
const MOVE: &str = "UPDATE customers SET region = $1::text WHERE id = $2::int4 AND region <> $1::text";

/// The order row comes first and learns its total from its lines, in one transaction: half of it must never be seen.
async fn place(client: &mut Client, random: &mut StdRng) -> Result<bool, tokio_postgres::Error> {
    let customer: i32 = random.random_range(1..=CUSTOMERS);
    let lines: Vec<(i32, i32)> = (0..random.random_range(1..=5))
        .map(|_| (random.random_range(1..=PRODUCTS), random.random_range(1..=4)))
        .collect();
    let transaction = client.transaction().await?;
    let order: i64 = transaction
        .query_one(
            "INSERT INTO orders (customer_id, status, total, placed_at) VALUES ($1::int4, 'placed', 0, now()) RETURNING id",
            &[&customer],
        )
        .await?
        .try_get(0)?;
    for (number, (product, quantity)) in (1_i32..).zip(lines) {
        transaction
            .execute(
                "INSERT INTO order_lines SELECT $1::int8, $2::int4, id, $3::int4, price FROM products WHERE id = $4::int4",
                &[&order, &number, &quantity, &product],
            )
            .await?;
    }
    transaction
        .execute(
            "UPDATE orders SET total = (SELECT sum(quantity * unit_price) FROM order_lines WHERE order_id = $1::int8) \
             WHERE id = $1::int8",
            &[&order],
        )
        .await?;
    transaction.commit().await?;
    Ok(true)
}

/// Two or three accounts change, their sum does not. Always in the order of their numbers: no two transfers wait for each other.
async fn transfer(client: &mut Client, random: &mut StdRng) -> Result<bool, tokio_postgres::Error> {
    let changes = transfer_plan(random);
    let transaction = client.transaction().await?;
    for (account, cents) in changes {
        let changed = transaction
            .execute(
                "UPDATE accounts SET balance = balance + $1::int8::numeric / 100 \
                 WHERE id = $2::int4 AND balance + $1::int8::numeric / 100 >= 0",
                &[&cents, &account],
            )
            .await?;
        if changed == 0 {
            transaction.rollback().await?;
            return Ok(false);
        }
    }
    transaction.commit().await?;
    Ok(true)
}

/// Accounts in ascending order with what each gains, in cents; the gains add up to nothing.
fn transfer_plan(random: &mut StdRng) -> Vec<(i32, i64)> {
    let mut accounts: Vec<i32> = Vec::new();
    let wanted = random.random_range(2..=3);
    while accounts.len() < wanted {
        let account = random.random_range(1..=ACCOUNTS);
        if !accounts.contains(&account) {
            accounts.push(account);
        }
    }
    let gains: Vec<i64> = accounts[1..].iter().map(|_| random.random_range(1..=10_000)).collect();
    let paid: i64 = gains.iter().sum();
    let mut changes: Vec<(i32, i64)> =
        accounts.into_iter().zip(std::iter::once(-paid).chain(gains)).collect();
    changes.sort_unstable();
    changes
}

async fn purge(client: &mut Client) -> Result<bool, tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    let order = transaction
        .query_opt(
            "SELECT id FROM orders WHERE status = 'cancelled' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
            &[],
        )
        .await?;
    let Some(order) = order else { return Ok(false) };
    let order: i64 = order.try_get(0)?;
    transaction.execute("DELETE FROM order_lines WHERE order_id = $1::int8", &[&order]).await?;
    transaction.execute("DELETE FROM orders WHERE id = $1::int8", &[&order]).await?;
    transaction.commit().await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_makes_no_money_and_keeps_the_order_of_locks() {
        let mut random = StdRng::seed_from_u64(7);
        for _ in 0..1_000 {
            let plan = transfer_plan(&mut random);
            assert_eq!(plan.iter().map(|(_, cents)| cents).sum::<i64>(), 0, "{plan:?}");
            assert!(plan.windows(2).all(|pair| pair[0].0 < pair[1].0), "{plan:?}");
            assert!(plan.iter().all(|(account, _)| (1..=ACCOUNTS).contains(account)), "{plan:?}");
        }
    }

    #[test]
    fn every_action_has_its_share() {
        assert_eq!(SHARES.iter().map(|(_, share)| share).sum::<u32>(), 100);
        let mut random = StdRng::seed_from_u64(7);
        let chosen: Vec<Action> = (0..2_000).map(|_| Action::choose(&mut random)).collect();
        for (action, share) in SHARES {
            let count = chosen.iter().filter(|chosen| **chosen == action).count() as u32;
            assert!(count.abs_diff(share * 20) < 150, "{action:?}: {count}");
        }
    }
}
