//! How much a folder that somebody else filled takes on the disk, counted within bounds.

use rustix::{
    fs::{self, AtFlags, Dir, FileType, Mode, OFlags},
    io::Errno,
};
use std::{collections::VecDeque, ffi::CString, io, os::fd::OwnedFd, path::Path};

/// Most entries that are looked at.
const ENTRIES: usize = 200_000;
/// Most folders that are open or wait to be.
const FOLDERS: usize = 256;
/// Deepest folder that is looked into.
const DEPTH: usize = 64;
/// `st_blocks` counts in these, whatever the file system's own are (POSIX).
const BLOCK: u64 = 512;

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::RDONLY).union(OFlags::CLOEXEC);

/// What a folder takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// On the disk.
    pub bytes: u64,
    /// There was more than was counted.
    pub is_more: bool,
}

/// Of `name` in the platform's own folder `root`. Nothing there is nothing.
pub(super) fn of(root: &Path, name: &str) -> io::Result<Size> {
    let root = fs::open(root, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let top = match fs::openat(&root, name, FOLDER, Mode::empty()) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(Size::default()),
        Err(error) => return Err(error.into()),
    };
    let mut count = Count { size: Size::default(), entries: 0 };
    let mut open = VecDeque::from([(top, 0)]);
    while let Some((folder, depth)) = open.pop_back() {
        let inner = count.look(&folder)?;
        for name in inner {
            if depth + 1 >= DEPTH || open.len() >= FOLDERS {
                count.size.is_more = true;
                break;
            }
            // It may be gone by now, or be a link.
            if let Ok(inner) = fs::openat(&folder, &*name, FOLDER, Mode::empty()) {
                open.push_back((inner, depth + 1));
            }
        }
    }
    Ok(count.size)
}

struct Count {
    size: Size,
    entries: usize,
}

impl Count {
    /// Counts what is in a folder and gives the folders in it.
    fn look(&mut self, folder: &OwnedFd) -> io::Result<Vec<CString>> {
        let mut inner = Vec::new();
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            self.entries += 1;
            if self.entries > ENTRIES {
                self.size.is_more = true;
                break;
            }
            let Ok(stat) = fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            self.size.bytes =
                self.size.bytes.saturating_add(u64::try_from(stat.st_blocks).unwrap_or(0) * BLOCK);
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                inner.push(name.to_owned());
            }
        }
        Ok(inner)
    }
}
