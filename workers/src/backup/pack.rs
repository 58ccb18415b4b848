//! Makes an archive of a folder: tar, then zstd, then encryption, in one pass and without a copy of anything.

use super::{
    ArchiveLimits, BackupError,
    manifest::{About, Entry, FileSums, LeftOut, MANIFEST, Manifest, NAMED, ROOT, VERSION},
    meter::Meter,
    redact::Redacted,
    seal::{ArchiveKey, SealWriter, Sealed},
    tree::{self, Found, Tree},
};
use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};

/// zstd's usual level: faster than disks and most networks.
const LEVEL: i32 = 3;

/// What an archive adds up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The object.
    pub sealed: Sealed,
    /// Bytes of the files.
    pub bytes: u64,
    /// Files and folders.
    pub entries: u64,
    /// What was neither.
    pub left_out: u64,
    /// SHA-256 of the manifest, in hex.
    pub manifest_sha256: String,
}

/// Counts what is in a folder, without reading it.
pub fn survey(tree: &Tree, limits: &ArchiveLimits, meter: &Meter) -> Result<u64, BackupError> {
    let (mut bytes, mut entries) = (0_u64, 0_u64);
    tree.walk(limits.depth, limits.path, &mut |found| {
        meter.check()?;
        if let Found::File { size, .. } = &found {
            bytes = bytes.saturating_add(*size);
        }
        entries += u64::from(!matches!(found, Found::Other { .. }));
        within(limits, bytes, entries)
    })?;
    Ok(bytes)
}

fn within(limits: &ArchiveLimits, bytes: u64, entries: u64) -> Result<(), BackupError> {
    if bytes > limits.bytes {
        return Err(BackupError::TooLarge(format!("more than {} bytes", limits.bytes)));
    }
    if entries > limits.entries {
        return Err(BackupError::TooLarge(format!("more than {} files and folders", limits.entries)));
    }
    Ok(())
}

/// Packs a folder into `out`.
pub fn pack<W: Write>(
    tree: &Tree,
    about: About,
    out: W,
    key: (ArchiveKey, [u8; 7]),
    limits: &ArchiveLimits,
    meter: &Meter,
) -> Result<(W, Packed), BackupError> {
    let sealing = SealWriter::new(out, key.0, key.1)?;
    let mut zstd = zstd::Encoder::new(sealing, LEVEL)?;
    zstd.include_checksum(true)?;
    let manifest = Manifest {
        version: VERSION,
        about,
        bytes: 0,
        entries: Vec::new(),
        left_out: 0,
        left_out_named: Vec::new(),
    };
    let mut packer = Packer { tar: tar::Builder::new(zstd), manifest, limits, meter };
    tree.walk(limits.depth, limits.path, &mut |found| packer.add(found))?;
    let manifest_sha256 = packer.put_manifest()?;
    let Packer { tar, manifest, .. } = packer;
    let (out, sealed) = tar.into_inner()?.finish()?.finish()?;
    if !limits.allows(manifest.bytes, sealed.plain) {
        let why = format!("its files are more than {} times as large as their archive", limits.ratio);
        return Err(BackupError::TooLarge(why));
    }
    let entries = manifest.entries.len() as u64;
    let (bytes, left_out) = (manifest.bytes, manifest.left_out);
    Ok((out, Packed { sealed, bytes, entries, left_out, manifest_sha256 }))
}

struct Packer<'a, W: Write> {
    tar: tar::Builder<W>,
    manifest: Manifest,
    limits: &'a ArchiveLimits,
    meter: &'a Meter,
}

impl<W: Write> Packer<'_, W> {
    fn add(&mut self, found: Found<'_>) -> Result<(), BackupError> {
        self.meter.check()?;
        let entry = match found {
            Found::Other { path, kind } => {
                self.manifest.left_out += 1;
                if self.manifest.left_out_named.len() < NAMED {
                    self.manifest.left_out_named.push(LeftOut { path, kind: kind.to_owned() });
                }
                return Ok(());
            }
            Found::Folder { path, mode, modified } => {
                let mut header = header(tar::EntryType::Directory, mode, modified, 0);
                self.tar.append_data(&mut header, format!("{ROOT}/{path}/"), io::empty())?;
                Entry { path: path.to_owned(), mode, modified, file: None }
            }
            Found::File { path, mode, modified, size, file } => {
                within(self.limits, self.manifest.bytes.saturating_add(size), 0)?;
                let mut header = header(tar::EntryType::Regular, mode, modified, size);
                let content = Redacted::new(tree::Exactly::new(file.open()?, size));
                let mut content = Hashing { inner: content, hash: Sha256::new(), read: 0, meter: self.meter };
                self.tar.append_data(&mut header, format!("{ROOT}/{path}"), &mut content)?;
                if content.read != size {
                    return Err(io::Error::other(format!("{path} changed while it was read")).into());
                }
                self.manifest.bytes += size;
                let sha256 = hex::encode(content.hash.finalize());
                Entry { path: path.to_owned(), mode, modified, file: Some(FileSums { size, sha256 }) }
            }
        };
        self.manifest.entries.push(entry);
        within(self.limits, self.manifest.bytes, self.manifest.entries.len() as u64)
    }

    fn put_manifest(&mut self) -> Result<String, BackupError> {
        let json = serde_json::to_vec(&self.manifest).map_err(io::Error::other)?;
        if json.len() as u64 > self.limits.manifest {
            return Err(BackupError::TooLarge("its list of files is too long".to_owned()));
        }
        let modified = u64::try_from(self.manifest.about.made_at.timestamp()).unwrap_or(0);
        let mut header = header(tar::EntryType::Regular, 0o600, modified, json.len() as u64);
        self.tar.append_data(&mut header, MANIFEST, json.as_slice())?;
        Ok(hex::encode(Sha256::digest(&json)))
    }
}

fn header(kind: tar::EntryType, mode: u32, modified: u64, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(modified);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header
}

struct Hashing<'a, R> {
    inner: R,
    hash: Sha256,
    read: u64,
    meter: &'a Meter,
}

impl<R: Read> Read for Hashing<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.hash.update(&out[..read]);
        self.read += read as u64;
        self.meter.add(read as u64).map_err(io::Error::other)?;
        Ok(read)
    }
}
