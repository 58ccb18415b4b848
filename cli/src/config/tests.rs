use super::{Config, LogFormat, Need, Problems, Sources};
use clawplane_domain::Secret;
use clawplane_proxy::SpoolDurability;
use pretty_assertions::assert_eq;
use std::{io::Write, path::Path, time::Duration};

fn sources(file: Option<&str>, env: &[(&str, &str)]) -> (Sources, Option<tempfile::NamedTempFile>) {
    let file = file.map(|text| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    });
    let env = env.iter().map(|(name, value)| (name.into(), value.into())).collect();
    let path = file.as_ref().map(|file| file.path().to_owned());
    (Sources { file: path, env, flags: Vec::new() }, file)
}

fn load(file: Option<&str>, env: &[(&str, &str)]) -> Result<Config, Problems> {
    let (sources, _file) = sources(file, env);
    Config::load(&sources, &[])
}

fn names(problems: &Problems) -> Vec<&str> {
    problems.all().iter().map(|problem| problem.name.as_str()).collect()
}

#[test]
fn nothing_set_gives_the_defaults() {
    let config = load(None, &[("PATH", "/bin"), ("BOT_IMAGE", "")]).unwrap();
    assert_eq!(config.bot_image.as_str(), "ghcr.io/openclaw/openclaw:latest");
    assert_eq!(config.bot_port_start, 9200);
    assert_eq!(config.token_ttl, None);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert!(config.data_dir.is_absolute() && config.data_dir.ends_with(".clawplane"));
    assert_eq!(config.bot_data_dir, config.data_dir.join("bots"));
    assert_eq!(config.secrets_dir, config.data_dir.join("secrets"));
    assert_eq!((config.log.as_str(), config.log_format), ("info", LogFormat::Text));
}

#[test]
fn the_environment_wins_over_the_file_and_the_command_line_over_both() {
    let file = "bot_port_start = 9300\nbot_image = \"a:1\"\nclawplane_log = \"warn\"\n\
                clawplane_upstream_allow = [\"10.0.0.0/8\", \"ollama:11434\"]";
    let (mut sources, _file) = sources(Some(file), &[("BOT_IMAGE", "b:2"), ("CLAWPLANE_LOG", "debug")]);
    sources.flags.push(("CLAWPLANE_LOG", "error".into()));
    let config = Config::load(&sources, &[]).unwrap();
    assert_eq!(config.bot_port_start, 9300);
    assert_eq!(config.bot_image.as_str(), "b:2");
    assert_eq!(config.log, "error");
    for allowed in ["http://10.1.2.3/v1", "http://ollama:11434"] {
        assert_eq!(config.upstream_allow.check_url(&allowed.parse().unwrap()), Ok(()), "{allowed}");
    }
}

#[test]
fn texts_of_the_environment_stay_texts() {
    let config = load(None, &[("CLAWPLANE_ADMIN_PASSWORD", "00700700"), ("PROXY_TOKEN_TTL", "60")]).unwrap();
    assert_eq!(config.admin_password.as_ref().map(Secret::expose), Some("00700700"));
    assert_eq!(config.token_ttl, Some(Duration::from_mins(1)));
}

#[test]
fn reads_go_where_writes_go_unless_told_otherwise() {
    let url = "postgres://u:p@h/d";
    let config = load(None, &[("DATABASE_URL", url)]).unwrap();
    assert_eq!(config.read_database_url.as_ref().map(Secret::expose), Some(url));
    let config = load(None, &[("DATABASE_URL", url), ("READ_DATABASE_URL", "postgres://r/d")]).unwrap();
    assert_eq!(config.read_database_url.as_ref().map(Secret::expose), Some("postgres://r/d"));
}

#[test]
fn the_spool_is_bounded_and_survives_what_is_asked() {
    let config = load(None, &[]).unwrap();
    assert_eq!((config.spool_durability, config.spool_max_bytes), (SpoolDurability::Process, 8 << 30));
    let asked = [("CLAWPLANE_SPOOL_DURABILITY", "disk"), ("CLAWPLANE_SPOOL_MAX_BYTES", "65536")];
    let config = load(None, &asked).unwrap();
    assert_eq!((config.spool_durability, config.spool_max_bytes), (SpoolDurability::Disk, 65536));
    assert!(load(None, &[("CLAWPLANE_SPOOL_MAX_BYTES", "65535")]).is_err());
}

