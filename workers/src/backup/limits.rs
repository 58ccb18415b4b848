//! How large an archive may be. The same limits hold when it is made, so that whatever was made can be restored.

/// Bounds of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Bytes of all files.
    pub bytes: u64,
    /// Files and folders.
    pub entries: u64,
    /// Bytes of a path.
    pub path: usize,
    /// Folders in each other.
    pub depth: usize,
    /// How many times larger than the archive its files may be, beyond [`Self::ratio_from`].
    pub ratio: u64,
    /// Bytes of files that may have any ratio.
    pub ratio_from: u64,
    /// Bytes of the manifest.
    pub manifest: u64,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self {
            bytes: 64 << 30,
            entries: 250_000,
            path: 1024,
            depth: 64,
            ratio: 2000,
            ratio_from: 256 << 20,
            manifest: 256 << 20,
        }
    }
}

impl ArchiveLimits {
    /// Whether this much may come out of an archive of that many bytes.
    pub(crate) fn allows(&self, bytes: u64, archive: u64) -> bool {
        bytes <= self.bytes && (bytes <= self.ratio_from || bytes / self.ratio <= archive)
    }
}
