//! A bot's folder on the host, which is `/home/node/.openclaw` inside of its container.
//!
//! The bot owns it and may put anything there, symbolic links to the host's files included. So every file is opened
//! relative to the folder and never through a link, and written beside its name before it takes it.

pub mod config;
mod files;
mod fresh;
mod remove;
mod token;

use crate::docker_worker::DesiredBot;
use clawplane_domain::{BotId, Secret};
pub use fresh::Fresh;
use rustix::process::{getegid, geteuid};
use serde_json::json;
use std::{
    io,
    path::{Path, PathBuf},
};

/// The user `node` of OpenClaw's image.
const NODE: u32 = 1000;
/// OpenClaw's configuration.
const CONFIG: &str = "openclaw.json";
/// The largest that is read.
const LARGEST_CONFIG: u64 = 4 * 1024 * 1024;
const SOUL: &str = include_str!("workspace/SOUL.md");
const AGENTS: &str = include_str!("workspace/AGENTS.md");

/// Who owns the folders and is the user of the containers' processes.
///
/// It is the image's `node` where the platform is root and can give files away, else the platform's own user: a
/// process in the container must be able to write, and nobody else able to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Owner {
    /// As whoever runs this process can have it.
    pub fn possible() -> Self {
        if geteuid().is_root() {
            return Self { uid: NODE, gid: NODE };
        }
        Self { uid: geteuid().as_raw(), gid: getegid().as_raw() }
    }

    /// As Docker takes it.
    pub fn for_container(self) -> String {
        format!("{}:{}", self.uid, self.gid)
    }
}

/// The folders of all bots on this host.
#[derive(Clone, Debug)]
pub struct Workspaces {
    root: PathBuf,
    owner: Owner,
}

impl Workspaces {
    /// Under `root` (`BOT_DATA_DIR`), which is made if need be and must belong to the platform.
    pub fn new(root: &Path) -> io::Result<Self> {
        let root = std::path::absolute(root)?;
        std::fs::create_dir_all(&root)?;
        std::fs::set_permissions(&root, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        Ok(Self { root: root.canonicalize()?, owner: Owner::possible() })
    }

    /// Who owns the folders.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// A bot's folder.
    pub fn state_dir(&self, bot: BotId) -> PathBuf {
        self.root.join(bot.to_string())
    }

    /// Makes the bot's folder what a start needs. An existing `openclaw.json` is written anew only if `renew`: between
    /// two changes of the bot's configuration it belongs to whoever edits it, OpenClaw itself included.
    pub async fn prepare(&self, bot: &DesiredBot, openclaw_json: String, renew: bool) -> io::Result<()> {
        let (root, owner, name) = (self.root.clone(), self.owner, bot.id.to_string());
        let own = format!("{:#}\n", platform_file(bot));
        blocking(move || {
            let state = files::Folder::open_root(&root, owner)?.folder(&name)?;
            if renew || !state.has(CONFIG)? {
                state.write(CONFIG, openclaw_json.as_bytes())?;
            }
            state.write("config.json", own.as_bytes())?;
            let workspace = state.folder("workspace")?;
            workspace.write_missing("SOUL.md", SOUL.as_bytes())?;
            workspace.write_missing("AGENTS.md", AGENTS.as_bytes())
        })
        .await
    }

    /// Puts `token` in the place of every gateway token in the bot's `openclaw.json`, leaving the rest as it is. `false`:
    /// there is none in it.
    pub async fn set_token(&self, bot: BotId, token: &Secret) -> io::Result<bool> {
        let (root, owner, name, token) = (self.root.clone(), self.owner, bot.to_string(), token.clone());
        blocking(move || {
            let state = files::Folder::open_root(&root, owner)?.folder(&name)?;
            let Some(bytes) = state.read(CONFIG, LARGEST_CONFIG)? else { return Ok(false) };
            let Ok(text) = String::from_utf8(bytes) else { return Ok(false) };
            let Some(new) = token::replaced(&text, &token) else { return Ok(false) };
            if new != text {
                state.write(CONFIG, new.as_bytes())?;
            }
            Ok(true)
        })
        .await
    }

    /// Removes a bot's folder with all that is in it. Nothing to remove is a success.
    pub async fn remove(&self, bot: BotId) -> io::Result<()> {
        let (root, name) = (self.root.clone(), bot.to_string());
        blocking(move || remove::tree(&root, &name)).await
    }
}

/// The platform's own file beside OpenClaw's: what the bot is here.
fn platform_file(bot: &DesiredBot) -> serde_json::Value {
    json!({
        "botId": bot.id,
        "tenantId": bot.tenant_id,
        "hostname": bot.hostname,
        "name": bot.name,
        "port": bot.port,
        "tags": bot.tags,
        "models": bot.models,
        "limits": bot.limits,
    })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests;
