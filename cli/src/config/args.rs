//! The command line.

use super::{Need, Sources};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clawplane_domain::values::Email;
use std::{collections::BTreeSet, ffi::OsString, path::PathBuf};

const AFTER: &str = "\
Settings come from the file given with --config (TOML, names in lower snake case), from the environment,
and from the command line, the later winning:
  DATABASE_URL, READ_DATABASE_URL, NATS_URL, BOT_MASTER_KEY, BOT_IMAGE, BOT_PORT_START, BOT_DATA_DIR,
  BOT_SECRETS_DIR, PROXY_TOKEN_TTL, CLAWPLANE_SPOOL_DURABILITY, CLAWPLANE_SPOOL_MAX_BYTES, CLAWPLANE_UPSTREAM_ALLOW,
  CLAWPLANE_EGRESS_ALLOW,
  CLAWPLANE_EXTRA_CA_FILE, CLAWPLANE_LISTEN, CLAWPLANE_ADMIN_EMAIL, CLAWPLANE_ADMIN_PASSWORD, CLAWPLANE_DATA_DIR,
  DOCKER_HOST, CLAWPLANE_WORKER_HOSTS, CLAWPLANE_LOG, CLAWPLANE_LOG_FORMAT, OTEL_EXPORTER_OTLP_ENDPOINT";

/// `clawplane ...`
#[derive(Clone, Debug, Parser)]
#[command(
    name = "clawplane",
    version,
    about = "The control plane for fleets of OpenClaw bots",
    after_help = AFTER,
    max_term_width = 100
)]
pub struct CommandLine {
    /// Read settings from this TOML file
    #[arg(long, global = true, value_name = "FILE", env = "CLAWPLANE_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run everything on this machine, with a private Postgres and NATS. Ctrl-C stops it
    Dev(DevArgs),
    /// Run some roles of the platform on a Postgres and NATS of your own
    Serve(ServeArgs),
    /// Bring the database's schema up to date
    Migrate(MigrateArgs),
    /// Look at the read models, or build one anew
    Projection(ProjectionArgs),
    /// Manage the people who can sign in
    User(UserArgs),
    /// Compare every bot with what it should be, and change nothing; fails where something is wrong
    Doctor(DoctorArgs),
    /// Print the document that describes the REST API
    Openapi,
}

/// Options of `clawplane dev`.
#[derive(Clone, Debug, Args)]
pub struct DevArgs {
    /// Keep everything in this directory [default: .clawplane]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Serve HTTP here [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<OsString>,
    /// Also run a demo vendor that echoes, with a key for it, so that no account is needed
    #[arg(long)]
    pub demo: bool,
}

/// Options of `clawplane serve`.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// The roles of this process, with commas between them
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',', required = true)]
    pub roles: Vec<Role>,
    /// Serve HTTP here [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<OsString>,
}

/// Options of `clawplane migrate`.
#[derive(Clone, Debug, Args)]
pub struct MigrateArgs {
    /// The database was restored from a backup: make its events visible to every reader again
    #[arg(long)]
    pub after_restore: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub database: DatabaseArgs,
}

/// Options of `clawplane projection`.
#[derive(Clone, Debug, Args)]
pub struct ProjectionArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub database: DatabaseArgs,
    /// What to do with the read models.
    #[command(subcommand)]
    pub action: ProjectionAction,
}

/// Options of `clawplane user`.
#[derive(Clone, Debug, Args)]
pub struct UserArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub database: DatabaseArgs,
    /// What to do.
    #[command(subcommand)]
    pub action: UserAction,
}

/// Options of `clawplane doctor`.
#[derive(Clone, Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub database: DatabaseArgs,
    /// Show every check, not only those that found something
    #[arg(long)]
    pub all: bool,
}

/// What to do with the people who can sign in.
#[derive(Clone, Debug, Subcommand)]
pub enum UserAction {
    /// Add one, with a tenant of their own. The password comes from `CLAWPLANE_USER_PASSWORD`, else from the first
    /// line of standard input
    Add {
        /// The e-mail address, which is the name at sign-in
        email: Email,
        /// Let this user administer the whole installation
        #[arg(long)]
        administrator: bool,
    },
}

/// Which database a command works on.
#[derive(Clone, Debug, Args)]
pub struct DatabaseArgs {
    /// Instead of `DATABASE_URL`: the directory of a running `clawplane dev`.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        help = "Use the database of the 'clawplane dev' that runs on this directory, not DATABASE_URL"
    )]
    pub data_dir: Option<PathBuf>,
}

/// What to do with the read models.
#[derive(Clone, Debug, Subcommand)]
pub enum ProjectionAction {
    /// Show every read model with its checkpoint and how far it is behind
    List,
    /// Build one anew beside the live one, and swap them
    Rebuild {
        /// Its name, as `list` shows it
        name: String,
    },
}

/// A part of the platform that a process can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Role {
    /// REST and chat
    Api,
    /// The bots' AI traffic
    Proxy,
    /// Containers, notifications, and the relay to NATS
    Worker,
    /// The read models
    Projector,
    /// Every one of them
    All,
}

impl Role {
    /// The single roles.
    pub const EACH: [Self; 4] = [Self::Api, Self::Proxy, Self::Worker, Self::Projector];
}

impl ServeArgs {
    /// The roles, each once, `all` spelled out.
    pub fn roles(&self) -> BTreeSet<Role> {
        if self.roles.contains(&Role::All) {
            return Role::EACH.into();
        }
        self.roles.iter().copied().collect()
    }
}

impl CommandLine {
    /// Where this run's settings come from: the file, the process's environment, the options given.
    pub fn sources(&self) -> Sources {
        let mut sources = Sources::from_process(self.config.clone());
        let (data_dir, listen) = match &self.command {
            Command::Dev(dev) => (dev.data_dir.clone(), dev.listen.clone()),
            Command::Serve(serve) => (None, serve.listen.clone()),
            Command::Migrate(migrate) => (migrate.database.data_dir.clone(), None),
            Command::Projection(projection) => (projection.database.data_dir.clone(), None),
            Command::User(user) => (user.database.data_dir.clone(), None),
            Command::Doctor(doctor) => (doctor.database.data_dir.clone(), None),
            Command::Openapi => (None, None),
        };
        sources.flags.extend(data_dir.map(|dir| ("CLAWPLANE_DATA_DIR", dir.into_os_string())));
        sources.flags.extend(listen.map(|listen| ("CLAWPLANE_LISTEN", listen)));
        sources
    }

    /// What the command cannot do without.
    pub fn needs(&self) -> &'static [Need] {
        let on_dev = |database: &DatabaseArgs| database.data_dir.is_some();
        match &self.command {
            Command::Dev(_) | Command::Openapi => &[],
            Command::Serve(_) => &[Need::Database, Need::Nats, Need::MasterKey],
            Command::Migrate(migrate) if on_dev(&migrate.database) => &[],
            Command::Projection(projection) if on_dev(&projection.database) => &[],
            Command::User(user) if on_dev(&user.database) => &[],
            Command::Doctor(doctor) if on_dev(&doctor.database) => &[],
            Command::Migrate(_) | Command::Projection(_) | Command::User(_) | Command::Doctor(_) => {
                &[Need::Database]
            }
        }
    }
}

#[cfg(test)]
mod tests;
