//! The files of a bot's workspace, for people: listed, read, written, removed.
//!
//! The bot may put anything there at any moment, so a way is walked folder by folder, each opened relative to the one
//! before and never through a link, and nothing but a regular file is opened.

use super::{Workspaces, blocking, files::Folder};
use clawplane_domain::{BotId, openclaw::WorkspacePath};
use rustix::{
    fs::{self, AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, Stat},
    io::Errno,
};
use std::{
    fs::File,
    io::{self, Write},
    os::fd::OwnedFd,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

/// Most entries of a folder that are told.
pub const MAX_ENTRIES: usize = 1000;
/// Files that are being written have names like this, which nobody else can ask for.
const UNDER_WAY: &str = ".clawplane.";

/// Why something cannot be done to a file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Nothing is there, or a link is on the way.
    #[error("there is no such file")]
    Missing,
    /// Something is there that is not what was asked for: a folder, a link, a device.
    #[error("it is not a {wanted}")]
    Other {
        /// What it should have been.
        wanted: &'static str,
    },
    /// Somebody has changed it meanwhile.
    #[error("it was changed meanwhile")]
    Changed,
    /// No room on the disk, no rights, a broken disk.
    #[error("the bot's folder cannot be used")]
    Io(#[from] io::Error),
}

impl From<Errno> for FileError {
    fn from(error: Errno) -> Self {
        match error {
            // The last two: a link, or a file, where a folder should be.
            Errno::NOENT | Errno::LOOP | Errno::NOTDIR => Self::Missing,
            Errno::NXIO | Errno::NODEV | Errno::ISDIR => Self::Other { wanted: "file" },
            error => Self::Io(error.into()),
        }
    }
}

/// What something in a workspace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, which nothing here follows.
    Link,
    /// A pipe, a socket, a device.
    Other,
}

/// What is known of something in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in its folder.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of a file; 0 for all else.
    pub size: u64,
    /// When it was changed last.
    pub modified: SystemTime,
    /// Other than before whenever the file is another one.
    pub etag: String,
}

/// What is in a folder, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// At most [`MAX_ENTRIES`].
    pub entries: Vec<Entry>,
    /// There are more, or some whose names are no text.
    pub incomplete: bool,
}

/// What a file has to be before it is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever it is.
    Anything,
    /// Not there.
    Nothing,
    /// There, with one of these etags; any, when empty.
    Etag(Vec<String>),
}

impl Expected {
    fn holds(&self, present: Option<&Entry>) -> Result<(), FileError> {
        let holds = match (self, present) {
            (Self::Anything, _) | (Self::Nothing, None) => true,
            (Self::Etag(etags), Some(there)) => etags.is_empty() || etags.contains(&there.etag),
            (Self::Nothing, Some(_)) | (Self::Etag(_), None) => false,
        };
        if holds { Ok(()) } else { Err(FileError::Changed) }
    }
}

impl Workspaces {
    /// What is in a folder of the workspace. A workspace that was never made is empty.
    pub async fn list(&self, bot: BotId, path: WorkspacePath) -> Result<Listing, FileError> {
        self.browse(bot, move |bots| {
            let top = bots.existing()?;
            let Some(top) = top else {
                return if path.steps().is_empty() {
                    Ok(Listing::default())
                } else {
                    Err(FileError::Missing)
                };
            };
            list(&descend(top, path.steps())?)
        })
        .await
    }

    /// Opens a file for reading.
    pub async fn open(&self, bot: BotId, path: WorkspacePath) -> Result<(Entry, File), FileError> {
        self.browse(bot, move |bots| {
            let (folders, name) = path.split_last().ok_or(FileError::Other { wanted: "file" })?;
            let folder = descend(bots.existing()?.ok_or(FileError::Missing)?, folders)?;
            // Not waiting: a pipe would wait for whoever writes into it.
            let flags =
                OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
            let fd = match fs::openat(&folder, name, flags, Mode::empty()) {
                Err(Errno::LOOP) => return Err(FileError::Other { wanted: "file" }),
                other => other?,
            };
            let entry = entry(name.to_owned(), &fs::fstat(&fd)?);
            if entry.kind != EntryKind::File {
                return Err(FileError::Other { wanted: "file" });
            }
            Ok((entry, File::from(fd)))
        })
        .await
    }

    /// Writes a file at once: whoever reads it sees all of the old content or all of the new one. Missing folders are made.
    pub async fn put(
        &self,
        bot: BotId,
        path: WorkspacePath,
        content: Vec<u8>,
        expected: Expected,
    ) -> Result<Entry, FileError> {
        self.browse(bot, move |bots| {
            let (folders, name) = path.split_last().ok_or(FileError::Other { wanted: "file" })?;
            let mut folder = bots.made()?;
            for step in folders {
                folder = folder.folder(step).map_err(|_| FileError::Other { wanted: "folder" })?;
            }
            let present = look(folder.fd(), name)?;
            let usable = present.as_ref().is_none_or(|(there, _)| there.kind == EntryKind::File);
            if !usable {
                return Err(FileError::Other { wanted: "file" });
            }
            expected.holds(present.as_ref().map(|(there, _)| there))?;
            let mode = present.map_or(0o600, |(_, mode)| mode & 0o777);
            replace(&folder, name, &content, mode, expected == Expected::Nothing)?;
            let (written, _) = look(folder.fd(), name)?.ok_or(FileError::Changed)?;
            Ok(written)
        })
        .await
    }

