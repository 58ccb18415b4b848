//! `clawplane serve`: some roles of the platform, on the Postgres and NATS of the configuration.

use crate::{
    config::{Config, args::ServeArgs},
    dev::PlatformSecrets,
    platform::{Platform, Surroundings},
    runtimes::Background,
    shutdown,
    telemetry::{self, Traces},
};
use anyhow::Context;
use clawplane_domain::Secret;

/// Runs until Ctrl-C or SIGTERM.
pub(super) async fn run(config: &Config, args: &ServeArgs, background: Background) -> anyhow::Result<()> {
    let master_key = config.master_key.clone().context("BOT_MASTER_KEY is not set")?;
    let secrets = PlatformSecrets::derived(master_key);
    let database_url = config.database_url.clone().context("DATABASE_URL is not set")?;
    let traces = Traces::start(config.otlp_endpoint.as_ref())?;
    let around = Surroundings {
        read_database_url: config.read_database_url.clone().unwrap_or_else(|| database_url.clone()),
        nats_url: config.nats_url.clone().context("NATS_URL is not set")?,
        signing_secret: Secret::new(hex::encode(*secrets.signing_key)),
        master_key: secrets.master_key,
        metrics: telemetry::metrics()?,
        background,
        observer: traces.as_ref().map(Traces::observer),
        database_url,
    };
    let mut platform = Platform::start(config, &args.roles(), around, config.upstream_allow.clone()).await?;
    if config.admin_email.is_some() && config.admin_password.is_some() {
        let (email, password) = (config.admin_email.clone(), config.admin_password.clone());
        platform.bootstrap().administrator(email, password).await?;
    }
    platform.open();
    tracing::info!(address = %platform.addr, roles = ?args.roles(), "up");
    let ended = shutdown::requested().await;
    tracing::info!("stopping");
    platform.stop().await;
    if let Some(traces) = traces {
        traces.stop().await;
    }
    Ok(ended?)
}
