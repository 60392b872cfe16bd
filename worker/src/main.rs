//! `offtake`: reads the command line, sets up telemetry, runs one command, maps its error to an exit code.

use std::process::ExitCode;

use clap::Parser;
use offtake_worker::{
    args::{Arguments, Command},
    commands,
};

/// The system's allocator spends a sixth of the engine's time on returning what it will want again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // The demo tells on its screen what goes on.
    let log = if matches!(arguments.command, Command::Demo(_)) { "warn" } else { "info" };
    offtake_worker::telemetry::start(log);
    match commands::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("offtake: {error:#}");
            ExitCode::FAILURE
        }
    }
}
