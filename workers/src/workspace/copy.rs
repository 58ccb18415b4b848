//! Taking a bot's folder over from another host's data folder.
//!
//! The bot filled it, so everything is opened relative to the folder it was found in and no link is followed; links are
//! copied as what they are. What is neither file, folder nor link (sockets of a process that is gone) stays behind. The
//! copy takes its name when it is whole.

use super::{Owner, Workspaces, blocking, remove};
use clawplane_domain::{BotId, HostId};
use rustix::{
    fs::{self, AtFlags, Dir, FileType, Gid, Mode, OFlags, Timestamps, Uid},
    io::Errno,
};
use std::{
    ffi::CStr,
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

/// Deepest folder: each level is an open file on both sides.
const DEEPEST: u32 = 128;
/// Most files and folders of one bot.
const ENTRIES: u64 = 5_000_000;

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::RDONLY).union(OFlags::CLOEXEC);

impl Workspaces {
    /// Removes what copies of `host`'s left that were cut off. None may be under way.
    pub async fn clear_cut_off(&self, host: HostId) -> io::Result<()> {
        let (root, beginning) = (self.root.clone(), format!(".taking-{host}-"));
        blocking(move || {
            for entry in std::fs::read_dir(&root)? {
                let name = entry?.file_name();
                if let Some(name) = name.to_str().filter(|name| name.starts_with(&beginning)) {
                    remove::tree(&root, name)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Copies `bot`'s folder from `there`, in the place of whatever is here of it. `host` is the one that takes it. A bot
    /// that never had a folder has none afterwards.
    pub async fn take(&self, there: &Self, bot: BotId, host: HostId) -> io::Result<()> {
        let (from, to, owner) = (there.root.clone(), self.root.clone(), self.owner);
        let (name, temporary) = (bot.to_string(), format!(".taking-{host}-{bot}"));
        blocking(move || {
            remove::tree(&to, &temporary)?;
            if !copy_to(&from, &name, &to, &temporary, owner)? {
                return Ok(());
            }
            remove::tree(&to, &name)?;
            let to = open_trusted(&to)?;
            fs::renameat(&to, &*temporary, &to, &*name)?;
            Ok(fs::fsync(&to)?)
        })
        .await
    }
}

/// `false`: there is nothing to copy.
fn copy_to(from: &Path, name: &str, to: &Path, temporary: &str, owner: Owner) -> io::Result<bool> {
    let (from, to) = (open_trusted(from)?, open_trusted(to)?);
    let source = match fs::openat(&from, name, FOLDER, Mode::empty()) {
        Ok(source) => source,
        Err(Errno::NOENT) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let copy = make_folder(&to, temporary)?;
    Copying { owner, entries: 0 }.folder(&source, copy.as_fd(), 0)?;
    finish(&copy, &fs::fstat(&source)?, owner)?;
    Ok(true)
}

fn open_trusted(path: &Path) -> io::Result<OwnedFd> {
    Ok(fs::open(path, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
}

struct Copying {
    owner: Owner,
    entries: u64,
}

impl Copying {
    fn folder(&mut self, source: &OwnedFd, copy: BorrowedFd<'_>, depth: u32) -> io::Result<()> {
        if depth > DEEPEST {
            return Err(io::Error::other(format!("folders are nested deeper than {DEEPEST}")));
        }
        for entry in Dir::read_from(source)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            self.entries += 1;
            if self.entries > ENTRIES {
                return Err(io::Error::other(format!("there are more than {ENTRIES} files")));
            }
            let about = fs::statat(source, name, AtFlags::SYMLINK_NOFOLLOW)?;
            match FileType::from_raw_mode(about.st_mode) {
                FileType::Directory => {
                    let inner = fs::openat(source, name, FOLDER, Mode::empty())?;
                    let made = make_folder(copy, name)?;
                    self.folder(&inner, made.as_fd(), depth + 1)?;
                    // Not before: it may take away the right to write.
                    finish(&made, &fs::fstat(&inner)?, self.owner)?;
                }
                FileType::RegularFile => self.file(source, copy, name)?,
                FileType::Symlink => {
                    let target = fs::readlinkat(source, name, Vec::new())?;
                    fs::symlinkat(&*target, copy, name)?;
                    let (uid, gid) = (Uid::from_raw(self.owner.uid), Gid::from_raw(self.owner.gid));
                    give(fs::chownat(copy, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&self, source: &OwnedFd, copy: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
        // Not waiting: somebody may put a pipe in a file's place.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut from = File::from(fs::openat(source, name, flags, Mode::empty())?);
        let about = fs::fstat(&from)?;
        if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
            return Ok(());
        }
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
        let mut to = File::from(fs::openat(copy, name, flags, Mode::from_raw_mode(0o600))?);
        io::copy(&mut from, &mut to)?;
        finish(&to, &about, self.owner)?;
        to.sync_data()
    }
}

fn make_folder(parent: impl AsFd, name: impl rustix::path::Arg + Copy) -> io::Result<OwnedFd> {
    fs::mkdirat(&parent, name, Mode::RWXU)?;
    Ok(fs::openat(&parent, name, FOLDER, Mode::empty())?)
}

/// Owner, mode without set-user-id and its like, and times.
fn finish(made: impl AsFd, like: &fs::Stat, owner: Owner) -> io::Result<()> {
    give(fs::fchown(&made, Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid))))?;
    fs::fchmod(&made, Mode::from_raw_mode(like.st_mode & 0o777))?;
    let time = |sec, nsec: u64| fs::Timespec { tv_sec: sec, tv_nsec: nsec.try_into().unwrap_or(0) };
    let times = Timestamps {
        last_access: time(like.st_atime, like.st_atime_nsec),
        last_modification: time(like.st_mtime, like.st_mtime_nsec),
    };
    Ok(fs::futimens(&made, &times)?)
}

/// Where nothing can be given away it is its owner's already.
fn give(done: Result<(), Errno>) -> io::Result<()> {
    match done {
        Err(Errno::PERM) if !rustix::process::geteuid().is_root() => Ok(()),
        other => Ok(other?),
    }
}
