//! Every setting by name: what holds where it is missing, and what to say when it is wrong.

use super::{
    Config, MasterKey, Need,
    parse::{
        bucket, checked, directory, docker_host, extra_roots, host_names, ingress_domain, listen, log_filter,
        log_format, nats_url, object_prefix, otlp_endpoint, password, port_start, postgres_url, s3_endpoint,
        spool_bytes, spool_durability, ttl,
    },
    problem::Problem,
    sources::{Setting, Settings},
};
use clawplane_domain::{
    Secret,
    values::{Email, ImageRef},
};
use clawplane_proxy::UpstreamAllow;
use clawplane_workers::backup::S3Config;
use clawplane_workers::egress::Places;
use std::{net::Ipv4Addr, path::Path};

/// A setting that exists.
struct Known {
    name: &'static str,
    /// Whether a value may be shown in a problem.
    shown: bool,
    /// What to do about a wrong or a missing one.
    remedy: &'static str,
}

const fn open(name: &'static str, remedy: &'static str) -> Known {
    Known { name, shown: true, remedy }
}

const fn secret(name: &'static str, remedy: &'static str) -> Known {
    Known { name, shown: false, remedy }
}

const POSTGRES: &str = "write postgres://user:password@host:5432/database";
const NEW_KEY: &str =
    "make one with `openssl rand -hex 32` and keep it: what it encrypted is lost without it";
const DIRECTORY: &str = "name a directory";

const KNOWN: [Known; 32] = [
    secret("DATABASE_URL", POSTGRES),
    secret("READ_DATABASE_URL", POSTGRES),
    secret(
        "NATS_URL",
        "write nats://user:password@host:4222; the server needs JetStream (`nats-server -js`)",
    ),
    secret("BOT_MASTER_KEY", NEW_KEY),
    open("BOT_IMAGE", "name an image as `docker pull` takes it"),
    open("BOT_PORT_START", "choose a port from 1024 to 60000, or leave it out for 9200"),
    open("BOT_DATA_DIR", DIRECTORY),
    open("BOT_SECRETS_DIR", DIRECTORY),
    open("PROXY_TOKEN_TTL", "write whole seconds, or 0 for tokens that do not expire"),
    open("CLAWPLANE_SPOOL_DURABILITY", "write process or disk"),
    open("CLAWPLANE_SPOOL_MAX_BYTES", "write a number of bytes, 65536 or more, or leave it out for 8 GiB"),
    open("CLAWPLANE_EGRESS_ALLOW", "write address:port or a network such as 10.0.0.0/8, with commas between"),
    open("CLAWPLANE_UPSTREAM_ALLOW", "write host:port or a network such as 10.0.0.0/8, with commas between"),
    open("CLAWPLANE_EXTRA_CA_FILE", "name a file with certificates in PEM"),
    open("CLAWPLANE_LISTEN", "write address:port, such as 127.0.0.1:8080"),
    open("CLAWPLANE_INGRESS_DOMAIN", "write a domain such as bots.example.com, or leave it out"),
    open("CLAWPLANE_ADMIN_EMAIL", "write it as name@domain"),
    secret(
        "CLAWPLANE_ADMIN_PASSWORD",
        "choose one of 8 to 1024 characters, or leave it out for a random one",
    ),
    secret("CLAWPLANE_USER_PASSWORD", "choose one of 8 to 1024 characters"),
    open("CLAWPLANE_DATA_DIR", DIRECTORY),
    open("BACKUP_DIR", DIRECTORY),
    open("BACKUP_S3_BUCKET", "name a bucket, or leave it out to keep backups in BACKUP_DIR"),
    open("BACKUP_S3_PREFIX", "write a path such as clawplane/backups, or leave it out"),
    open("BACKUP_S3_ENDPOINT", "write http://host:port or https://host, or leave it out for Amazon S3"),
    open("BACKUP_S3_REGION", "name a region, or leave it out for us-east-1"),
    open(
        "BACKUP_S3_ACCESS_KEY_ID",
        "write the id of a key that may read, write and delete in BACKUP_S3_BUCKET",
    ),
    secret("BACKUP_S3_SECRET_ACCESS_KEY", "write the key of BACKUP_S3_ACCESS_KEY_ID"),
    open("DOCKER_HOST", "write unix:///path/to/socket or tcp://host:port"),
    open("CLAWPLANE_WORKER_HOSTS", "name hosts, with commas between, or leave it out for all"),
    open("CLAWPLANE_LOG", "write a level, such as info, or name=level pairs with commas"),
    open("CLAWPLANE_LOG_FORMAT", "write text or json"),
    secret("OTEL_EXPORTER_OTLP_ENDPOINT", "write the collector's base URL, such as http://127.0.0.1:4318"),
];

