//! `clawplane user add EMAIL`: a further person, with a tenant of their own.

use super::database;
use crate::{
    config::{
        Config,
        args::{UserAction, UserArgs},
    },
    source::{SystemClock, SystemIds},
};
use anyhow::Context;
use clawplane_api::accounts::{self, NewAccount};
use clawplane_domain::{Secret, values::Label};
use clawplane_eventstore::{ClaimTable, Executor, Wakeup};
use std::io::{self, Write};

/// Adds the user; the password comes from `CLAWPLANE_USER_PASSWORD` or the first line of standard input.
pub(super) async fn run(config: &Config, args: &UserArgs) -> anyhow::Result<()> {
    let UserAction::Add { email, administrator } = &args.action;
    let password = match &config.user_password {
        Some(password) => password.clone(),
        None => ask()?,
    };
    let pool = database::open(config, &args.database).await?;
    let name = email.as_str().split('@').next().unwrap_or_default().parse::<Label>();
    let new = NewAccount {
        email: email.clone(),
        password,
        name: name.context("the part before the @ as a name")?,
        administrator: *administrator,
    };
    let executor = Executor::new(pool.clone(), Wakeup::default());
    let user = accounts::register(&executor, &ClaimTable::new(pool), &SystemClock, &SystemIds, new).await?;
    writeln!(io::stdout().lock(), "{email} can sign in now ({user})")?;
    Ok(())
}

fn ask() -> anyhow::Result<Secret> {
    let mut line = zeroize::Zeroizing::new(String::new());
    io::stdin().read_line(&mut line)?;
    anyhow::ensure!(
        !line.trim_end().is_empty(),
        "no password: give it in CLAWPLANE_USER_PASSWORD or on standard input"
    );
    Ok(Secret::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}
