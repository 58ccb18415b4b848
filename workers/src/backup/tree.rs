//! A folder that its bot may have filled with anything, read: every step is opened relative to the one before, and no
//! link is followed. Regular files and folders are shown, in the order of their names; the rest is only named.

use super::BackupError;
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{self, AtFlags, Dir, FileType, Mode, OFlags, Stat},
    io::Errno,
};
use std::{
    ffi::{CStr, CString},
    fs::File,
    io::{self, Read},
};

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::RDONLY).union(OFlags::CLOEXEC);
/// Never blocks, whatever took the file's place since it was looked at.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
/// What the platform writes beside a file before that takes its name.
const TEMPORARY: &CStr = c".clawplane.tmp";

/// An open folder.
#[derive(Debug)]
pub struct Tree(OwnedFd);

/// What is in a folder. Paths are relative to the tree.
#[derive(Debug)]
pub enum Found<'a> {
    /// A folder; what is in it follows.
    Folder {
        /// Where.
        path: &'a str,
        /// Its rights.
        mode: u32,
        /// When it was changed, in seconds since 1970.
        modified: u64,
    },
    /// A regular file.
    File {
        /// Where.
        path: &'a str,
        /// Its rights.
        mode: u32,
        /// When it was changed, in seconds since 1970.
        modified: u64,
        /// Bytes.
        size: u64,
        /// The way to its content.
        file: FileAt<'a>,
    },
    /// Anything else.
    Other {
        /// Where; what is no UTF-8 in it is replaced.
        path: String,
        /// What it is.
        kind: &'static str,
    },
}

/// A file that was seen and not opened.
#[derive(Debug)]
pub struct FileAt<'a> {
    folder: BorrowedFd<'a>,
    name: &'a CStr,
}

impl FileAt<'_> {
    /// Opens it; an error if it is no regular file any more.
    pub(crate) fn open(&self) -> io::Result<File> {
        let file = File::from(fs::openat(self.folder, self.name, FILE, Mode::empty())?);
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(io::Error::other("a file was replaced while it was read")),
        }
    }
}

/// Reads so many bytes and one more if there is one, so that a file that grew is noticed.
pub(crate) struct Exactly<R>(io::Take<R>);

impl<R: Read> Exactly<R> {
    pub(crate) fn new(inner: R, size: u64) -> Self {
        Self(inner.take(size.saturating_add(1)))
    }
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }
}

type Visit<'v> = dyn FnMut(Found<'_>) -> Result<(), BackupError> + 'v;

impl Tree {
    /// Of an open folder.
    pub(crate) fn new(folder: OwnedFd) -> Self {
        Self(folder)
    }

    /// Shows everything in it to `visit`, at most `depth` folders deep and with paths of at most `longest` bytes.
    pub fn walk(&self, depth: usize, longest: usize, visit: &mut Visit<'_>) -> Result<(), BackupError> {
        Walk { depth, longest, visit }.folder(self.0.as_fd(), "", 1)
    }
}

struct Walk<'w, 'v> {
    depth: usize,
    longest: usize,
    visit: &'w mut Visit<'v>,
}

impl Walk<'_, '_> {
    /// As deep as `depth` allows: recursion is bounded, and so are open folders.
    fn folder(&mut self, folder: BorrowedFd<'_>, path: &str, level: usize) -> Result<(), BackupError> {
        if level > self.depth {
            return Err(BackupError::TooLarge(format!("folders are nested more than {} deep", self.depth)));
        }
        for name in names(folder)? {
            let stat = match fs::statat(folder, &*name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                // It went away meanwhile: then it is not part of what is there.
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(io::Error::from(error).into()),
            };
            self.entry(folder, path, &name, &stat, level)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        folder: BorrowedFd<'_>,
        path: &str,
        name: &CStr,
        stat: &Stat,
        level: usize,
    ) -> Result<(), BackupError> {
        let shown = name.to_string_lossy();
        let path = if path.is_empty() { shown.clone().into_owned() } else { format!("{path}/{shown}") };
        if path.len() > self.longest {
            return Err(BackupError::TooLarge(format!("a path has more than {} bytes", self.longest)));
        }
        if name.to_str().is_err() {
            return (self.visit)(Found::Other { path, kind: "its name is not UTF-8" });
        }
        let mode = Mode::from_raw_mode(stat.st_mode).bits() & 0o777;
        let modified = u64::try_from(stat.st_mtime).unwrap_or(0);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                (self.visit)(Found::Folder { path: &path, mode, modified })?;
                let inner = fs::openat(folder, name, FOLDER, Mode::empty()).map_err(io::Error::from)?;
                self.folder(inner.as_fd(), &path, level + 1)
            }
            FileType::RegularFile => {
                let size = u64::try_from(stat.st_size).unwrap_or(0);
                let file = FileAt { folder, name };
                (self.visit)(Found::File { path: &path, mode, modified, size, file })
            }
            FileType::Symlink => (self.visit)(Found::Other { path, kind: "link" }),
            FileType::Socket => (self.visit)(Found::Other { path, kind: "socket" }),
            FileType::Fifo => (self.visit)(Found::Other { path, kind: "pipe" }),
            _ => (self.visit)(Found::Other { path, kind: "device" }),
        }
    }
}

/// In order, so that the same folder gives the same archive.
fn names(folder: BorrowedFd<'_>) -> Result<Vec<CString>, BackupError> {
    /// A folder with more than this is over every limit.
    const MOST: usize = 1_000_000;
    let mut names = Vec::new();
    for entry in Dir::read_from(folder).map_err(io::Error::from)? {
        let entry = entry.map_err(io::Error::from)?;
        let name = entry.file_name();
        if name == c"." || name == c".." || name == TEMPORARY {
            continue;
        }
        if names.len() == MOST {
            return Err(BackupError::TooLarge(format!("a folder has more than {MOST} entries")));
        }
        names.push(name.to_owned());
    }
    names.sort_unstable();
    Ok(names)
}
