//! `clawplane doctor`: compares every bot with what it should be, and changes nothing.

use super::database;
use crate::{
    config::{Config, args::DoctorArgs},
    platform,
};
use clawplane_api::system::{Diagnosis, System};
use std::{
    collections::BTreeMap,
    io::{self, Write},
};

/// Prints a table; an error where something is wrong.
pub(super) async fn run(config: &Config, args: &DoctorArgs) -> anyhow::Result<()> {
    let pool = database::open(config, &args.database).await?;
    let findings = platform::caretaker(config, pool).await?.examine().await.map_err(anyhow::Error::msg)?;
    let mut out = io::stdout().lock();
    let wrong = findings.iter().filter(|one| one.grade == "wrong").count();
    let mut bots: BTreeMap<&str, Vec<&Diagnosis>> = BTreeMap::new();
    for one in &findings {
        bots.entry(&one.hostname).or_default().push(one);
    }
    writeln!(out, "{:<32} {:<13} {:<6} WHAT", "BOT", "CHECK", "IS")?;
    for (hostname, checks) in &bots {
        let told: Vec<_> = checks.iter().filter(|one| args.all || one.grade != "ok").collect();
        if told.is_empty() {
            writeln!(out, "{hostname:<32} {:<13} {:<6}", format!("all {}", checks.len()), "ok")?;
        }
        for one in told {
            writeln!(out, "{hostname:<32} {:<13} {:<6} {}", one.check, one.grade, one.detail)?;
            if let Some(remedy) = &one.remedy {
                writeln!(out, "{:<32} {:<13} {:<6} -> {remedy}", "", "", "")?;
            }
        }
    }
    anyhow::ensure!(
        wrong == 0,
        "{wrong} of {} checks of {} bots found something wrong",
        findings.len(),
        bots.len()
    );
    writeln!(out, "{} checks of {} bots found nothing wrong", findings.len(), bots.len())?;
    Ok(())
}
