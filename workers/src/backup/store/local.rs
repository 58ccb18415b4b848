//! A folder of this machine that belongs to the platform, and to nobody else.

use super::BackupStore;
use crate::backup::{BackupError, meter::Meter};
use async_trait::async_trait;
use std::{
    fs::{self, File, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

const COPY: usize = 1 << 20;

/// Objects as files.
#[derive(Clone, Debug)]
pub struct LocalStore {
    root: PathBuf,
}

impl LocalStore {
    /// In `root` (`BACKUP_DIR`), which is made if need be.
    pub fn new(root: &Path) -> io::Result<Self> {
        make_private(root)?;
        Ok(Self { root: root.canonicalize()? })
    }

    fn path(&self, object: &str) -> PathBuf {
        self.root.join(object)
    }
}

/// Makes a folder that only the platform can enter.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o700))
}

#[async_trait]
impl BackupStore for LocalStore {
    fn name(&self) -> &'static str {
        "local"
    }

    async fn announce(&self, _: &str) -> Result<Option<String>, BackupError> {
        Ok(None)
    }

    async fn put(
        &self,
        object: &str,
        _: Option<&str>,
        file: &Path,
        meter: &Meter,
    ) -> Result<(), BackupError> {
        let (to, from, meter) = (self.path(object), file.to_owned(), meter.clone());
        blocking(move || {
            let folder = to.parent().unwrap_or(&to).to_owned();
            make_private(&folder)?;
            // On the same disk it only changes its name.
            if let Err(error) = fs::rename(&from, &to) {
                if error.kind() != io::ErrorKind::CrossesDevices {
                    return Err(error.into());
                }
                copy(&from, &to, &meter)?;
            }
            Ok(File::open(&folder)?.sync_all()?)
        })
        .await
    }

    async fn read(&self, object: &str) -> Result<Box<dyn Read + Send>, BackupError> {
        let path = self.path(object);
        blocking(move || match File::open(path) {
            Ok(file) => Ok(Box::new(file) as Box<dyn Read + Send>),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(BackupError::Store("the object is gone".to_owned()))
            }
            Err(error) => Err(error.into()),
        })
        .await
    }

    async fn remove(&self, object: &str, _: Option<&str>) -> Result<(), BackupError> {
        let path = self.path(object);
        blocking(move || {
            for path in [part(&path), path] {
                match fs::remove_file(path) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(())
        })
        .await
    }
}

fn part(path: &Path) -> PathBuf {
    path.with_added_extension("part")
}

/// Onto another disk: under another name first.
fn copy(from: &Path, to: &Path, meter: &Meter) -> Result<(), BackupError> {
    let part = part(to);
    let mut source = File::open(from)?;
    let mut target =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    let mut buffer = vec![0; COPY];
    loop {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        target.write_all(&buffer[..read])?;
        meter.add(read as u64)?;
    }
    target.sync_all()?;
    Ok(fs::rename(part, to)?)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| BackupError::Files(io::Error::other(error)))?
}
