//! One file of the spool, named by epoch and number.

use super::record::{self, Head};
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
    pub(super) fn create(dir: &Path, place: (u64, u64), head: &Head) -> io::Result<Self> {
        Self::create_at(name(dir, place), place.1, head)
    }

    /// Makes a file that is no segment until it is given its name, all at once.
    pub(super) fn create_unnamed(dir: &Path, place: (u64, u64), head: &Head) -> io::Result<Self> {
        let path = name(dir, place).with_extension("part");
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Self::create_at(path, place.1, head),
        }
    }

    fn create_at(path: PathBuf, index: u64, head: &Head) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).create_new(true).open(&path)?;
        let segment = Self { index, path, file, len: AtomicU64::new(0), dirty: AtomicBool::new(true) };
        match segment.append(&record::head(head)?) {
            Ok(_) => Ok(segment),
            Err(error) => {
                // Half a head is of no use to anybody.
                let _ = std::fs::remove_file(&segment.path);
                Err(error)
            }
        }
    }

    /// Syncs what was made unnamed and gives it its name.
    pub(super) fn publish(self, dir: &Path) -> io::Result<PathBuf> {
        self.file.sync_all()?;
        let path = self.path.with_extension(EXTENSION);
        std::fs::rename(&self.path, &path)?;
        File::open(dir)?.sync_all()?;
        Ok(path)
    }

    /// Over any file, to see what a failing disk does.
    #[cfg(test)]
    pub(super) fn broken(file: File) -> Self {
        Self { index: 0, path: PathBuf::new(), file, len: AtomicU64::new(0), dirty: AtomicBool::new(false) }
    }

    /// Appends with one write: whole, or it fails.
    pub(super) fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        let written = (&self.file).write(bytes);
        // Not before: a sync that comes in between would leave it out.
        self.dirty.store(true, Ordering::Release);
        let written = written?;
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

fn name(dir: &Path, (epoch, index): (u64, u64)) -> PathBuf {
    dir.join(format!("{epoch:020}-{index:010}.{EXTENSION}"))
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
