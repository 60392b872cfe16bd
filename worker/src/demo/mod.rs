//! `offtake demo`: a private PostgreSQL server, a small shop with a live workload, and the same chain as everywhere else over it.
//!
//! Everything lives in temporary directories and ends with the command, whatever ends it.

pub mod schema;
mod screen;
pub mod workload;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use offtake_contract::{Catalog, Secret, TablePhase, ViewPhase};
use offtake_crds::{catalog, manifests};
use offtake_embedded::{Binaries, Folder, Options, Server, Shutdown};
use tokio_postgres::NoTls;
use tokio_util::sync::CancellationToken;

use self::screen::Screen;
use crate::{args, commands, process, process::Process};

/// The manifests of `deploy/demo`, which a cluster takes too.
const MANIFESTS: [(&str, &str); 4] = [
    ("10-connection.yaml", include_str!("../../../deploy/demo/10-connection.yaml")),
    ("20-source.yaml", include_str!("../../../deploy/demo/20-source.yaml")),
    ("30-tables.yaml", include_str!("../../../deploy/demo/30-tables.yaml")),
    ("40-views.yaml", include_str!("../../../deploy/demo/40-views.yaml")),
];

/// How long the first copy may take before the demo gives up and says what stands in the way.
const PATIENCE: Duration = Duration::from_secs(120);
const SHOW_EVERY: Duration = Duration::from_secs(1);

/// Runs until `stop`, or for as long as was asked.
pub async fn run(args: args::Demo, stop: CancellationToken) -> anyhow::Result<()> {
    let screen = Screen::new();
    let version = args.postgres.parse().map_err(|error| anyhow!("--postgres {}: {error}", args.postgres))?;
    screen.say("Looking for PostgreSQL (taken from Maven Central and cached where the machine has none) …");
    let password = format!("{:016x}", rand::random::<u64>());
    let options = Options { password: Some(password.clone()), durable: false, ..Options::default() };
    let started = stop.run_until_cancelled(async {
        let binaries = Binaries::find_or_fetch(&version, None).await?;
        let server = Server::start(&binaries, options).await?;
        screen.say(&format!("PostgreSQL {} runs on 127.0.0.1:{}", binaries.version(), server.port()));
        anyhow::Ok(server)
    });
    let Some(started) = started.await else {
        screen.say("Stopping …");
        return Ok(());
    };
    let mut server = started?;

    let outcome = with_server(&args, &server, &password, &screen, stop).await;
    screen.say("Stopping …");
    server.stop(Shutdown::Fast).await.ok();
    drop(server);
    outcome
}

async fn with_server(
    args: &args::Demo,
    server: &Server,
    password: &str,
    screen: &Screen,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let Some(loaded) = stop.run_until_cancelled(load_shown(server, screen)).await else { return Ok(()) };
    loaded?;

    let catalog = catalog(server, password)?;
    let data = Folder::create("offtake-demo-").context("making the data directory")?;
    let options = process::Options {
        data_dir: data.path().join("data"),
        threads: 1,
        serve: commands::serve_config(&args.listen)?,
        accept_catalogs: false,
    };
    let mut process = Process::start(options).await?;
    process.put(catalog).await;
    let shown = async {
        copy_shown(&process, screen).await?;
        let sql = process.sql_address();
        screen.say(&format!(
            "Every table and view is readable. Look yourself:\n  psql -h {} -p {} -U offtake -d offtake\n  http://{}",
            sql.ip(),
            sql.port(),
            process.http_address()
        ));
        work_shown(args, server, &process, screen).await
    };
    let outcome = tokio::select! {
        outcome = shown => outcome,
        () = stop.cancelled() => Ok(()),
    };
    let outcome = match outcome {
        Ok(()) => tokio::time::timeout(Duration::ZERO, process.failure()).await.map_or(Ok(()), Err),
        failed => failed,
    };
    process.stop().await;
    outcome
}

/// Makes the shop and says how large it is.
async fn load_shown(server: &Server, screen: &Screen) -> anyhow::Result<()> {
    let admin = connect(&server.connection_string("postgres")).await?;
    admin
        .batch_execute(&format!("CREATE DATABASE {}", schema::DATABASE))
        .await
        .context("creating the shop's database")?;
    let shop = connect(&server.connection_string(schema::DATABASE)).await?;
    let began = Instant::now();
    let loaded = schema::load(&shop).await.context("loading the shop")?;
    screen.say(&format!(
        "The shop has {} rows in 5 tables, loaded in {:.1?}",
        loaded.rows(),
        began.elapsed()
    ));
    Ok(())
}