#[test]
fn every_problem_is_in_one_report_and_no_secret() {
    let env = [
        ("DATABASE_URL", "mysql://root:hunter2@db/x"),
        ("READ_DATABASE_URL", "postgres://a:hunter2@[x/y"),
        ("NATS_URL", "hunter2://x y"),
        ("BOT_MASTER_KEY", "hunter2"),
        ("BOT_PORT_START", "eighty"),
        ("BOT_IMAGE", "-x y"),
        ("BOT_DATA_DIR", "/dev/null"),
        ("PROXY_TOKEN_TTL", "-5"),
        ("CLAWPLANE_SPOOL_DURABILITY", "always"),
        ("CLAWPLANE_SPOOL_MAX_BYTES", "8GiB"),
        ("CLAWPLANE_UPSTREAM_ALLOW", "10.0.0.0/8,localhost,a:b"),
        ("CLAWPLANE_EXTRA_CA_FILE", "/dev/null"),
        ("CLAWPLANE_LISTEN", "8080"),
        ("CLAWPLANE_ADMIN_EMAIL", "root"),
        ("CLAWPLANE_ADMIN_PASSWORD", "hunter2"),
        ("CLAWPLANE_LOG", "a=b=c"),
        ("CLAWPLANE_LOG_FORMAT", "xml"),
        ("CLAWPLANE_LISTENN", "hunter2"),
        ("CLAWPLANE_BOT_IMAGE", "x"),
        ("DOCKER_HOST", "ssh://me"),
        ("CLAWPLANE_NO_DOCKER", "1"),
    ];
    let problems =
        load(Some("surprise = 1\nbot_master_key = [[1]]\n[database]\nurl = 'hunter2'"), &env).unwrap_err();
    assert_eq!(
        names(&problems),
        [
            "BOT_DATA_DIR",
            "BOT_IMAGE",
            "BOT_MASTER_KEY",
            "BOT_PORT_START",
            "CLAWPLANE_ADMIN_EMAIL",
            "CLAWPLANE_ADMIN_PASSWORD",
            "CLAWPLANE_BOT_IMAGE",
            "CLAWPLANE_EXTRA_CA_FILE",
            "CLAWPLANE_LISTEN",
            "CLAWPLANE_LISTENN",
            "CLAWPLANE_LOG",
            "CLAWPLANE_LOG_FORMAT",
            "CLAWPLANE_SPOOL_DURABILITY",
            "CLAWPLANE_SPOOL_MAX_BYTES",
            "CLAWPLANE_UPSTREAM_ALLOW",
            "CLAWPLANE_UPSTREAM_ALLOW",
            "DATABASE_URL",
            "DOCKER_HOST",
            "NATS_URL",
            "PROXY_TOKEN_TTL",
            "READ_DATABASE_URL",
            "database",
            "surprise",
        ]
    );
    let report = format!("{problems}\n{problems:?}");
    assert!(!report.contains("hunter2"), "{report}");
    assert!(report.contains("\"eighty\"") && report.contains("is BOT_IMAGE meant?"), "{report}");
}

#[test]
fn what_a_command_needs_and_misses_is_in_the_same_report() {
    let (sources, _file) = sources(None, &[("BOT_PORT_START", "x")]);
    let problems = Config::load(&sources, &[Need::Database, Need::Nats, Need::MasterKey]).unwrap_err();
    assert_eq!(names(&problems), ["BOT_MASTER_KEY", "BOT_PORT_START", "DATABASE_URL", "NATS_URL"]);
}

#[test]
fn a_broken_file_is_named_by_its_line_and_not_quoted() {
    let problems = load(Some("bot_image = \"a\"\nbot_master_key = hunter2\n"), &[]).unwrap_err();
    let report = problems.to_string();
    assert!(report.contains("line 2") && !report.contains("hunter2"), "{report}");
    let missing = Sources { file: Some(Path::new("/nonexistent/x.toml").into()), ..Sources::default() };
    assert_eq!(names(&Config::load(&missing, &[]).unwrap_err()), ["/nonexistent/x.toml"]);
}

#[test]
fn debug_output_holds_no_secret() {
    let env = [
        ("DATABASE_URL", "postgres://u:hunter2hunter2@h/d"),
        ("NATS_URL", "nats://u:hunter2hunter2@h:4222"),
        ("BOT_MASTER_KEY", &"ab".repeat(32)),
        ("CLAWPLANE_ADMIN_PASSWORD", "hunter2hunter2"),
    ];
    let shown = format!("{:?}", load(None, &env).unwrap());
    assert!(!shown.contains("hunter2") && !shown.contains("abab"), "{shown}");
}
