//! Folders that somebody else may have filled: files relative to an open folder, never through a symbolic link.

use super::Owner;
use rustix::{
    fs::{self, AtFlags, Gid, Mode, OFlags, RenameFlags, Uid},
    io::Errno,
};
use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::OwnedFd,
    path::Path,
};

const DIRECTORY: Mode = Mode::from_raw_mode(0o700);
const FILE: Mode = Mode::from_raw_mode(0o600);
/// No name of OpenClaw's; a leftover of a crash is overwritten.
const TEMPORARY: &str = ".clawplane.tmp";

/// An open folder, whose files get an owner.
pub(super) struct Folder {
    fd: OwnedFd,
    owner: Owner,
}

impl Folder {
    /// The platform's own folder, whose path is trusted.
    pub(super) fn open_root(path: &Path, owner: Owner) -> io::Result<Self> {
        let fd = fs::open(path, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { fd, owner })
    }

    /// The folder `name` in this one, made if need be, with its owner and 0700. A link of that name is an error.
    pub(super) fn folder(&self, name: &str) -> io::Result<Self> {
        match fs::mkdirat(&self.fd, name, DIRECTORY) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let fd = fs::openat(&self.fd, name, flags, Mode::empty())
            .map_err(|error| io::Error::new(error.kind(), format!("{name} is not a folder: {error}")))?;
        give(&fd, self.owner)?;
        fs::fchmod(&fd, DIRECTORY)?;
        Ok(Self { fd, owner: self.owner })
    }

    /// The folder `name` in this one, as it is; `None` if there is no such folder. A link of that name is none.
    pub(super) fn existing(&self, name: &str) -> io::Result<Option<Self>> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        match fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(Self { fd, owner: self.owner })),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives what is called `from` the name `to`, which nothing may have. Whether there was anything.
    pub(super) fn rename_missing(&self, from: &str, to: &str) -> io::Result<bool> {
        match fs::renameat_with(&self.fd, from, &self.fd, to, RenameFlags::NOREPLACE) {
            Ok(()) => {
                fs::fsync(&self.fd)?;
                Ok(true)
            }
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether there is anything of that name, a dangling link included.
    pub(super) fn has(&self, name: &str) -> io::Result<bool> {
        match fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The content of a file of at most `most` bytes; `None` if there is no such file. Anything else of that name, a
    /// link included, is an error.
    pub(super) fn read(&self, name: &str, most: u64) -> io::Result<Option<Vec<u8>>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let about = file.metadata()?;
        if !about.is_file() || about.len() > most {
            return Err(io::Error::other(format!("{name} is no file of at most {most} bytes")));
        }
        let mut content = Vec::new();
        file.take(most).read_to_end(&mut content)?;
        Ok(Some(content))
    }

    /// Writes a file at once: whoever reads `name` sees the old text or the new one. A link of that name is replaced.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        self.temporary(content)?;
        fs::renameat(&self.fd, TEMPORARY, &self.fd, name)?;
        fs::fsync(&self.fd)?;
        Ok(())
    }

    /// As [`Folder::write`], unless the file has just this content.
    pub(super) fn write_changed(&self, name: &str, content: &[u8]) -> io::Result<()> {
        match self.read(name, content.len() as u64) {
            Ok(Some(there)) if there == content => Ok(()),
            _ => self.write(name, content),
        }
    }

    /// As [`Folder::write`], unless there is anything of that name.
    pub(super) fn write_missing(&self, name: &str, content: &[u8]) -> io::Result<()> {
        if self.has(name)? {
            return Ok(());
        }
        self.temporary(content)?;
        match fs::renameat_with(&self.fd, TEMPORARY, &self.fd, name, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => Ok(fs::unlinkat(&self.fd, TEMPORARY, AtFlags::empty())?),
            Err(error) => Err(error.into()),
        }
    }

    fn temporary(&self, content: &[u8]) -> io::Result<()> {
        match fs::unlinkat(&self.fd, TEMPORARY, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let mut file = self.create(TEMPORARY, FILE.as_raw_mode())?;
        file.write_all(content)?;
        file.sync_all()
    }

    /// A new file of that name, empty, with its owner.
    pub(super) fn create(&self, name: &str, mode: u32) -> io::Result<File> {
        // Exclusive: what is opened here was made here, whatever anybody puts in its place meanwhile.
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
        let fd = fs::openat(&self.fd, name, flags, FILE)?;
        give(&fd, self.owner)?;
        fs::fchmod(&fd, Mode::from_raw_mode(mode))?;
        Ok(File::from(fd))
    }

    /// For what this type has no word for.
    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// The folder itself.
    pub(super) fn into_fd(self) -> OwnedFd {
        self.fd
    }
}

/// Gives a file away, where we can; where we cannot, it is its owner's already.
pub(super) fn give(fd: &OwnedFd, owner: Owner) -> io::Result<()> {
    let stat = fs::fstat(fd)?;
    if (stat.st_uid, stat.st_gid) == (owner.uid, owner.gid) {
        return Ok(());
    }
    fs::fchown(fd, Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid)))?;
    Ok(())
}
