//! `clawplane projection list|rebuild NAME`.

use super::database;
use crate::config::{
    Config,
    args::{ProjectionAction, ProjectionArgs},
};
use clawplane_projections::admin;
use std::io::{self, Write};

/// Shows the read models, or builds one anew beside the live one.
pub(super) async fn run(config: &Config, args: &ProjectionArgs) -> anyhow::Result<()> {
    let pool = database::open(config, &args.database).await?;
    let mut out = io::stdout().lock();
    match &args.action {
        ProjectionAction::List => {
            writeln!(
                out,
                "{:<16} {:>7} {:>14} {:>10} {:>8} {:>6}",
                "NAME", "VERSION", "POSITION", "BEHIND", "SECONDS", "PARKED"
            )?;
            for row in admin::list(&pool).await? {
                writeln!(
                    out,
                    "{:<16} {:>7} {:>14} {:>10} {:>8.1} {:>6}",
                    row.name,
                    row.version,
                    row.position.to_string(),
                    row.lag_events,
                    row.lag_seconds,
                    row.parked
                )?;
            }
        }
        ProjectionAction::Rebuild { name } => {
            let mut err = io::stderr();
            let report = admin::rebuild(&pool, name, |events| {
                // Progress is for people: a closed terminal must not end the rebuild.
                let _ = write!(err, "\r{name}: {events} events");
            })
            .await?;
            writeln!(
                err,
                "\r{name}: rebuilt from {} events in {:.1} s",
                report.events,
                report.took.as_secs_f64()
            )?;
        }
    }
    Ok(())
}
