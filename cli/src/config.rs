//! The one typed configuration: from an optional TOML file, the environment and the command line, in
//! this order, the later winning. It is checked as a whole at start, and every problem goes into one report.

pub mod args;
mod fields;
mod key;
mod parse;
mod problem;
mod sources;

pub use key::{KeyFault, MasterKey};
pub use problem::{Problem, Problems};
pub use sources::Sources;

use clawplane_api::IngressDomain;
use clawplane_domain::{
    Secret,
    values::{Email, Hostname, ImageRef},
};
use clawplane_proxy::{ExtraRoots, SpoolDurability, UpstreamAllow};
use clawplane_workers::backup::S3Config;
use clawplane_workers::egress::Places;
use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, time::Duration};
use url::Url;

/// What the operator decided. Safe to print with `Debug`: secrets show nothing of themselves.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DATABASE_URL`: the Postgres that holds the events and the read models.
    pub database_url: Option<Secret>,
    /// `READ_DATABASE_URL`, else `DATABASE_URL`: where read models are queried.
    pub read_database_url: Option<Secret>,
    /// `NATS_URL`: one server, or several with commas between them.
    pub nats_url: Option<Secret>,
    /// `BOT_MASTER_KEY`: wraps the data keys of provider keys.
    pub master_key: Option<MasterKey>,
    /// `BOT_IMAGE`: the image of a bot that names none.
    pub bot_image: ImageRef,
    /// `BOT_PORT_START`: the first port on the loopback interface that a bot's gateway may get.
    pub bot_port_start: u16,
    /// `BOT_DATA_DIR`, else `bots` in the data directory: the bots' workspaces. Absolute.
    pub bot_data_dir: PathBuf,
    /// `BOT_SECRETS_DIR`, else `secrets` in the data directory: the platform's own keys. Absolute.
    pub secrets_dir: PathBuf,
    /// `PROXY_TOKEN_TTL` in seconds: how long a gateway token holds. `None`: until it is revoked.
    pub token_ttl: Option<Duration>,
    /// `CLAWPLANE_SPOOL_DURABILITY`: what the record of a proxied request survives.
    pub spool_durability: SpoolDurability,
    /// `CLAWPLANE_SPOOL_MAX_BYTES`: with more usage than this not yet in Postgres, requests are refused.
    pub spool_max_bytes: u64,
    /// `CLAWPLANE_UPSTREAM_ALLOW`: private places that a vendor's base URL may name all the same.
    pub upstream_allow: UpstreamAllow,
    /// `CLAWPLANE_EGRESS_ALLOW`: private places that bots may reach whose egress lists name them.
    pub egress_places: Places,
    /// `CLAWPLANE_EXTRA_CA_FILE`: authorities that vendors' certificates may come from, beside the system's.
    pub extra_roots: ExtraRoots,
    /// `CLAWPLANE_LISTEN`: where HTTP is served.
    pub listen: SocketAddr,
    /// `CLAWPLANE_INGRESS_DOMAIN`: below it each bot has a host name of its own. `None`: only `/bots/{hostname}/`.
    pub ingress: Option<IngressDomain>,
    /// `CLAWPLANE_ADMIN_EMAIL`: the first administrator.
    pub admin_email: Option<Email>,
    /// `CLAWPLANE_ADMIN_PASSWORD`: the first administrator's; a random one is made where it is missing.
    pub admin_password: Option<Secret>,
    /// `CLAWPLANE_USER_PASSWORD`: that of a user whom the command line adds; asked for where it is missing.
    pub user_password: Option<Secret>,
    /// `CLAWPLANE_DATA_DIR`: everything this process keeps on disk. Absolute.
    pub data_dir: PathBuf,
    /// `BACKUP_DIR`, else `backups` in the data directory: where backups are kept, or stand until they are in the bucket.
    /// Absolute.
    pub backup_dir: PathBuf,
    /// `BACKUP_S3_BUCKET` and what goes with it: the bucket that backups are kept in.
    pub backup_s3: Option<S3Config>,
    /// `DOCKER_HOST`: the container engine, else its usual socket.
    pub docker_host: Option<String>,
    /// `CLAWPLANE_WORKER_HOSTS`: the hosts that this process's worker may lead, by name; all, where it is not said.
    pub worker_hosts: Option<BTreeSet<Hostname>>,
    /// `CLAWPLANE_LOG`: a filter in the syntax of `tracing-subscriber`.
    pub log: String,
    /// `CLAWPLANE_LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: where traces go, by OTLP over HTTP. `None`: nowhere.
    pub otlp_endpoint: Option<Url>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What a command cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// `DATABASE_URL`.
    Database,
    /// `NATS_URL`.
    Nats,
    /// `BOT_MASTER_KEY`.
    MasterKey,
}

impl Config {
    /// Reads and checks everything; what `needs` names must be there.
    pub fn load(sources: &Sources, needs: &[Need]) -> Result<Self, Problems> {
        let (settings, mut problems) = sources.collect();
        let config = fields::read(&settings, needs, &mut problems);
        match (config, problems.is_empty()) {
            (Some(config), true) => Ok(config),
            _ => Err(Problems::new(problems)),
        }
    }
}

#[cfg(test)]
mod tests;
