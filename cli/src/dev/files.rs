//! Small files that only their owner may read, written so that a crash leaves the old one or the new one.

use super::{
    account::Account,
    error::{DevError, file},
};
use std::{
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io::{ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown},
    path::Path,
};

/// The largest file that is read here; keys, ports and paths are far below.
const MAX_SMALL: u64 = 64 * 1024;

/// Makes a directory and its parents if it is missing, with exactly this mode.
pub(super) fn ensure_dir(path: &Path, mode: u32) -> Result<(), DevError> {
    if path.is_dir() {
        return Ok(());
    }
    file("create", path, DirBuilder::new().recursive(true).mode(mode).create(path))?;
    file("set the mode of", path, fs::set_permissions(path, Permissions::from_mode(mode)))
}

/// Writes a file of mode 0600 in one step, and makes it last.
pub(super) fn write_private(path: &Path, content: &[u8], owner: Option<&Account>) -> Result<(), DevError> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".tmp");
    let write = || {
        // A leftover of a crash may have another owner or mode.
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        out.write_all(content)?;
        if let Some(owner) = owner {
            chown(&fresh, Some(owner.uid), Some(owner.gid))?;
        }
        out.sync_all()?;
        fs::rename(&fresh, path)?;
        path.parent().map_or(Ok(()), |dir| fs::File::open(dir)?.sync_all())
    };
    file("write", path, write())
}

/// The text of a small file, `None` if there is none.
pub(super) fn read_small(path: &Path) -> Result<Option<String>, DevError> {
    let mut text = String::new();
    match fs::File::open(path).and_then(|open| open.take(MAX_SMALL).read_to_string(&mut text)) {
        Ok(_) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => file("read", path, Err(error)),
    }
}

/// Takes a file away; one that is not there is fine.
pub(super) fn remove(path: &Path) -> Result<(), DevError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => file("remove", path, Err(error)),
        _ => Ok(()),
    }
}

/// Takes a directory away with all that is in it; one that is not there is fine.
pub(super) fn remove_dir(path: &Path) -> Result<(), DevError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => file("remove", path, Err(error)),
        _ => Ok(()),
    }
}

/// The last `lines` lines of a file, as far as the last 16 KiB hold them; empty if it cannot be read.
pub(super) fn tail(path: &Path, lines: usize) -> String {
    let read = || {
        let mut open = fs::File::open(path)?;
        let length = open.metadata()?.len();
        open.seek(SeekFrom::Start(length.saturating_sub(16 * 1024)))?;
        let mut bytes = Vec::new();
        open.take(16 * 1024).read_to_end(&mut bytes)?;
        std::io::Result::Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
