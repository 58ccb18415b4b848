//! One file of the spool, named by epoch and number.

use super::{identity::Identity, record};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

const EXTENSION: &str = "seg";

/// A file that is only appended to.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) index: u64,
    path: PathBuf,
    file: File,
    len: AtomicU64,
    dirty: AtomicBool,
}

impl Segment {
    /// Makes the file and says in it whose it is. Its name is safe when the folder is synced.
    pub(super) fn create(dir: &Path, identity: &Identity, index: u64) -> io::Result<Self> {
        Self::create_for(dir, (identity.epoch, index), &identity.stream)
    }

    pub(super) fn create_for(dir: &Path, (epoch, index): (u64, u64), stream: &str) -> io::Result<Self> {
        let path = dir.join(format!("{epoch:020}-{index:010}.{EXTENSION}"));
        let file = OpenOptions::new().read(true).append(true).create_new(true).open(&path)?;
        let segment = Self { index, path, file, len: AtomicU64::new(0), dirty: AtomicBool::new(true) };
        segment.append(&record::stream(stream)?)?;
        Ok(segment)
    }

    /// Over any file, to see what a failing disk does.
    #[cfg(test)]
    pub(super) fn broken(file: File) -> Self {
        Self { index: 0, path: PathBuf::new(), file, len: AtomicU64::new(0), dirty: AtomicBool::new(false) }
    }

    /// Appends with one write: whole, or it fails.
    pub(super) fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.dirty.store(true, Ordering::Release);
        let written = (&self.file).write(bytes)?;
        self.len.fetch_add(written as u64, Ordering::Relaxed);
        if written == bytes.len() { Ok(written) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    /// Reads on from `offset`.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    pub(super) fn len(&self) -> u64 {
        self.len.load(Ordering::Relaxed)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn take_dirty(&self) -> bool {
        self.dirty.swap(false, Ordering::AcqRel)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// A segment of an earlier start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Old {
    pub(super) epoch: u64,
    pub(super) index: u64,
    pub(super) path: PathBuf,
}

/// The segments in `dir`, oldest first. Other files are let alone.
pub(super) fn list(dir: &Path) -> io::Result<Vec<Old>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != EXTENSION) {
            continue;
        }
        let name = path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.split_once('-'));
        if let Some((epoch, index)) = name
            && let (Ok(epoch), Ok(index)) = (epoch.parse(), index.parse())
        {
            found.push(Old { epoch, index, path });
        }
    }
    found.sort();
    Ok(found)
}
