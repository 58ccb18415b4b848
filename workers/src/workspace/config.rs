//! The bot's `openclaw.json`: which text it should have, and putting it there.
//!
//! Between two versions the file belongs to whoever edits it, OpenClaw itself included: then only the platform's keys in
//! it are renewed. A new version replaces it; what was there is kept beside it.

use super::files::Folder;
use clawplane_domain::{
    Secret,
    bot::ModelChoice,
    openclaw::{Filling, PROXY, TOKEN, fill, masked, platform::Platform, renewed},
};
use std::{io, net::SocketAddr};

/// OpenClaw's configuration.
pub(super) const CONFIG: &str = "openclaw.json";
/// The file that the last new version replaced.
const REPLACED: &str = "openclaw.json.replaced";
/// The largest that is read.
pub(super) const LARGEST_CONFIG: u64 = 4 * 1024 * 1024;
/// Which version was written last; beside the bot's folder, where the bot cannot change it.
const MARK: &str = "version";

/// What the configuration of a bot should be.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    /// Its loopback port on the host.
    pub port: u16,
    /// The models that it may use.
    pub models: Vec<ModelChoice>,
    /// The version that people want; 0 is what the platform makes.
    pub version: u64,
    /// That version's text; `None` for version 0.
    pub text: Option<String>,
    /// Its gateway token.
    pub token: Secret,
    /// Where it finds the proxy.
    pub proxy: SocketAddr,
    /// A file that nobody can read is replaced, too: it would keep a new container from starting.
    pub renew: bool,
}

impl ConfigFile {
    fn platform(&self) -> Platform<'_> {
        Platform { port: self.port, models: &self.models }
    }

    /// What the version is without the bot's own file.
    fn original(&self) -> String {
        self.text.clone().unwrap_or_else(|| format!("{:#}\n", self.platform().config(TOKEN, PROXY)))
    }

    /// The text that the file should have, and whether what is there now goes into it.
    fn wanted(&self, file: Option<&str>, written: Option<u64>) -> Option<(String, bool)> {
        let filling = Filling { token: self.token.expose(), proxy: &self.proxy.to_string() };
        let is_new = self.version != written.unwrap_or(0);
        let of = |text: &str| renewed(text, self.platform()).map(|text| fill(&text, filling));
        match file.filter(|_| !is_new).map(|file| of(&masked(file))) {
            Some(Ok(text)) => Some((text, true)),
            // OpenClaw says itself what is wrong with it, to whoever wrote it.
            Some(Err(_)) if !self.renew => None,
            _ => Some((of(&self.original()).unwrap_or_else(|_| self.original()), false)),
        }
    }
}

/// Makes the file in `state` what it should be. `marks` is the platform's own folder for this bot.
pub(super) fn keep(state: &Folder, marks: &Folder, wanted: &ConfigFile) -> io::Result<()> {
    let file = current(state);
    let written = written(marks)?;
    if let Some((text, continues)) = wanted.wanted(file.as_deref(), written)
        && file.as_deref() != Some(text.as_str())
    {
        if let Some(old) = file.filter(|_| !continues) {
            state.write(REPLACED, old.as_bytes())?;
        }
        state.write(CONFIG, text.as_bytes())?;
    }
    if written != Some(wanted.version) {
        marks.write(MARK, wanted.version.to_string().as_bytes())?;
    }
    Ok(())
}

/// The text that is there; `None` where there is none, or something else in its place.
pub(super) fn current(state: &Folder) -> Option<String> {
    let bytes = state.read(CONFIG, LARGEST_CONFIG).ok().flatten()?;
    String::from_utf8(bytes).ok()
}

/// The version that was written last.
pub(super) fn written(marks: &Folder) -> io::Result<Option<u64>> {
    let mark = marks.read(MARK, 32)?;
    Ok(mark.and_then(|mark| String::from_utf8(mark).ok()?.trim().parse().ok()))
}
