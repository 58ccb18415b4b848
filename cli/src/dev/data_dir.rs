//! The directory that holds everything of one `clawplane dev`.

use super::{
    account,
    error::{DevError, file},
    files,
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// The directory, made and absolute.
#[derive(Clone, Debug)]
pub struct DataDir {
    root: PathBuf,
}

impl DataDir {
    /// Makes the directory if it is missing.
    ///
    /// Made by root, it lets others pass through (0711) but not look: the servers in it run as another user.
    pub fn open(path: &Path) -> Result<Self, DevError> {
        files::ensure_dir(path, if account::is_root() { 0o711 } else { 0o700 })?;
        let root = file("resolve", path, fs::canonicalize(path))?;
        files::ensure_dir(&root.join("log"), 0o700)?;
        Ok(Self { root })
    }
    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.root
    }
    /// Something in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
    /// The log of a server, or of the platform.
    pub fn log(&self, name: &str) -> PathBuf {
        self.root.join("log").join(format!("{name}.log"))
    }
    /// A name that only this directory has. The servers carry it on their command line, so that those that a
    /// killed process left behind are found again; a copy of the directory has another.
    pub(super) fn tag(&self) -> String {
        let path = self.root.as_os_str().as_encoded_bytes();
        format!("clawplane-{}", Uuid::new_v5(&Uuid::NAMESPACE_URL, path).simple())
    }
}
