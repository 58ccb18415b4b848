//! `clawplane migrate`.

use super::database;
use crate::config::{Config, args::MigrateArgs};
use clawplane_eventstore::{database::migrate, restore};
use std::io::{self, Write};

/// Brings the schema up to date; after a restore also makes the events readable again.
pub(super) async fn run(config: &Config, args: &MigrateArgs) -> anyhow::Result<()> {
    let pool = database::open(config, &args.database).await?;
    migrate(&pool).await?;
    clawplane_projections::migrate(&pool).await?;
    let mut out = io::stdout().lock();
    writeln!(out, "the schema is up to date")?;
    if args.after_restore {
        let events = restore::rebase(&pool).await?;
        writeln!(
            out,
            "{events} events can be read again; the read models will be built anew at the next start"
        )?;
    }
    Ok(())
}
