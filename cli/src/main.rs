//! The binary: reads the command line, runs, says in one place why it failed.

use clap::Parser;
use clawplane_cli::{commands, config::args::CommandLine};
use std::{
    io::{self, Write},
    process::ExitCode,
};

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    match runtime.block_on(commands::run(line)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// The whole chain of causes: each names only its own part.
fn failed(error: &anyhow::Error) -> ExitCode {
    let mut err = io::stderr().lock();
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(err, "clawplane: {error:#}");
    ExitCode::FAILURE
}
