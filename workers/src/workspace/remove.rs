//! Removing a folder that somebody else filled.
//!
//! Without recursion: a bot may nest folders deeper than our stack or our file descriptors reach. Folders are emptied
//! by moving what is in them up to the top, one level at a time. Links are removed, never followed.

use rustix::{
    fs::{self, AtFlags, Dir, FileType, Mode, OFlags, RenameFlags},
    io::Errno,
    path::Arg,
};
use std::{
    ffi::{CStr, CString},
    io,
    os::fd::OwnedFd,
    path::Path,
};

/// Entries that are held in memory at a time.
const BATCH: usize = 10_000;

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::RDONLY).union(OFlags::CLOEXEC);

/// Removes `name` in the platform's own folder `root`.
pub(super) fn tree(root: &Path, name: &str) -> io::Result<()> {
    let root = fs::open(root, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let top = match open_folder(&root, name) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => return Ok(fs::unlinkat(&root, name, AtFlags::empty())?),
        Err(error) => return Err(error.into()),
    };
    // Names for what is moved up; the bot's own cannot collide with them, since those are removed or moved before.
    let mut moved = 0_u64;
    loop {
        let entries = entries(&top)?;
        if entries.is_empty() {
            break;
        }
        for (entry, is_folder) in entries {
            if !is_folder {
                fs::unlinkat(&top, &*entry, AtFlags::empty())?;
                continue;
            }
            let folder = open_folder(&top, &*entry)?;
            while empty(&folder, &top, &mut moved)? {}
            fs::unlinkat(&top, &*entry, AtFlags::REMOVEDIR)?;
        }
    }
    fs::unlinkat(&root, name, AtFlags::REMOVEDIR)?;
    Ok(())
}

/// Removes files in `folder` and moves its folders to `top`. Whether there was anything.
fn empty(folder: &OwnedFd, top: &OwnedFd, moved: &mut u64) -> io::Result<bool> {
    let entries = entries(folder)?;
    let found = !entries.is_empty();
    for (entry, is_folder) in entries {
        if !is_folder {
            fs::unlinkat(folder, &*entry, AtFlags::empty())?;
            continue;
        }
        // Moving a folder changes its `..`, which needs the right to write to it.
        open_folder(folder, &*entry)?;
        move_up(folder, &entry, top, moved)?;
    }
    Ok(found)
}

/// Moves a folder to `top` under a name that nothing has there. (The bot may have guessed some.)
fn move_up(folder: &OwnedFd, entry: &CStr, top: &OwnedFd, moved: &mut u64) -> io::Result<()> {
    loop {
        let name = format!(".clawplane-removed-{moved}");
        *moved += 1;
        match fs::renameat_with(folder, entry, top, name, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The next entries of a folder, and whether they are folders.
fn entries(folder: &OwnedFd) -> io::Result<Vec<(CString, bool)>> {
    let mut found = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => kind(folder, name)?,
            known => known,
        };
        found.push((name.to_owned(), kind == FileType::Directory));
        if found.len() == BATCH {
            break;
        }
    }
    Ok(found)
}

fn kind(folder: &OwnedFd, name: impl Arg) -> Result<FileType, Errno> {
    Ok(FileType::from_raw_mode(fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode))
}

/// Opens a folder, and takes every right to it.
fn open_folder(parent: &OwnedFd, name: impl Arg + Copy) -> Result<OwnedFd, Errno> {
    let folder = match fs::openat(parent, name, FOLDER, Mode::empty()) {
        // It took away its own rights; only where we are not root does that matter.
        Err(Errno::ACCESS) if kind(parent, name)? == FileType::Directory => {
            fs::chmodat(parent, name, Mode::RWXU, AtFlags::empty())?;
            fs::openat(parent, name, FOLDER, Mode::empty())?
        }
        other => other?,
    };
    fs::fchmod(&folder, Mode::RWXU)?;
    Ok(folder)
}
