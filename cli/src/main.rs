//! The binary: reads the command line, runs, says in one place why it failed.

use clap::Parser;
use clawplane_cli::{commands, config::args::CommandLine, runtimes::Runtimes};
use std::{
    io::{self, Write},
    process::ExitCode,
};

/// The data path allocates for every request, on several threads at once; glibc's allocator took a fifth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let runtimes = match Runtimes::start() {
        Ok(runtimes) => runtimes,
        Err(error) => return failed(&error.into()),
    };
    match runtimes.run(commands::run(line, runtimes.background())) {
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
