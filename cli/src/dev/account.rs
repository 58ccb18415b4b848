//! Whom the private servers run as: root hands them to somebody with fewer rights.

use super::error::DevError;
use std::{fs, os::unix::fs::MetadataExt, path::Path};

/// A user of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Whether this process is root.
pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// `None` where this process is nobody special and runs everything as itself.
pub(super) fn unprivileged() -> Result<Option<Account>, DevError> {
    if !is_root() {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = ["postgres", "nobody"].iter().find_map(|name| in_passwd(&passwd, name));
    found.map(Some).ok_or(DevError::NoAccount)
}

/// The owner of what exists already, if this process is root and the owner is not.
pub(super) fn owner(path: &Path) -> Option<Account> {
    let meta = fs::metadata(path).ok().filter(|meta| is_root() && meta.uid() != 0)?;
    Some(Account { name: format!("uid {}", meta.uid()), uid: meta.uid(), gid: meta.gid() })
}

fn in_passwd(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next()? == name;
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        (found && uid != 0).then(|| Account { name: name.to_owned(), uid, gid })
    })
}

impl Account {
    /// Whether the account may pass through every directory from the root to `dir`, itself included.
    pub(super) fn reaches(&self, dir: &Path) -> bool {
        dir.ancestors().all(|dir| {
            fs::metadata(dir).is_ok_and(|meta| {
                let bit = match () {
                    () if meta.uid() == self.uid => 0o100,
                    () if meta.gid() == self.gid => 0o010,
                    () => 0o001,
                };
                meta.mode() & bit != 0
            })
        })
    }
}

#[cfg(test)]
mod tests;
