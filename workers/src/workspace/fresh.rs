//! A bot's folder as it is read for a backup, and a fresh one that takes its place in a single step.
//!
//! A fresh folder stands beside the bots' folders and is filled by nobody but the platform. It says in a file of the
//! platform's which restore it is of, so that after a crash everybody can tell which folder the bot has.

use super::{
    Owner, Workspaces, blocking,
    files::{Folder, give},
    remove,
};
use crate::backup::{Target, Tree, manifest::Entry};
use clawplane_domain::{BotId, RestoreId, Secret, openclaw::tokens_replaced};
use rustix::{
    fs::{self, AtFlags, Mode, OFlags, RenameFlags, Timespec, Timestamps},
    io::Errno,
};
use std::{
    fs::File,
    io::{self, Read},
    os::fd::OwnedFd,
    path::Path,
};

/// What a fresh folder's name begins with: no bot's does.
const PREFIX: &str = ".restore-";
/// Says of which restore a folder is, from before it takes the bot's folder's place until the restore is over.
const MARK: &str = ".clawplane-restore";
const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::RDONLY).union(OFlags::CLOEXEC);

impl Workspaces {
    /// A bot's folder, to be read; `None` if it has none.
    pub fn tree(&self, bot: BotId) -> io::Result<Option<Tree>> {
        match fs::openat(open(&self.root)?, bot.to_string(), FOLDER, Mode::empty()) {
            Ok(folder) => Ok(Some(Tree::new(folder))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Bytes that are free where the folders are.
    pub fn free_bytes(&self) -> io::Result<u64> {
        let stat = fs::statvfs(&self.root)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Makes a fresh, empty folder; what a restore of the same id left is removed.
    pub fn fresh(&self, restore: RestoreId) -> io::Result<Fresh> {
        let name = name_of(restore);
        remove::tree(&self.root, &name)?;
        let root = open(&self.root)?;
        fs::mkdirat(&root, &name, Mode::RWXU)?;
        let top = fs::openat(&root, &name, FOLDER, Mode::empty())?;
        give(&top, self.owner)?;
        Ok(Fresh { top, owner: self.owner, folders: Vec::new() })
    }

    /// Puts `token` into the configuration of a fresh folder, where it has one and says where tokens belong.
    pub async fn set_fresh_token(&self, restore: RestoreId, token: &Secret) -> io::Result<()> {
        let (root, owner, name, token) = (self.root.clone(), self.owner, name_of(restore), token.clone());
        blocking(move || {
            let state = Folder::open_root(&root, owner)?.folder(&name)?;
            let Some(bytes) = state.read(super::CONFIG, super::LARGEST_CONFIG)? else { return Ok(()) };
            let text = String::from_utf8(bytes).unwrap_or_default();
            match tokens_replaced(&text, token.expose()) {
                Some(new) => state.write(super::CONFIG, new.as_bytes()),
                None => Ok(()),
            }
        })
        .await
    }

    /// Gives the bot the fresh folder, in one step; the one before takes its name.
    pub async fn swap(&self, bot: BotId, restore: RestoreId) -> io::Result<()> {
        let (root, owner, bot) = (self.root.clone(), self.owner, bot.to_string());
        blocking(move || {
            let fresh = name_of(restore);
            let state = Folder::open_root(&root, owner)?.folder(&fresh)?;
            state.write(MARK, restore.to_string().as_bytes())?;
            let root = open(&root)?;
            fs::syncfs(&root)?;
            match fs::renameat_with(&root, &*fresh, &root, &*bot, RenameFlags::EXCHANGE) {
                Ok(()) => {}
                Err(Errno::NOENT) => {
                    fs::renameat_with(&root, &*fresh, &root, &*bot, RenameFlags::NOREPLACE)?;
                }
                Err(error) => return Err(error.into()),
            }
            Ok(fs::fsync(&root)?)
        })
        .await
    }

    /// Whether the bot has the folder of this restore.
    pub async fn has_swapped(&self, bot: BotId, restore: RestoreId) -> io::Result<bool> {
        let (root, owner, bot) = (self.root.clone(), self.owner, bot.to_string());
        blocking(move || {
            let top = Folder::open_root(&root, owner)?;
            if !top.has(&bot)? {
                return Ok(false);
            }
            // A bot may write this file itself: then only its own restore is taken for done.
            let mark = top.folder(&bot)?.read(MARK, 100)?;
            Ok(mark.is_some_and(|mark| mark == restore.to_string().as_bytes()))
        })
        .await
    }

    /// Removes what a restore leaves: its fresh folder or the one that it replaced, and the mark.
    pub async fn clear_restore(&self, bot: BotId, restore: RestoreId) -> io::Result<()> {
        let (root, bot) = (self.root.clone(), bot.to_string());
        blocking(move || {
            remove::tree(&root, &name_of(restore))?;
            match fs::openat(open(&root)?, bot, FOLDER, Mode::empty()) {
                Ok(state) => match fs::unlinkat(&state, MARK, AtFlags::empty()) {
                    Ok(()) | Err(Errno::NOENT | Errno::ISDIR) => Ok(()),
                    Err(error) => Err(error.into()),
                },
                Err(Errno::NOENT) => Ok(()),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }
}

fn name_of(restore: RestoreId) -> String {
    format!("{PREFIX}{restore}")
}

fn open(root: &Path) -> io::Result<OwnedFd> {
    Ok(fs::open(root, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
}

/// A fresh folder while it is filled.
#[derive(Debug)]
pub struct Fresh {
    top: OwnedFd,
    owner: Owner,
    /// Their rights and times are set once everything is in them.
    folders: Vec<(String, u32, u64)>,
}

impl Fresh {
    fn parent<'p>(&self, path: &'p str) -> io::Result<(OwnedFd, &'p str)> {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut at = self.top.try_clone()?;
        for folder in folders.split('/').filter(|folder| !folder.is_empty()) {
            at = fs::openat(&at, folder, FOLDER, Mode::empty())?;
        }
        Ok((at, name))
    }

    /// Sets rights and times of the folders, the innermost first.
    pub fn finish(self) -> io::Result<()> {
        for (path, mode, modified) in self.folders.iter().rev() {
            let (parent, name) = self.parent(path)?;
            let folder = fs::openat(&parent, name, FOLDER, Mode::empty())?;
            fs::futimens(&folder, &times(*modified))?;
            fs::fchmod(&folder, Mode::from_raw_mode(*mode & 0o777))?;
        }
        Ok(())
    }
}

impl Target for Fresh {
    fn folder(&mut self, entry: &Entry) -> io::Result<()> {
        let (parent, name) = self.parent(&entry.path)?;
        fs::mkdirat(&parent, name, Mode::RWXU)?;
        give(&fs::openat(&parent, name, FOLDER, Mode::empty())?, self.owner)?;
        self.folders.push((entry.path.clone(), entry.mode, entry.modified));
        Ok(())
    }

    fn file(&mut self, path: &str, mode: u32, modified: u64, content: &mut dyn Read) -> io::Result<()> {
        let (parent, name) = self.parent(path)?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
        let fd = fs::openat(&parent, name, flags, Mode::RUSR | Mode::WUSR)?;
        give(&fd, self.owner)?;
        let mut file = File::from(fd);
        io::copy(content, &mut file)?;
        fs::futimens(&file, &times(modified))?;
        fs::fchmod(&file, Mode::from_raw_mode(mode & 0o777))?;
        Ok(())
    }
}

fn times(modified: u64) -> Timestamps {
    let at = Timespec { tv_sec: i64::try_from(modified).unwrap_or(0), tv_nsec: 0 };
    Timestamps { last_access: at, last_modification: at }
}
