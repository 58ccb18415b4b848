//! What the command line can do, one file a command.

mod database;
mod dev;
mod doctor;
mod migrate;
mod openapi;
mod projection;
mod serve;
mod user;

use crate::{
    config::{
        Config,
        args::{Command, CommandLine},
    },
    runtimes::Background,
    telemetry,
};

/// Does what the command line says; `background` is for what nobody waits for.
pub async fn run(line: CommandLine, background: Background) -> anyhow::Result<()> {
    if matches!(line.command, Command::Openapi) {
        return openapi::run();
    }
    let config = Config::load(&line.sources(), line.needs())?;
    let _lines = telemetry::logs(&config)?;
    match &line.command {
        Command::Dev(args) => dev::run(&config, args, background).await,
        Command::Serve(args) => serve::run(&config, args, background).await,
        Command::Migrate(args) => migrate::run(&config, args).await,
        Command::Projection(args) => projection::run(&config, args).await,
        Command::User(args) => user::run(&config, args).await,
        Command::Doctor(args) => doctor::run(&config, args).await,
        Command::Openapi => Ok(()),
    }
}
