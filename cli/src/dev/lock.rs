//! One `clawplane dev` a data directory. The lock falls with its process, however that ends.

use super::{DataDir, DevError, error::file};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
};

/// Held as long as it lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or says who has it.
    pub fn take(data: &DataDir) -> Result<Self, DevError> {
        let path = data.file("clawplane.lock");
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut open = file("open", &path, options)?;
        match open.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = open.take(32).read_to_string(&mut text);
                return Err(DevError::Locked { dir: data.path().to_owned(), pid: text.trim().parse().ok() });
            }
            Err(TryLockError::Error(error)) => return file("lock", &path, Err(error)),
        }
        file("write", &path, open.set_len(0).and_then(|()| writeln!(open, "{}", std::process::id())))?;
        Ok(Self { _file: open })
    }
}

#[cfg(test)]
mod tests;
