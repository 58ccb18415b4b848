//! Every setting by name: how it is read, what holds where it is missing, and what to say when it is wrong.

use super::{
    AllowEntry, Config, LogFormat, MasterKey, Need,
    problem::Problem,
    sources::{Setting, Settings},
};
use clawplane_domain::{
    Secret,
    values::{Email, ImageRef},
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

/// Names of settings, and whether a value may be shown in a problem.
const KNOWN: [(&str, Shown); 17] = [
    ("DATABASE_URL", Shown::Never),
    ("READ_DATABASE_URL", Shown::Never),
    ("NATS_URL", Shown::Never),
    ("BOT_MASTER_KEY", Shown::Never),
    ("BOT_IMAGE", Shown::Yes),
    ("BOT_PORT_START", Shown::Yes),
    ("BOT_DATA_DIR", Shown::Yes),
    ("BOT_SECRETS_DIR", Shown::Yes),
    ("PROXY_TOKEN_TTL", Shown::Yes),
    ("CLAWPLANE_UPSTREAM_ALLOW", Shown::Yes),
    ("CLAWPLANE_LISTEN", Shown::Yes),
    ("CLAWPLANE_ADMIN_EMAIL", Shown::Yes),
    ("CLAWPLANE_ADMIN_PASSWORD", Shown::Never),
    ("CLAWPLANE_DATA_DIR", Shown::Yes),
    ("DOCKER_HOST", Shown::Yes),
    ("CLAWPLANE_LOG", Shown::Yes),
    ("CLAWPLANE_LOG_FORMAT", Shown::Yes),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Yes,
    Never,
}

/// Long enough for any deployment; a longer one is a slip of the unit.
const MAX_TTL_SECONDS: u64 = 10 * 366 * 24 * 3600;
/// What `POST /api/auth/login` accepts at most; the least is a matter of taste, but not of none.
const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 8..=256;

/// The name as the table has it.
pub(super) fn known(name: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(known, _)| *known == name).map(|(known, _)| *known)
}

/// The setting that somebody may have meant who wrote `name`.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let upper = name.to_ascii_uppercase();
    let bare = |name: &str| name.replace("CLAWPLANE_", "").replace(['_', '-'], "");
    KNOWN.iter().map(|(known, _)| *known).find(|known| *known == upper || bare(known) == bare(&upper))
}

/// All settings as one configuration; `None` where a problem makes that impossible.
pub(super) fn read(settings: &Settings, needs: &[Need], problems: &mut Vec<Problem>) -> Option<Config> {
    let mut r = Reader { settings, problems };
    r.require(needs);
    let database_url = r.parsed("DATABASE_URL", POSTGRES, postgres_url);
    let read_database_url = r.parsed("READ_DATABASE_URL", POSTGRES, postgres_url);
    let data_dir = r.directory("CLAWPLANE_DATA_DIR").or_else(|| std::path::absolute(".clawplane").ok());
    let under = |name: &str| data_dir.as_deref().map(|dir: &Path| dir.join(name));
    let bot_data_dir = r.directory("BOT_DATA_DIR").or_else(|| under("bots"));
    let secrets_dir = r.directory("BOT_SECRETS_DIR").or_else(|| under("secrets"));
    Some(Config {
        read_database_url: read_database_url.or_else(|| database_url.clone()),
        database_url,
        nats_url: r.parsed("NATS_URL", "write nats://user:password@host:4222, several with commas between", nats_url),
        master_key: r.parsed("BOT_MASTER_KEY", NEW_KEY, |text| MasterKey::parse(text).map_err(|e| e.to_string())),
        bot_image: r.parsed("BOT_IMAGE", "name an image as `docker pull` takes it", checked::<ImageRef>)
            .or_else(|| "ghcr.io/openclaw/openclaw:latest".parse().ok())?,
        bot_port_start: r.parsed("BOT_PORT_START", "choose a port from 1024 to 60000, or leave it out for 9200", port_start)
            .unwrap_or(9200),
        bot_data_dir: bot_data_dir?,
        secrets_dir: secrets_dir?,
        token_ttl: r.parsed("PROXY_TOKEN_TTL", "write whole seconds, or 0 for tokens that do not expire", ttl).flatten(),
        upstream_allow: r.allow_list(),
        listen: r.parsed("CLAWPLANE_LISTEN", "write address:port, such as 127.0.0.1:8080", |text| {
            SocketAddr::from_str(text).map_err(|_| "is not an IP address with a port".to_owned())
        })
        .unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))),
        admin_email: r.parsed("CLAWPLANE_ADMIN_EMAIL", "write it as name@domain", checked::<Email>),
        admin_password: r.parsed("CLAWPLANE_ADMIN_PASSWORD", "choose one of 8 to 256 bytes, or leave it out for a random one", password),
        data_dir: data_dir?,
        docker_host: r.parsed("DOCKER_HOST", "write unix:///path/to/socket or tcp://host:port", docker_host),
        log: r.parsed("CLAWPLANE_LOG", "write a level, such as info, or name=level pairs with commas", log_filter)
            .unwrap_or_else(|| "info".to_owned()),
        log_format: r.parsed("CLAWPLANE_LOG_FORMAT", "write text or json", log_format).unwrap_or_default(),
    })
}

