//! The encrypted form of an archive: AES-256-GCM over pieces of 64 kB in the STREAM construction (Hoang, Reyhanitabar,
//! Rogaway, Vizár 2015), by RustCrypto's `aead-stream`.
//!
//! Pieces cannot be left out, doubled, exchanged or cut off at the end: each has its number and the last one says so.
//! Every piece is bound to tenant and backup, and each archive has a key of its own, so none opens in another's place.

use aead_stream::{DecryptorBE32, EncryptorBE32};
use aes_gcm::{Aes256Gcm, Key, KeyInit, aead::Payload};
use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};
use zeroize::Zeroizing;

/// Bytes of a piece before it is encrypted.
pub(crate) const PIECE: usize = 64 * 1024;
const TAG: usize = 16;
const NONCE: usize = 7;
/// What every archive begins with: its form and that form's version.
pub(crate) const MAGIC: &[u8; 8] = b"CPBKUP\x00\x01";

/// The key of one archive, and what it is bound to.
#[derive(Clone)]
pub struct ArchiveKey {
    key: Zeroizing<[u8; 32]>,
    bound_to: String,
}

impl ArchiveKey {
    /// `bound_to` is not secret.
    pub fn new(key: [u8; 32], bound_to: String) -> Self {
        Self { key: Zeroizing::new(key), bound_to }
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(*self.key))
    }
}

impl std::fmt::Debug for ArchiveKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ArchiveKey({})", self.bound_to)
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Bytes.
    pub size: u64,
    /// SHA-256 in hex.
    pub sha256: String,
    /// Bytes before encryption.
    pub plain: u64,
}

/// Encrypts what is written to it.
pub struct SealWriter<W> {
    inner: W,
    stream: EncryptorBE32<Aes256Gcm>,
    key: ArchiveKey,
    piece: Zeroizing<Vec<u8>>,
    hash: Sha256,
    size: u64,
    plain: u64,
}

impl<W: Write> SealWriter<W> {
    /// Begins an archive. `nonce` is random; the key is never used again.
    pub fn new(inner: W, key: ArchiveKey, nonce: [u8; NONCE]) -> io::Result<Self> {
        let stream = EncryptorBE32::from_aead(key.cipher(), &nonce.into());
        let piece = Zeroizing::new(Vec::with_capacity(PIECE));
        let mut writer = Self { inner, stream, key, piece, hash: Sha256::new(), size: 0, plain: 0 };
        writer.put(MAGIC)?;
        writer.put(&nonce)?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        self.inner.write_all(bytes)
    }

    /// Ends the archive. Gives what it was written to, and what was written.
    pub fn finish(mut self) -> io::Result<(W, Sealed)> {
        let payload = Payload { msg: &self.piece, aad: self.key.bound_to.as_bytes() };
        let last = self.stream.encrypt_last(payload).map_err(|_| broken())?;
        self.hash.update(&last);
        self.inner.write_all(&last)?;
        let size = self.size + last.len() as u64;
        let sealed = Sealed { size, sha256: hex::encode(self.hash.finalize()), plain: self.plain };
        Ok((self.inner, sealed))
    }
}

impl<W: Write> Write for SealWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.len() == PIECE {
            let payload = Payload { msg: &self.piece, aad: self.key.bound_to.as_bytes() };
            let piece = self.stream.encrypt_next(payload).map_err(|_| broken())?;
            self.put(&piece)?;
            self.piece.clear();
        }
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        self.plain += taken as u64;
        Ok(taken)
    }

    /// Pieces are whole: nothing to do before the end.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Decrypts what it reads, and gives nothing that is not genuine.
pub struct OpenReader<R> {
    inner: R,
    stream: Option<DecryptorBE32<Aes256Gcm>>,
    key: ArchiveKey,
    /// What was read and not opened: a piece and at most one byte more, which tells that it is not the last.
    sealed: Vec<u8>,
    piece: Zeroizing<Vec<u8>>,
    at: usize,
}

impl<R: Read> OpenReader<R> {
    /// Reads the head of an archive.
    pub fn new(mut inner: R, key: ArchiveKey) -> io::Result<Self> {
        let (mut magic, mut nonce) = ([0; MAGIC.len()], [0; NONCE]);
        inner.read_exact(&mut magic).map_err(cut)?;
        inner.read_exact(&mut nonce).map_err(cut)?;
        if magic != *MAGIC {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "this is no archive of this platform"));
        }
        let stream = Some(DecryptorBE32::from_aead(key.cipher(), &nonce.into()));
        let sealed = Vec::with_capacity(PIECE + TAG + 1);
        Ok(Self { inner, stream, key, sealed, piece: Zeroizing::new(Vec::new()), at: 0 })
    }

    fn next_piece(&mut self) -> io::Result<()> {
        let Some(mut stream) = self.stream.take() else { return Ok(()) };
        let want = PIECE + TAG + 1 - self.sealed.len();
        (&mut self.inner).take(want as u64).read_to_end(&mut self.sealed)?;
        let aad = self.key.bound_to.as_bytes();
        let whole = PIECE + TAG;
        let opened = if self.sealed.len() > whole {
            let opened = stream.decrypt_next(Payload { msg: &self.sealed[..whole], aad });
            self.stream = Some(stream);
            self.sealed.drain(..whole);
            opened
        } else {
            stream.decrypt_last(Payload { msg: &self.sealed, aad })
        };
        self.piece = Zeroizing::new(opened.map_err(|_| forged())?);
        self.at = 0;
        Ok(())
    }
}

impl<R: Read> Read for OpenReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() && self.stream.is_some() {
            self.next_piece()?;
        }
        let taken = out.len().min(self.piece.len() - self.at);
        out[..taken].copy_from_slice(&self.piece[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

fn broken() -> io::Error {
    io::Error::other("the archive cannot be encrypted")
}

fn forged() -> io::Error {
    let why = "it was changed, cut off, or is not this backup's: a piece of it does not open";
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn cut(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => forged(),
        _ => error,
    }
}

#[cfg(test)]
mod tests;
