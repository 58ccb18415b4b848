//! Reads an archive that may be anybody's: what it may hold is said here, and everything else refuses the whole of it.
//!
//! The tar reader is only asked for raw entries: extensions that could make it keep more than a path in memory, links and
//! devices are none of what we write, so they are none of what is read.

use super::{
    ArchiveLimits, BackupError,
    manifest::{Entry, FileSums, MANIFEST, Manifest, ROOT, VERSION},
    meter::Meter,
};
use sha2::{Digest, Sha256};
use std::{
    collections::HashSet,
    io::{self, Read},
};

/// zstd's window: its own levels need no more than 8 MiB, up to 19.
const WINDOW_LOG: u32 = 24;
/// What may follow the last entry: tar's two empty blocks, filled up.
const PADDING: u64 = 64 * 1024;

/// Where an archive's files go.
pub trait Target {
    /// A folder. Those around it came before.
    fn folder(&mut self, entry: &Entry) -> io::Result<()>;
    /// A file, whose content is to be read to its end. The folders around it came before.
    fn file(&mut self, path: &str, mode: u32, modified: u64, content: &mut dyn Read) -> io::Result<()>;
}

/// Nowhere: for a check.
#[derive(Debug)]
pub struct Nowhere;

impl Target for Nowhere {
    fn folder(&mut self, _: &Entry) -> io::Result<()> {
        Ok(())
    }
    fn file(&mut self, _: &str, _: u32, _: u64, content: &mut dyn Read) -> io::Result<()> {
        io::copy(content, &mut io::sink()).map(|_| ())
    }
}

/// An archive that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// Its manifest, which is true.
    pub manifest: Manifest,
    /// SHA-256 of the manifest, in hex.
    pub manifest_sha256: String,
}

/// Unpacks the compressed archive `archive` of `size` bytes to `target`. When this fails, what is there already is
/// nothing that may be used.
pub fn unpack(
    archive: impl Read,
    size: u64,
    target: &mut dyn Target,
    limits: &ArchiveLimits,
    meter: &Meter,
) -> Result<Unpacked, BackupError> {
    let mut zstd = zstd::Decoder::new(archive)?;
    zstd.window_log_max(WINDOW_LOG)?;
    let mut tar = tar::Archive::new(zstd);
    let mut reading = Reading { size, limits, meter, seen: HashSet::new(), entries: Vec::new(), bytes: 0 };
    let mut manifest = None;
    let mut long_name = None;
    for entry in tar.entries()?.raw(true) {
        let mut entry = entry?;
        if manifest.is_some() {
            return Err(BackupError::archive("something follows its manifest"));
        }
        match entry.header().entry_type() {
            tar::EntryType::GNULongName if long_name.is_none() => {
                long_name = Some(reading.long_name(&mut entry)?);
            }
            kind @ (tar::EntryType::Regular | tar::EntryType::Directory) => {
                let path = match long_name.take() {
                    Some(path) => path,
                    None => text(&entry.path_bytes())?,
                };
                if path == MANIFEST && kind == tar::EntryType::Regular {
                    manifest = Some(reading.manifest(&mut entry)?);
                } else {
                    reading.entry(kind == tar::EntryType::Directory, &path, &mut entry, target)?;
                }
            }
            other => return Err(BackupError::archive(format!("it holds an entry of the kind {other:?}"))),
        }
    }
    let rest = io::copy(&mut tar.into_inner().take(PADDING), &mut io::sink())?;
    if rest >= PADDING {
        return Err(BackupError::archive("something follows its end"));
    }
    reading.compare(manifest)
}

struct Reading<'a> {
    size: u64,
    limits: &'a ArchiveLimits,
    meter: &'a Meter,
    seen: HashSet<String>,
    entries: Vec<Entry>,
    bytes: u64,
}