/// Only names of the table are asked for, so that the empty answer is never seen.
fn remedy(name: &str) -> &'static str {
    KNOWN.iter().find(|known| known.name == name).map_or("", |known| known.remedy)
}

/// The name as the table has it.
pub(super) fn known(name: &str) -> Option<&'static str> {
    KNOWN.iter().map(|known| known.name).find(|known| *known == name)
}

/// The setting that somebody may have meant who wrote `name`.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let upper = name.to_ascii_uppercase();
    let bare = |name: &str| name.replace("CLAWPLANE_", "").replace(['_', '-'], "");
    KNOWN.iter().map(|known| known.name).find(|known| *known == upper || bare(known) == bare(&upper))
}

/// All settings as one configuration; `None` where a problem makes that impossible.
pub(super) fn read(settings: &Settings, needs: &[Need], problems: &mut Vec<Problem>) -> Option<Config> {
    let mut r = Reader { settings, problems };
    r.require(needs);
    let database_url = r.parsed("DATABASE_URL", postgres_url);
    let read_database_url = r.parsed("READ_DATABASE_URL", postgres_url);
    let data_dir = r.parsed("CLAWPLANE_DATA_DIR", directory).or_else(|| directory(".clawplane").ok());
    let under = |name: &str| data_dir.as_deref().map(|dir: &Path| dir.join(name));
    let bot_data_dir = r.parsed("BOT_DATA_DIR", directory).or_else(|| under("bots"));
    let secrets_dir = r.parsed("BOT_SECRETS_DIR", directory).or_else(|| under("secrets"));
    let backup_dir = r.parsed("BACKUP_DIR", directory).or_else(|| under("backups"));
    let bot_image = r.parsed("BOT_IMAGE", checked::<ImageRef>);
    Some(Config {
        read_database_url: read_database_url.or_else(|| database_url.clone()),
        database_url,
        nats_url: r.parsed("NATS_URL", nats_url),
        master_key: r.parsed("BOT_MASTER_KEY", |text| MasterKey::parse(text).map_err(|e| e.to_string())),
        bot_image: bot_image.or_else(|| "ghcr.io/openclaw/openclaw:latest".parse().ok())?,
        bot_port_start: r.parsed("BOT_PORT_START", port_start).unwrap_or(9200),
        bot_data_dir: bot_data_dir?,
        secrets_dir: secrets_dir?,
        token_ttl: r.parsed("PROXY_TOKEN_TTL", ttl).flatten(),
        spool_durability: r.parsed("CLAWPLANE_SPOOL_DURABILITY", spool_durability).unwrap_or_default(),
        spool_max_bytes: r.parsed("CLAWPLANE_SPOOL_MAX_BYTES", spool_bytes).unwrap_or(8 << 30),
        upstream_allow: r.allow_list(),
        egress_places: r.parsed("CLAWPLANE_EGRESS_ALLOW", checked::<Places>).unwrap_or_default(),
        extra_roots: r.parsed("CLAWPLANE_EXTRA_CA_FILE", extra_roots).unwrap_or_default(),
        listen: r.parsed("CLAWPLANE_LISTEN", listen).unwrap_or((Ipv4Addr::LOCALHOST, 8080).into()),
        ingress: r.parsed("CLAWPLANE_INGRESS_DOMAIN", ingress_domain),
        admin_email: r.parsed("CLAWPLANE_ADMIN_EMAIL", checked::<Email>),
        admin_password: r.parsed("CLAWPLANE_ADMIN_PASSWORD", password),
        user_password: r.parsed("CLAWPLANE_USER_PASSWORD", password),
        data_dir: data_dir?,
        backup_dir: backup_dir?,
        backup_s3: r.backup_s3(),
        docker_host: r.parsed("DOCKER_HOST", docker_host),
        worker_hosts: r.parsed("CLAWPLANE_WORKER_HOSTS", host_names),
        log: r.parsed("CLAWPLANE_LOG", log_filter).unwrap_or_else(|| "info".to_owned()),
        log_format: r.parsed("CLAWPLANE_LOG_FORMAT", log_format).unwrap_or_default(),
        otlp_endpoint: r.parsed("OTEL_EXPORTER_OTLP_ENDPOINT", otlp_endpoint),
    })
}

