//! The commands: each builds what it needs, runs until it is told to stop, and stops in order.

use std::{fs, time::Duration};

use anyhow::{Context, bail};
use offtake_contract::{Problem, Secret};
use offtake_crds::ObjectName;
use tokio_util::sync::CancellationToken;

use crate::{
    args::{self, Arguments, Command, Listen},
    check, demo,
    process::{self, Process},
    up,
};

/// Runs one command to its end.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    // The crates below name no crypto provider of their own; this one is the workspace's.
    rustls::crypto::ring::default_provider().install_default().ok();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    let result = runtime.block_on(async {
        let stop = stop_on_signal()?;
        match arguments.command {
            Command::Demo(args) => demo::run(args, stop).await,
            Command::Up(args) => up::run(args, stop).await,
            Command::Down(args) => up::down(args).await,
            Command::Check(args) => check::run(args).await,
            Command::Worker(args) => worker(args, stop).await,
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    result
}

/// A token that Ctrl-C, SIGTERM or the terminal's closing cancels. A second signal ends the process at once.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut hangup = match outlives_terminal() {
        false => Some(signal(SignalKind::hangup()).context("listening for SIGHUP")?),
        true => None,
    };
    let token = stop.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = async { hangup.as_mut()?.recv().await }, if hangup.is_some() => {}
            }
            if token.is_cancelled() {
                std::process::exit(130);
            }
            token.cancel();
        }
    });
    Ok(stop)
}

/// Whether SIGHUP is ignored from our start on, as `nohup` makes it: then it stays so. Where the system does not tell, its way of ending
/// a process with its terminal stays too.
fn outlives_terminal() -> bool {
    // proc_pid_status(5): a mask in hexadecimal, SIGHUP is its first bit.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_none_or(|mask| mask & 1 != 0)
}

/// What to serve and to whom, from the command line.
pub fn serve_config(listen: &Listen) -> anyhow::Result<offtake_serve::Config> {
    let read = |path: &std::path::Path| {
        fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
    };
    let mut config = offtake_serve::Config::loopback(0, 0);
    config.sql_listen = listen.sql_listen;
    config.http_listen = listen.http_listen;
    if let Some(path) = &listen.users_file {
        let mut users = Vec::new();
        for (number, line) in read(path)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let Some((user, password)) = line.split_once(':') else {
                bail!("{}, line {}: expected user:password", path.display(), number + 1);
            };
            users.push((user.to_owned(), Secret::new(password)));
        }
        if users.is_empty() {
            bail!("{} names no user: write one user:password a line", path.display());
        }
        config.auth = offtake_serve::Auth::Scram { users };
    }
    if let (Some(certificate), Some(key)) = (&listen.tls_certificate, &listen.tls_key) {
        let tls = offtake_serve::Tls {
            certificate_chain: read(certificate)?,
            private_key: Secret::new(read(key)?),
            required: !listen.sql_listen.ip().is_loopback(),
        };
        config.tls = Some(tls);
    }
    if let Some(mebibytes) = listen.query_memory {
        config.query_memory = mebibytes.saturating_mul(1 << 20);
    }
    if let Some(path) = &listen.http_token_file {
        config.http_token = Some(Secret::new(read(path)?.trim()));
    }
    Ok(config)
}

async fn worker(args: args::Worker, stop: CancellationToken) -> anyhow::Result<()> {
    let options = process::Options {
        data_dir: args.data_dir,
        threads: args.threads,
        serve: serve_config(&args.listen)?,
        accept_catalogs: true,
    };
    let process = Process::start(options).await?;
    tracing::info!(sql = %process.sql_address(), http = %process.http_address(), "serving");
    process.run_until(stop).await
}

/// Parses an object's name as the command line gives it.
pub fn source_name(name: Option<&str>) -> anyhow::Result<Option<ObjectName>> {
    name.map(|name| name.parse().map_err(|error| anyhow::anyhow!("--source {name}: {error}"))).transpose()
}

/// Problems as lines of text, for an error that stops a command.
pub fn problems(found: &[Problem]) -> String {
    found.iter().map(|problem| format!("\n  {problem}")).collect()
}
