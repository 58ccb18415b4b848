//! Where settings come from, laid over each other with figment: file, environment, command line.
//!
//! The environment is taken as text, never guessed at: figment's own provider would turn a password
//! such as `007` into a number.

use super::{fields, problem::Problem};
use figment::{
    Figment, Metadata, Profile, Provider,
    providers::{Format, Toml},
    value::{Dict, Map, Value},
};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

/// The largest configuration file that is read.
const MAX_FILE: u64 = 1024 * 1024;
/// Variables of the set-up script, the tests and the benchmark, which are none of ours.
const FOREIGN: [&str; 3] = ["CLAWPLANE_NO_DOCKER", "CLAWPLANE_TEST_", "CLAWPLANE_BENCH_"];

/// What was handed to the process.
#[derive(Clone, Default)]
pub struct Sources {
    /// The TOML file, if one was named.
    pub file: Option<PathBuf>,
    /// The environment.
    pub env: Vec<(OsString, OsString)>,
    /// Settings from the command line, under their upper-case names.
    pub flags: Vec<(&'static str, OsString)>,
}

/// A setting as text, and where it came from.
pub(super) struct Setting {
    pub(super) text: String,
    pub(super) origin: String,
}

/// Settings by their upper-case name.
pub(super) type Settings = BTreeMap<&'static str, Setting>;

impl Sources {
    /// The process's own environment, and `file`.
    pub fn from_process(file: Option<PathBuf>) -> Self {
        let file = file.filter(|path| !path.as_os_str().is_empty());
        Self { file, env: std::env::vars_os().collect(), flags: Vec::new() }
    }

    /// Everything that was set and is known, and the problems with the rest.
    pub(super) fn collect(&self) -> (Settings, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut figment = Figment::new();
        if let Some(path) = &self.file {
            match read_file(path) {
                Ok(text) => figment = figment.merge(Named(path.display().to_string(), text)),
                Err(problem) => problems.push(*problem),
            }
        }
        figment = figment.merge(self.environment(&mut problems));
        let flags = self.flags.iter().map(|(name, value)| (*name, value.clone()));
        figment = figment.merge(layer("command line", flags, &mut problems));
        (settings(&figment, &mut problems), problems)
    }

    /// Ours of the environment. An empty variable counts as not set, as compose files like to leave them.
    fn environment(&self, problems: &mut Vec<Problem>) -> Named<Dict> {
        let mut ours = Vec::new();
        for (name, value) in &self.env {
            let Some(name) = name.to_str().filter(|_| !value.is_empty()) else {
                continue;
            };
            if let Some(known) = fields::known(name) {
                ours.push((known, value.clone()));
            } else if is_stray(name) {
                problems.push(unknown(name, "environment"));
            }
        }
        layer("environment", ours.into_iter(), problems)
    }
}

/// Whether a variable looks like ours but is not.
fn is_stray(name: &str) -> bool {
    name.starts_with("CLAWPLANE_")
        && name != "CLAWPLANE_CONFIG"
        && !FOREIGN.iter().any(|foreign| name.starts_with(foreign))
}

fn unknown(name: &str, origin: &str) -> Problem {
    let remedy = match fields::nearest(name) {
        Some(near) => format!("remove it, or is {near} meant?"),
        None => "remove it; `clawplane --help` and the README list the settings".to_owned(),
    };
    Problem {
        name: name.chars().take(100).collect(),
        origin: Some(origin.to_owned()),
        what: "is not a setting".to_owned(),
        remedy,
    }
}

fn layer(
    origin: &'static str,
    values: impl Iterator<Item = (&'static str, OsString)>,
    problems: &mut Vec<Problem>,
) -> Named<Dict> {
    let mut dict = Dict::new();
    for (name, value) in values {
        match value.into_string() {
            Ok(text) => _ = dict.insert(name.to_ascii_lowercase(), Value::from(text)),
            Err(_) => problems.push(Problem {
                name: name.to_owned(),
                origin: Some(origin.to_owned()),
                what: "is not UTF-8".to_owned(),
                remedy: "write it in UTF-8".to_owned(),
            }),
        }
    }
    Named(origin.to_owned(), dict)
}

fn settings(figment: &Figment, problems: &mut Vec<Problem>) -> Settings {
    let all: Dict = figment.extract().unwrap_or_default();
    let mut settings = Settings::new();
    for (name, value) in &all {
        let origin = figment.get_metadata(value.tag()).map_or_else(String::new, |m| m.name.to_string());
        let Some(known) = name
            .chars()
            .all(|c| !c.is_uppercase())
            .then(|| fields::known(&name.to_ascii_uppercase()))
            .flatten()
        else {
            problems.push(unknown(name, &origin));
            continue;
        };
        match text(value) {
            Some(text) if text.is_empty() => {}
            Some(text) => _ = settings.insert(known, Setting { text, origin }),
            None => problems.push(Problem {
                name: known.to_owned(),
                origin: Some(origin),
                what: "is neither a text nor a number nor a list of texts".to_owned(),
                remedy: format!("write it as `{name} = \"...\"`"),
            }),
        }
    }
    settings
}

/// A value as the environment would spell it: lists with commas.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text.clone()),
        Value::Bool(_, yes) => Some(yes.to_string()),
        Value::Num(_, number) => {
            number.to_i128().map(|n| n.to_string()).or_else(|| number.to_f64().map(|n| n.to_string()))
        }
        Value::Array(_, items) => {
            items.iter().map(text).collect::<Option<Vec<_>>>().map(|texts| texts.join(","))
        }
        _ => None,
    }
}

/// Reads and parses the file. TOML's own message is left out: it quotes the line, which may hold a secret.
fn read_file(path: &Path) -> Result<Dict, Box<Problem>> {
    let problem = |what: String, remedy: &str| {
        Box::new(Problem { name: path.display().to_string(), origin: None, what, remedy: remedy.to_owned() })
    };
    let mut text = String::new();
    fs::File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_string(&mut text)).map_err(
        |error| {
            problem(
                format!("cannot be read: {error}"),
                "name a readable file with --config or CLAWPLANE_CONFIG",
            )
        },
    )?;
    if text.len() as u64 > MAX_FILE {
        return Err(problem(
            "is larger than 1 MiB".to_owned(),
            "name the right file with --config or CLAWPLANE_CONFIG",
        ));
    }
    Toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        problem(
            format!("is not valid TOML at line {line}"),
            "write `name = \"value\"`, one a line, each name once",
        )
    })
}

/// A layer under the name that problems show as its origin.
struct Named<T>(String, T);

impl Provider for Named<Dict> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.0.clone())
    }
    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.1.clone()))
    }
}
