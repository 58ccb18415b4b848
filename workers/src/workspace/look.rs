//! Looking at bots' folders without changing anything in them: who owns them, what they hold, how much that is.

use super::{CONFIG, LARGEST_CONFIG, Owner, Workspaces, blocking};
use clawplane_domain::{BotId, Timestamp};
use rustix::{
    fs::{self, AtFlags, Dir, FileType, Mode, OFlags, Stat},
    io::Errno,
    path::Arg,
};
use std::{
    ffi::CString,
    fs::File,
    io::{self, Read},
    os::fd::OwnedFd,
};

/// Entries of one folder, all levels together, that are counted.
const ENTRIES: u64 = 500_000;
/// Levels of folders that are gone into: each is an open file while it is.
const DEPTH: usize = 128;
/// Folders that are listed.
const FOLDERS: usize = 100_000;

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::RDONLY).union(OFlags::CLOEXEC);

/// How much a bot's folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Bytes on the disk.
    pub bytes: u64,
    /// Files, folders and everything else.
    pub entries: u64,
    /// All of it was counted: it is not absurdly many or deep.
    pub complete: bool,
}

/// The owner and the rights of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Whose it is.
    pub owner: Owner,
    /// The permission bits.
    pub mode: u32,
}

/// A bot's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderSeen {
    /// Its own rights.
    pub rights: Rights,
    /// Those of `openclaw.json`, with its content; `None` where there is none.
    pub config: Option<(Rights, Vec<u8>)>,
}

/// A folder that is named as a bot's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The bot.
    pub bot: BotId,
    /// When something last changed in it.
    pub changed: Option<Timestamp>,
}

/// What the disk that the folders are on has, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// All of it.
    pub total: u64,
    /// What can still be written.
    pub free: u64,
}

impl Workspaces {
    /// A bot's folder; `None` where it has none. A link in its place, or in its configuration's, is an error.
    pub async fn look(&self, bot: BotId) -> io::Result<Option<FolderSeen>> {
        let root = self.root.clone();
        blocking(move || {
            let root = open_root(&root)?;
            let folder = match fs::openat(&root, bot.to_string(), FOLDER, Mode::empty()) {
                Ok(folder) => folder,
                Err(Errno::NOENT) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let config = config(&folder)?;
            Ok(Some(FolderSeen { rights: rights(&fs::fstat(&folder)?), config }))
        })
        .await
    }

    /// How much a bot's folder holds; nothing where it has none.
    pub async fn measure(&self, bot: BotId) -> io::Result<Usage> {
        let root = self.root.clone();
        // One at a time: it is work for the disk, and nobody waits for it.
        let _turn = self.measuring.acquire().await.map_err(io::Error::other)?;
        blocking(move || walk(&open_root(&root)?, bot)).await
    }

    /// The folders that are named as bots' are; nothing else in the data folder is looked at.
    pub async fn folders(&self) -> io::Result<Vec<Named>> {
        let root = self.root.clone();
        blocking(move || {
            let root = open_root(&root)?;
            let mut named = Vec::new();
            for entry in Dir::read_from(&root)?.take(FOLDERS) {
                let entry = entry?;
                let Some(bot) = bot_of(entry.file_name()) else { continue };
                let Ok(stat) = fs::statat(&root, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) else {
                    continue;
                };
                let changed = chrono::DateTime::from_timestamp(stat.st_mtime.max(stat.st_ctime), 0);
                named.push(Named { bot, changed });
            }
            Ok(named)
        })
        .await
    }

    /// What the disk has that the folders are on.
    pub async fn disk(&self) -> io::Result<Disk> {
        let root = self.root.clone();
        blocking(move || {
            let seen = fs::statvfs(&root)?;
            let bytes = |blocks: u64| blocks.saturating_mul(seen.f_frsize);
            Ok(Disk { total: bytes(seen.f_blocks), free: bytes(seen.f_bavail) })
        })
        .await
    }
}

fn open_root(root: &std::path::Path) -> io::Result<OwnedFd> {
    Ok(fs::open(root, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Only the one spelling that the platform uses.
fn bot_of(name: &std::ffi::CStr) -> Option<BotId> {
    let name = name.to_str().ok()?;
    name.parse().ok().filter(|bot: &BotId| bot.to_string() == name)
}

fn rights(stat: &Stat) -> Rights {
    Rights { owner: Owner { uid: stat.st_uid, gid: stat.st_gid }, mode: stat.st_mode & 0o7777 }
}

fn config(folder: &OwnedFd) -> io::Result<Option<(Rights, Vec<u8>)>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match fs::openat(folder, CONFIG, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => return Err(io::Error::other(format!("{CONFIG} is a link"))),
        Err(error) => return Err(error.into()),
    };
    let stat = fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(io::Error::other(format!("{CONFIG} is no file")));
    }
    let mut content = Vec::new();
    File::from(file).take(LARGEST_CONFIG + 1).read_to_end(&mut content)?;
    if content.len() as u64 > LARGEST_CONFIG {
        return Err(io::Error::other(format!("{CONFIG} is too large")));
    }
    Ok(Some((rights(&stat), content)))
}

/// Without recursion and without following a link. What goes away meanwhile does not count.
fn walk(root: &OwnedFd, bot: BotId) -> io::Result<Usage> {
    let mut usage = Usage { bytes: 0, entries: 0, complete: true };
    let top = match fs::openat(root, bot.to_string(), FOLDER, Mode::empty()) {
        Ok(top) => top,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(usage),
        Err(error) => return Err(error.into()),
    };
    let inside = count(&top, &mut usage)?;
    let mut levels = vec![(top, inside)];
    while let Some((folder, names)) = levels.last_mut() {
        let Some(name) = names.pop() else {
            levels.pop();
            continue;
        };
        let Some(next) = open_if_there(folder, &*name)? else { continue };
        if levels.len() >= DEPTH {
            usage.complete = false;
            continue;
        }
        let inside = count(&next, &mut usage)?;
        levels.push((next, inside));
        if usage.entries > ENTRIES {
            usage.complete = false;
            break;
        }
    }
    Ok(usage)
}

/// A folder that its owner has closed even to us is counted as empty: only where we are not root does that happen.
fn open_if_there(folder: &OwnedFd, name: impl Arg) -> io::Result<Option<OwnedFd>> {
    match fs::openat(folder, name, FOLDER, Mode::empty()) {
        Ok(next) => Ok(Some(next)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Adds what is in a folder, and gives the folders in it.
fn count(folder: &OwnedFd, usage: &mut Usage) -> io::Result<Vec<CString>> {
    let mut folders = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        usage.entries += 1;
        if usage.entries > ENTRIES {
            usage.complete = false;
            break;
        }
        let Ok(stat) = fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        // Blocks of 512 bytes, whatever the file system's own are (stat(2)).
        usage.bytes =
            usage.bytes.saturating_add(u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512));
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            folders.push(name.to_owned());
        }
    }
    Ok(folders)
}

#[cfg(test)]
mod tests;
