//! A bot's folder on the host, which is `/home/node/.openclaw` inside of its container.
//!
//! The bot owns it and may put anything there, symbolic links to the host's files included. So every file is opened
//! relative to the folder and never through a link, and written beside its name before it takes it.

pub mod browse;
mod config;
mod copy;
mod files;
mod fresh;
pub mod look;
mod marks;
mod remove;
mod setup;
mod size;

pub use size::Size;

use crate::docker_worker::DesiredBot;
use clawplane_domain::{
    BotId, Secret,
    openclaw::{masked, tokens_replaced},
};
pub use config::ConfigFile;
use config::{CONFIG, LARGEST_CONFIG};
pub use fresh::Fresh;
use rustix::process::{getegid, geteuid};
use serde_json::json;
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::Semaphore;

/// The user `node` of OpenClaw's image.
const NODE: u32 = 1000;
/// The part of the state folder that people and the bot share.
const WORKSPACE: &str = "workspace";
/// The platform's notes on bots' folders, beside them.
const MARKS: &str = ".configs";
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
    /// One folder is measured at a time.
    measuring: Arc<Semaphore>,
}

impl Workspaces {
    /// Under `root` (`BOT_DATA_DIR`), which is made if need be and must belong to the platform.
    pub fn new(root: &Path) -> io::Result<Self> {
        let root = std::path::absolute(root)?;
        std::fs::create_dir_all(&root)?;
        std::fs::set_permissions(&root, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        Ok(Self::at(&root))
    }

    /// Under a `root` that may not be there: that of another host, which its own worker makes.
    pub fn at(root: &Path) -> Self {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        Self { root, owner: Owner::possible(), measuring: Arc::new(Semaphore::new(1)) }
    }

    /// The folder of all of them.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Who owns the folders.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// A bot's folder.
    pub fn state_dir(&self, bot: BotId) -> PathBuf {
        self.root.join(bot.to_string())
    }

    /// Makes the bot's folder what a start needs: its configuration, the platform's own files, and those of its
    /// workspace that are missing.
    pub async fn prepare(&self, bot: &DesiredBot, config: ConfigFile) -> io::Result<()> {
        let (root, owner, name) = (self.root.clone(), self.owner, bot.id.to_string());
        let own = [("config.json", format!("{:#}\n", platform_file(bot))), ("soul.md", SOUL.to_owned())];
        blocking(move || {
            let state = files::Folder::open_root(&root, owner)?.folder(&name)?;
            config::keep(&state, &marks(&root)?.folder(&name)?, &config)?;
            for (name, content) in own {
                state.write_changed(name, content.as_bytes())?;
            }
            let workspace = state.folder(WORKSPACE)?;
            workspace.write_missing("SOUL.md", SOUL.as_bytes())?;
            workspace.write_missing("AGENTS.md", AGENTS.as_bytes())
        })
        .await
    }

    /// The bot's configuration as it stands in its folder, with placeholders for what is secret, and the version that it
    /// was written from; `None` where there is none that can be read.
    pub async fn read_config(&self, bot: BotId) -> io::Result<Option<(String, u64)>> {
        let (root, owner, name) = (self.root.clone(), self.owner, bot.to_string());
        blocking(move || {
            let Some(state) = files::Folder::open_root(&root, owner)?.existing(&name)? else {
                return Ok(None);
            };
            let Some(text) = config::current(&state) else { return Ok(None) };
            let version =
                marks(&root)?.existing(&name)?.map(|marks| config::written(&marks)).transpose()?.flatten();
            Ok(Some((masked(&text), version.unwrap_or(0))))
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
            let Some(new) = tokens_replaced(&text, token.expose()) else { return Ok(false) };
            if new != text {
                state.write(CONFIG, new.as_bytes())?;
            }
            Ok(true)
        })
        .await
    }

    /// What stands in the bot's `openclaw.json`, secrets included; `None` where there is none.
    pub async fn config(&self, bot: BotId) -> io::Result<Option<String>> {
        let (root, owner, name) = (self.root.clone(), self.owner, bot.to_string());
        blocking(move || {
            if !files::Folder::open_root(&root, owner)?.has(&name)? {
                return Ok(None);
            }
            let bytes =
                files::Folder::open_root(&root, owner)?.folder(&name)?.read(CONFIG, LARGEST_CONFIG)?;
            bytes
                .map(|bytes| String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8")))
                .transpose()
        })
        .await
    }

    /// What a bot's folder takes on the disk.
    pub async fn size(&self, bot: BotId) -> io::Result<Size> {
        let (root, name) = (self.root.clone(), bot.to_string());
        blocking(move || size::of(&root, &name)).await
    }

    /// Removes a bot's folder with all that is in it. Nothing to remove is a success.
    pub async fn remove(&self, bot: BotId) -> io::Result<()> {
        let (root, name) = (self.root.clone(), bot.to_string());
        blocking(move || {
            remove::tree(&root, &name)?;
            let marks = root.join(MARKS);
            if marks.is_dir() { remove::tree(&marks, &name) } else { Ok(()) }
        })
        .await
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

/// Where the platform notes what it wrote: its own, which no container sees.
fn marks(root: &Path) -> io::Result<files::Folder> {
    let own = Owner { uid: geteuid().as_raw(), gid: getegid().as_raw() };
    files::Folder::open_root(root, own)?.folder(MARKS)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
pub(crate) mod tests;