/// The demo's catalog: the manifests, pointed at the private server.
fn catalog(server: &Server, password: &str) -> anyhow::Result<Catalog> {
    let files = MANIFESTS.iter().map(|(name, text)| (Path::new(name), *text));
    let manifests = manifests::read_texts(files)?;
    let mut catalog = catalog::to_catalog(&manifests, None)
        .map_err(|found| anyhow!("deploy/demo is not in order:{}", commands::problems(&found)))?;
    catalog.source.connection.port = server.port();
    catalog.source.connection.user = server.user().to_owned();
    catalog.source.connection.password = Some(Secret::new(password));
    Ok(catalog)
}

async fn connect(config: &str) -> anyhow::Result<tokio_postgres::Client> {
    let (client, connection) =
        tokio_postgres::connect(config, NoTls).await.context("connecting to the demo's database")?;
    tokio::spawn(connection);
    Ok(client)
}

/// Shows the snapshot's progress until everything is readable.
async fn copy_shown(process: &Process, screen: &Screen) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut statuses = process.board().subscribe();
    let mut bars = screen.progress();
    loop {
        let status = statuses.borrow_and_update().clone();
        bars.show(&status);
        let failed = status.tables.iter().filter_map(|table| table.problem.clone());
        let failed = failed.chain(
            status
                .views
                .iter()
                .filter(|view| view.phase == ViewPhase::Failed)
                .filter_map(|view| view.problem.clone()),
        );
        if let Some(problem) = failed.into_iter().next() {
            return Err(anyhow!("{problem}"));
        }
        let ready = !status.tables.is_empty()
            && !status.views.is_empty()
            && status.tables.iter().all(|table| table.phase == TablePhase::Running)
            && status.views.iter().all(|view| view.phase == ViewPhase::Running);
        if ready {
            bars.finish();
            return Ok(());
        }
        if Instant::now() > deadline {
            let problem = status.source.problem.as_ref().map(ToString::to_string);
            return Err(anyhow!(
                "the shop is not readable after {PATIENCE:?}: {}",
                problem.unwrap_or_default()
            ));
        }
        tokio::time::timeout(Duration::from_millis(100), statuses.changed()).await.ok();
    }
}

/// Keeps the workload running and shows what comes of it.
async fn work_shown(
    args: &args::Demo,
    server: &Server,
    process: &Process,
    screen: &Screen,
) -> anyhow::Result<()> {
    let counts = Arc::new(workload::Counts::default());
    let stop = CancellationToken::new();
    let _stopped = stop.clone().drop_guard();
    let upstream =
        server.connection_string(schema::DATABASE).parse().context("reading the server's address")?;
    let options = workload::Options { rate: f64::from(args.rate), ..workload::Options::default() };
    let running = tokio::spawn(workload::run(upstream, options, counts.clone(), stop.clone()));
    let reader = reader(process).await;
    let ends = args.duration.map(|duration| Instant::now() + duration);
    let mut last = (Instant::now(), 0, 0);
    loop {
        let rest =
            ends.map_or(SHOW_EVERY, |ends| ends.saturating_duration_since(Instant::now()).min(SHOW_EVERY));
        if rest.is_zero() {
            break;
        }
        tokio::time::sleep(rest).await;
        let status = process.board().read();
        let seconds = last.0.elapsed().as_secs_f64();
        let (transactions, changes) = (status.source.transactions_applied, status.source.changes_applied);
        let rates = ((transactions - last.1) as f64 / seconds, (changes - last.2) as f64 / seconds);
        last = (Instant::now(), transactions, changes);
        let rows = match &reader {
            Ok(reader) => sample(reader).await,
            Err(error) => Err(anyhow!("{error:#}")),
        };
        screen.live(&status, &counts, rates, rows);
    }
    stop.cancel();
    running.await.ok();
    screen.finish_live(&counts);
    Ok(())
}

/// A connection to the demo's own SQL port: what the screen shows, it reads as any client would. Only where no password is asked for.
async fn reader(process: &Process) -> anyhow::Result<tokio_postgres::Client> {
    let address = process.sql_address();
    connect(&format!("host={} port={} user=offtake dbname=offtake", address.ip(), address.port())).await
}

/// The rows that the screen shows: revenue by region, and the accounts' total, which must never change.
async fn sample(reader: &tokio_postgres::Client) -> anyhow::Result<screen::Rows> {
    let read = |sql: &'static str| async move {
        let messages = reader.simple_query(sql).await?;
        let rows = messages.into_iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).unwrap_or("").to_owned()).collect())
            }
            _ => None,
        });
        anyhow::Ok(rows.collect::<Vec<Vec<String>>>())
    };
    Ok(screen::Rows {
        regions: read("SELECT region, lines, revenue FROM revenue_by_region ORDER BY revenue DESC LIMIT 5")
            .await?,
        total: read("SELECT total FROM accounts_total").await?.into_iter().flatten().next(),
    })
}