struct Reader<'a> {
    settings: &'a Settings,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn parsed<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let setting = self.settings.get(name)?;
        match parse(&setting.text) {
            Ok(value) => Some(value),
            Err(what) => {
                self.problems.push(wrong(name, setting, &setting.text, &what));
                None
            }
        }
    }

    fn require(&mut self, needs: &[Need]) {
        for need in needs {
            let name = match need {
                Need::Database => "DATABASE_URL",
                Need::Nats => "NATS_URL",
                Need::MasterKey => "BOT_MASTER_KEY",
            };
            if !self.settings.contains_key(name) {
                self.problems.push(Problem {
                    name: name.to_owned(),
                    origin: None,
                    what: "is not set, and this command needs it".to_owned(),
                    remedy: remedy(name).to_owned(),
                });
            }
        }
    }

    /// A bucket needs its key; what goes with a bucket is wrong without one.
    fn backup_s3(&mut self) -> Option<S3Config> {
        const WITH: [&str; 5] = [
            "BACKUP_S3_PREFIX",
            "BACKUP_S3_ENDPOINT",
            "BACKUP_S3_REGION",
            "BACKUP_S3_ACCESS_KEY_ID",
            "BACKUP_S3_SECRET_ACCESS_KEY",
        ];
        let text = |text: &str| Ok(text.to_owned());
        let [prefix, endpoint, region, id, key] = [
            self.parsed(WITH[0], object_prefix),
            self.parsed(WITH[1], s3_endpoint),
            self.parsed(WITH[2], text),
            self.parsed(WITH[3], text),
            self.parsed(WITH[4], text),
        ];
        let Some(bucket) = self.parsed("BACKUP_S3_BUCKET", bucket) else {
            if !self.settings.contains_key("BACKUP_S3_BUCKET") {
                let stray = WITH.into_iter().find(|name| self.settings.contains_key(name));
                self.problems.extend(
                    stray.map(|_| missing("BACKUP_S3_BUCKET", "is not set, and other settings go with it")),
                );
            }
            return None;
        };
        for name in &WITH[3..] {
            if !self.settings.contains_key(name) {
                self.problems.push(missing(name, "is not set, and BACKUP_S3_BUCKET needs it"));
            }
        }
        Some(S3Config {
            bucket,
            prefix: prefix.unwrap_or_default(),
            endpoint,
            region: region.unwrap_or_else(|| "us-east-1".to_owned()),
            access_key_id: id?,
            secret_access_key: Secret::new(key?),
        })
    }

    /// Each wrong entry is its own problem.
    fn allow_list(&mut self) -> UpstreamAllow {
        const NAME: &str = "CLAWPLANE_UPSTREAM_ALLOW";
        let Some(setting) = self.settings.get(NAME) else { return UpstreamAllow::default() };
        let mut allow = UpstreamAllow::default();
        for text in setting.text.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            if let Err(what) = allow.add(text) {
                self.problems.push(wrong(NAME, setting, text, &what.0));
            }
        }
        allow
    }
}

fn missing(name: &'static str, what: &str) -> Problem {
    Problem { name: name.to_owned(), origin: None, what: what.to_owned(), remedy: remedy(name).to_owned() }
}

fn wrong(name: &'static str, setting: &Setting, value: &str, what: &str) -> Problem {
    let shown = KNOWN.iter().any(|known| known.name == name && known.shown);
    let value: String = value.chars().take(100).collect();
    Problem {
        name: name.to_owned(),
        origin: Some(setting.origin.clone()),
        what: if shown { format!("{value:?} {what}") } else { what.to_owned() },
        remedy: remedy(name).to_owned(),
    }
}
