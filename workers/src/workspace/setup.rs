//! How a bot's folder begins, and the switches that the platform keeps in it.

use super::{WORKSPACE, Workspaces, blocking, files::Folder};
use clawplane_domain::{
    BotId,
    bot::{Features, Origin},
};
use std::io;

const SWITCHES: &str = "features.json";
/// What makes a bot who it is, and what a clone of it begins with.
const PERSONA: &[&str] = &["SOUL.md", "AGENTS.md", "IDENTITY.md"];
/// The largest of these that is copied.
const LARGEST_PERSONA: u64 = 1024 * 1024;

impl Workspaces {
    /// Whether a bot's folder has begun: whether the bot has a soul.
    pub async fn has_begun(&self, bot: BotId) -> io::Result<bool> {
        let (root, owner) = (self.root.clone(), self.owner);
        blocking(move || {
            let root = Folder::open_root(&root, owner)?;
            let Some(state) = root.existing(&bot.to_string())? else { return Ok(false) };
            let Some(workspace) = state.existing(WORKSPACE)? else { return Ok(false) };
            workspace.has("SOUL.md")
        })
        .await
    }

    /// Lets a bot's folder begin: as the one that another bot left, with another bot's persona, or with this one.
    /// What is there already stays.
    pub async fn begin(&self, bot: BotId, origin: Option<Origin>, persona: Option<String>) -> io::Result<()> {
        let (root, owner) = (self.root.clone(), self.owner);
        blocking(move || {
            let root = Folder::open_root(&root, owner)?;
            let name = bot.to_string();
            if let Some(Origin::DataOf(before)) = origin
                && !root.has(&name)?
                && !root.rename_missing(&before.to_string(), &name)?
            {
                let message = format!("the data that bot {before} left are not on this host");
                return Err(io::Error::new(io::ErrorKind::NotFound, message));
            }
            let workspace = root.folder(&name)?.folder(WORKSPACE)?;
            if let Some(Origin::CloneOf(other)) = origin {
                copy_persona(&root, &other.to_string(), &workspace)?;
            }
            match persona {
                Some(persona) => workspace.write_missing("SOUL.md", persona.as_bytes()),
                None => Ok(()),
            }
        })
        .await
    }

    /// Writes the bot's switches, where it has or had any.
    pub async fn write_features(&self, bot: BotId, features: &Features) -> io::Result<()> {
        let (root, owner) = (self.root.clone(), self.owner);
        let text = serde_json::to_string_pretty(features)?;
        let none = features.is_empty();
        blocking(move || {
            let workspace = Folder::open_root(&root, owner)?.folder(&bot.to_string())?.folder(WORKSPACE)?;
            if none && !workspace.has(SWITCHES)? {
                return Ok(());
            }
            workspace.write(SWITCHES, format!("{text}\n").as_bytes())
        })
        .await
    }
}

/// Copies what can be read of another bot's persona. It may be gone by now, or no file at all: then there is none.
fn copy_persona(root: &Folder, from: &str, to: &Folder) -> io::Result<()> {
    let Ok(Some(other)) = root.existing(from) else { return Ok(()) };
    let Ok(Some(other)) = other.existing(WORKSPACE) else { return Ok(()) };
    for name in PERSONA {
        if let Ok(Some(text)) = other.read(name, LARGEST_PERSONA) {
            to.write_missing(name, &text)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
