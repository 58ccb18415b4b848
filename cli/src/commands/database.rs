//! Which database a command line works on: that of a running `clawplane dev`, or `DATABASE_URL`.

use crate::{
    config::{Config, args::DatabaseArgs},
    dev::Postgres,
};
use anyhow::Context;
use clawplane_eventstore::database::{self, Pool};

/// Opens it, with the few connections that a command needs.
pub(super) async fn open(config: &Config, args: &DatabaseArgs) -> anyhow::Result<Pool> {
    let url = match (&args.data_dir, &config.database_url) {
        (Some(dir), _) => Postgres::running_url(dir)?.with_context(|| {
            format!("no `clawplane dev` runs on {}: start it, or give DATABASE_URL instead", dir.display())
        })?,
        (None, Some(url)) => url.clone(),
        (None, None) => anyhow::bail!("DATABASE_URL is not set, and no --data-dir was given"),
    };
    Ok(database::connect(url.expose(), 4).await?)
}
