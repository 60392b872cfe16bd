//! The operator's process: reads the command line, runs, and turns the outcome into an exit code.

use std::process::ExitCode;

use clap::Parser;
use offtake_operator::{args::Arguments, manager, reasons, telemetry};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.print_crds {
        print!("{}", offtake_operator::crds());
        return ExitCode::SUCCESS;
    }
    if arguments.print_reasons {
        print!("{}", reasons::markdown());
        return ExitCode::SUCCESS;
    }
    telemetry::start();
    match manager::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