    /// Whether a file could be changed as expected now.
    pub async fn expect(
        &self,
        bot: BotId,
        path: WorkspacePath,
        expected: Expected,
    ) -> Result<Option<Entry>, FileError> {
        self.browse(bot, move |bots| {
            let (folders, name) = path.split_last().ok_or(FileError::Other { wanted: "file" })?;
            let found = match bots.existing()?.map(|top| descend(top, folders)) {
                None | Some(Err(FileError::Missing)) => None,
                Some(folder) => look(&folder?, name)?,
            };
            let found = found.map(|(entry, _)| entry);
            if found.as_ref().is_some_and(|found| found.kind != EntryKind::File) {
                return Err(FileError::Other { wanted: "file" });
            }
            expected.holds(found.as_ref())?;
            Ok(found)
        })
        .await
    }

    /// Removes a file; folders and all else stay.
    pub async fn delete(&self, bot: BotId, path: WorkspacePath, expected: Expected) -> Result<(), FileError> {
        self.browse(bot, move |bots| {
            let (folders, name) = path.split_last().ok_or(FileError::Other { wanted: "file" })?;
            let folder = descend(bots.existing()?.ok_or(FileError::Missing)?, folders)?;
            let (found, _) = look(&folder, name)?.ok_or(FileError::Missing)?;
            if found.kind == EntryKind::Folder {
                return Err(FileError::Other { wanted: "file" });
            }
            expected.holds(Some(&found))?;
            Ok(fs::unlinkat(&folder, name, AtFlags::empty())?)
        })
        .await
    }

    async fn browse<T: Send + 'static>(
        &self,
        bot: BotId,
        work: impl FnOnce(&Top) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, FileError> {
        let top = Top { workspaces: self.clone(), name: bot.to_string() };
        blocking(move || Ok(work(&top))).await?
    }
}

/// Where a bot's workspace is.
struct Top {
    workspaces: Workspaces,
    name: String,
}

impl Top {
    fn bots(&self) -> io::Result<Folder> {
        Folder::open_root(&self.workspaces.root, self.workspaces.owner)
    }

    fn existing(&self) -> io::Result<Option<OwnedFd>> {
        let Some(state) = self.bots()?.existing(&self.name)? else { return Ok(None) };
        Ok(state.existing(super::WORKSPACE)?.map(Folder::into_fd))
    }

    fn made(&self) -> io::Result<Folder> {
        self.bots()?.folder(&self.name)?.folder(super::WORKSPACE)
    }
}

fn descend(top: OwnedFd, folders: &[String]) -> Result<OwnedFd, FileError> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    folders.iter().try_fold(top, |folder, name| Ok(fs::openat(&folder, name.as_str(), flags, Mode::empty())?))
}

fn look(folder: &OwnedFd, name: &str) -> Result<Option<(Entry, u32)>, FileError> {
    match fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some((entry(name.to_owned(), &stat), stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn list(folder: &OwnedFd) -> Result<Listing, FileError> {
    let mut listing = Listing::default();
    for found in Dir::read_from(folder)? {
        let found = found?;
        let Ok(name) = found.file_name().to_str() else {
            listing.incomplete = true;
            continue;
        };
        if matches!(name, "." | "..") || name.starts_with(UNDER_WAY) {
            continue;
        }
        if listing.entries.len() == MAX_ENTRIES {
            listing.incomplete = true;
            break;
        }
        // It may be gone by now.
        listing.entries.extend(look(folder, name)?.map(|(entry, _)| entry));
    }
    listing.entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(listing)
}

fn entry(name: String, stat: &Stat) -> Entry {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Folder,
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Other,
    };
    let size = if kind == EntryKind::File { u64::try_from(stat.st_size).unwrap_or(0) } else { 0 };
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    let nanos = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
    let modified = SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos.min(999_999_999)));
    Entry {
        name,
        kind,
        size,
        modified: modified.unwrap_or(SystemTime::UNIX_EPOCH),
        // Whoever writes changes the time, whoever replaces the number.
        etag: format!("{:x}-{size:x}-{seconds:x}.{nanos:x}", stat.st_ino),
    }
}

fn replace(folder: &Folder, name: &str, content: &[u8], mode: u32, only_new: bool) -> Result<(), FileError> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // Several may write into the same folder at the same time.
    let temporary = format!("{UNDER_WAY}{}.{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let written = folder.create(&temporary, mode).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    let flags = if only_new { RenameFlags::NOREPLACE } else { RenameFlags::empty() };
    let renamed = written.map_err(FileError::from).and_then(|()| {
        fs::renameat_with(folder.fd(), temporary.as_str(), folder.fd(), name, flags).map_err(|error| {
            match error {
                Errno::EXIST => FileError::Changed,
                error => error.into(),
            }
        })
    });
    if renamed.is_err() {
        let _ = fs::unlinkat(folder.fd(), temporary.as_str(), AtFlags::empty());
    }
    renamed?;
    Ok(fs::fsync(folder.fd())?)
}

#[cfg(test)]
mod tests;