const POSTGRES: &str = "write postgres://user:password@host:5432/database";
const NEW_KEY: &str = "make one with `openssl rand -hex 32` and keep it: what it encrypted is lost without it";

struct Reader<'a> {
    settings: &'a Settings,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn parsed<T>(
        &mut self,
        name: &'static str,
        remedy: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let setting = self.settings.get(name)?;
        match parse(&setting.text) {
            Ok(value) => Some(value),
            Err(what) => {
                self.problems.push(wrong(name, setting, &setting.text, &what, remedy));
                None
            }
        }
    }

    fn require(&mut self, needs: &[Need]) {
        for need in needs {
            let (name, remedy) = match need {
                Need::Database => ("DATABASE_URL", POSTGRES),
                Need::Nats => ("NATS_URL", "write nats://host:4222; the server needs JetStream (`nats-server -js`)"),
                Need::MasterKey => ("BOT_MASTER_KEY", NEW_KEY),
            };
            if !self.settings.contains_key(name) {
                self.problems.push(Problem {
                    name: name.to_owned(),
                    origin: None,
                    what: "is not set, and this command needs it".to_owned(),
                    remedy: remedy.to_owned(),
                });
            }
        }
    }

    fn directory(&mut self, name: &'static str) -> Option<PathBuf> {
        self.parsed(name, "name a directory", |text| {
            let path = std::path::absolute(text).map_err(|error| format!("is not a path: {error}"))?;
            if path.exists() && !path.is_dir() {
                return Err("is not a directory".to_owned());
            }
            Ok(path)
        })
    }

    /// Each wrong entry is its own problem.
    fn allow_list(&mut self) -> Vec<AllowEntry> {
        const NAME: &str = "CLAWPLANE_UPSTREAM_ALLOW";
        let Some(setting) = self.settings.get(NAME) else { return Vec::new() };
        let mut entries = Vec::new();
        for text in setting.text.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            match text.parse() {
                Ok(entry) => entries.push(entry),
                Err(what) => {
                    let what: String = what;
                    let remedy = "write host:port or a network such as 10.0.0.0/8, with commas between";
                    self.problems.push(wrong(NAME, setting, text, &what, remedy));
                }
            }
        }
        entries
    }
}

fn wrong(name: &'static str, setting: &Setting, value: &str, what: &str, remedy: &str) -> Problem {
    let shown = KNOWN.iter().any(|(known, shown)| *known == name && *shown == Shown::Yes);
    let value: String = value.chars().take(100).collect();
    Problem {
        name: name.to_owned(),
        origin: Some(setting.origin.clone()),
        what: if shown { format!("{value:?} {what}") } else { what.to_owned() },
        remedy: remedy.to_owned(),
    }
}

fn checked<T: FromStr<Err = clawplane_domain::Invalid>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|invalid: clawplane_domain::Invalid| invalid.to_string())
}

/// The parsers' own messages are left out: they may quote a part of the URL.
fn postgres_url(text: &str) -> Result<Secret, String> {
    let url = url::Url::parse(text).map_err(|_| "is not a URL")?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err("is not a postgres:// URL".to_owned());
    }
    sqlx::postgres::PgConnectOptions::from_str(text).map_err(|_| "is not a URL that Postgres understands")?;
    Ok(Secret::new(text.to_owned()))
}

fn nats_url(text: &str) -> Result<Secret, String> {
    let one = |text: &str| text.trim().parse::<async_nats::ServerAddr>().is_ok();
    match text.split(',').all(one) {
        true => Ok(Secret::new(text.to_owned())),
        false => Err("is not a nats:// URL".to_owned()),
    }
}

fn port_start(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| (1024..=60000).contains(port));
    port.ok_or_else(|| "is not such a port".to_owned())
}

fn ttl(text: &str) -> Result<Option<Duration>, String> {
    let seconds: u64 = text.parse().map_err(|_| "is not a number of seconds")?;
    match seconds {
        0 => Ok(None),
        1..=MAX_TTL_SECONDS => Ok(Some(Duration::from_secs(seconds))),
        _ => Err("is more than ten years".to_owned()),
    }
}

fn password(text: &str) -> Result<Secret, String> {
    match PASSWORD_BYTES.contains(&text.len()) {
        true => Ok(Secret::new(text.to_owned())),
        false => Err("is too short or too long".to_owned()),
    }
}

fn docker_host(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).map_err(|_| "is not a URL")?;
    let usable = match url.scheme() {
        "unix" => url.path().len() > 1,
        "tcp" | "http" | "https" => url.has_host(),
        _ => false,
    };
    usable.then(|| text.to_owned()).ok_or_else(|| "is not an address of an engine that can be used".to_owned())
}

fn log_filter(text: &str) -> Result<String, String> {
    tracing_subscriber::EnvFilter::try_new(text).map_err(|_| "is not a log filter")?;
    Ok(text.to_owned())
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("is not a format".to_owned()),
    }
}