impl Reading<'_> {
    fn long_name(&self, entry: &mut impl Read) -> Result<String, BackupError> {
        // Before the path stand `bot/`, behind it tar's own zero.
        let most = self.limits.path + ROOT.len() + 3;
        let mut bytes = Vec::new();
        entry.take(most as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > most {
            return Err(BackupError::archive("it holds a path that is too long"));
        }
        bytes.pop_if(|last| *last == 0);
        text(&bytes)
    }

    fn entry<R: Read>(
        &mut self,
        is_folder: bool,
        path: &str,
        entry: &mut tar::Entry<'_, R>,
        target: &mut dyn Target,
    ) -> Result<(), BackupError> {
        self.meter.check()?;
        let path = self.checked(path, is_folder)?;
        let header = entry.header();
        let (mode, modified) = (header.mode()? & 0o777, header.mtime()?);
        let size = header.entry_size()?;
        if self.entries.len() as u64 >= self.limits.entries {
            return Err(BackupError::archive("it holds more entries than any of ours"));
        }
        if is_folder {
            if size != 0 {
                return Err(BackupError::archive(format!("its folder {path} has a content")));
            }
            let folder = Entry { path, mode, modified, file: None };
            target.folder(&folder)?;
            self.entries.push(folder);
            return Ok(());
        }
        let mut content = Counted { inner: entry, hash: Sha256::new(), read: 0, reading: self };
        target.file(&path, mode, modified, &mut content)?;
        let (read, sha256) = (content.read, hex::encode(content.hash.finalize()));
        if read != size {
            return Err(BackupError::archive(format!("its file {path} is cut off")));
        }
        self.entries.push(Entry { path, mode, modified, file: Some(FileSums { size, sha256 }) });
        Ok(())
    }

    /// The path relative to the bot's folder: plain names, whose folder is there, and each only once.
    fn checked(&mut self, path: &str, is_folder: bool) -> Result<String, BackupError> {
        let bad = |why: &str| Err(BackupError::archive(format!("its path {path:.200?} {why}")));
        let Some(inner) = path.strip_prefix(ROOT).and_then(|rest| rest.strip_prefix('/')) else {
            return bad("leads out of its folder");
        };
        let inner = if is_folder { inner.strip_suffix('/').unwrap_or(inner) } else { inner };
        let plain =
            |name: &str| !matches!(name, "" | "." | "..") && name.len() <= 255 && !name.contains('\0');
        if !inner.split('/').all(plain) {
            return bad("is not made of plain names");
        }
        if inner.len() > self.limits.path || inner.split('/').count() > self.limits.depth {
            return bad("is too long or too deep");
        }
        if let Some((folder, _)) = inner.rsplit_once('/')
            && !self.seen.contains(&format!("{folder}/"))
        {
            return bad("is in no folder of it");
        }
        let key = if is_folder { format!("{inner}/") } else { inner.to_owned() };
        let other = if is_folder { inner.to_owned() } else { format!("{inner}/") };
        if self.seen.contains(&other) || !self.seen.insert(key) {
            return bad("is there twice");
        }
        Ok(inner.to_owned())
    }

    fn manifest(&self, entry: &mut impl Read) -> Result<(Manifest, String), BackupError> {
        let mut json = Vec::new();
        entry.take(self.limits.manifest + 1).read_to_end(&mut json)?;
        if json.len() as u64 > self.limits.manifest {
            return Err(BackupError::archive("its manifest is too long"));
        }
        let manifest: Manifest = serde_json::from_slice(&json)
            .map_err(|error| BackupError::archive(format!("its manifest cannot be read: {error}")))?;
        Ok((manifest, hex::encode(Sha256::digest(&json))))
    }

    fn compare(self, manifest: Option<(Manifest, String)>) -> Result<Unpacked, BackupError> {
        let Some((manifest, manifest_sha256)) = manifest else {
            return Err(BackupError::archive("it has no manifest: it is cut off"));
        };
        if manifest.version != VERSION {
            let why = format!("its form {} is not known here", manifest.version);
            return Err(BackupError::Archive(why));
        }
        if manifest.entries != self.entries || manifest.bytes != self.bytes {
            return Err(BackupError::archive("its files are not those of its manifest"));
        }
        Ok(Unpacked { manifest, manifest_sha256 })
    }
}

/// A file's content, counted against what the archive may hold.
struct Counted<'c, 'r, R> {
    inner: &'c mut R,
    hash: Sha256,
    read: u64,
    reading: &'c mut Reading<'r>,
}

impl<R: Read> Read for Counted<'_, '_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.hash.update(&out[..read]);
        self.read += read as u64;
        self.reading.bytes += read as u64;
        if !self.reading.limits.allows(self.reading.bytes, self.reading.size) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "more comes out of it than may"));
        }
        self.reading.meter.add(read as u64).map_err(io::Error::other)?;
        Ok(read)
    }
}

fn text(bytes: &[u8]) -> Result<String, BackupError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(BackupError::archive("it holds a path that is not UTF-8")),
    }
}

#[cfg(test)]
mod tests;
