//! Where a private server keeps its files: in the data directory, or beside it where its user cannot get there.

use super::{
    DataDir,
    account::{self, Account},
    error::{DevError, file},
    files,
};
use std::{
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
};

/// Where servers live that cannot live in the data directory, such as one below `/root`.
const OUTSIDE: &str = "/var/lib/clawplane";

/// A server's own directory and its user.
#[derive(Clone, Debug)]
pub(super) struct Home {
    /// Absolute. May not exist yet.
    pub(super) dir: PathBuf,
    /// Whom the server runs as; `None`: as this process.
    pub(super) account: Option<Account>,
    /// What to tell people about the place, if it is not the usual one.
    pub(super) note: Option<String>,
}

impl Home {
    /// Finds the directory of server `name`, or the place for it.
    pub(super) fn find(data: &DataDir, name: &str) -> Result<Self, DevError> {
        Self::find_below(Path::new(OUTSIDE), data, name)
    }

    fn find_below(outside: &Path, data: &DataDir, name: &str) -> Result<Self, DevError> {
        let inside = data.file(name);
        let link = data.file(&format!("{name}.location"));
        if let Some(dir) = files::read_small(&link)? {
            let dir = PathBuf::from(dir.trim_end());
            return Self::at(dir.clone(), Some(note(name, &dir)));
        }
        if inside.exists() {
            let home = Self::at(inside, None)?;
            return match home.account.as_ref().filter(|account| !account.reaches(data.path())) {
                None => Ok(home),
                Some(account) => Err(DevError::State(format!(
                    "the user {} cannot reach {} any more; let others pass through its parents (chmod o+x)",
                    account.name,
                    home.dir.display()
                ))),
            };
        }
        match account::unprivileged()? {
            Some(account) if !account.reaches(data.path()) => {
                let below = outside.join(data.tag());
                let dir = below.join(name);
                set_aside(&dir)?;
                files::ensure_dir(outside, 0o755)?;
                files::ensure_dir(&below, 0o711)?;
                files::write_private(
                    &below.join("data-dir"),
                    data.path().as_os_str().as_encoded_bytes(),
                    None,
                )?;
                files::write_private(&link, dir.as_os_str().as_encoded_bytes(), None)?;
                let note = Some(note(name, &dir));
                Ok(Self { dir, account: Some(account), note })
            }
            account => Ok(Self { dir: inside, account, note: None }),
        }
    }

    /// A directory that exists is run by its owner; one that is lost is made anew by the usual account.
    fn at(dir: PathBuf, note: Option<String>) -> Result<Self, DevError> {
        let account = match account::owner(&dir) {
            Some(owner) => Some(owner),
            None => account::unprivileged()?,
        };
        Ok(Self { dir, account, note })
    }

    /// Makes a directory that only the server's user can enter.
    pub(super) fn make_dir(&self, dir: &Path) -> Result<(), DevError> {
        files::ensure_dir(dir, 0o700)?;
        match &self.account {
            Some(account) => file("hand over", dir, chown(dir, Some(account.uid), Some(account.gid))),
            None => Ok(()),
        }
    }

    /// A sibling of the directory.
    pub(super) fn beside(&self, suffix: &str) -> PathBuf {
        self.dir.with_extension(suffix)
    }
}

fn note(name: &str, dir: &Path) -> String {
    format!("the files of {name} are in {}, as its user cannot reach the data directory", dir.display())
}

/// What a deleted data directory of the same path left here is not ours to delete, and not ours to use.
fn set_aside(dir: &Path) -> Result<(), DevError> {
    if !dir.exists() {
        return Ok(());
    }
    let free = (1..1000).map(|n| dir.with_extension(format!("old-{n}"))).find(|path| !path.exists());
    match free {
        Some(free) => file("move", dir, fs::rename(dir, free)),
        None => Err(DevError::State(format!("too many old copies of {}; remove some", dir.display()))),
    }
}

#[cfg(test)]
mod tests;
