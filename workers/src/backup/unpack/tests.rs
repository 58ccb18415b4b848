//! Archives that nobody of ours made.

use super::*;
use crate::backup::manifest::About;
use clawplane_domain::{BackupId, BotId, TenantId, Timestamp};
use pretty_assertions::assert_eq;
use std::io::Write;

const LIMITS: ArchiveLimits = ArchiveLimits {
    bytes: 10 << 20,
    entries: 20,
    path: 300,
    depth: 5,
    ratio: 50,
    ratio_from: 1 << 20,
    manifest: 1 << 16,
};

struct Made {
    tar: tar::Builder<Vec<u8>>,
    entries: Vec<Entry>,
    bytes: u64,
}

impl Default for Made {
    fn default() -> Self {
        Self { tar: tar::Builder::new(Vec::new()), entries: Vec::new(), bytes: 0 }
    }
}

impl Made {
    fn put(&mut self, kind: tar::EntryType, path: &str, content: &[u8]) -> &mut Self {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o640);
        header.set_mtime(5);
        header.set_size(content.len() as u64);
        let name = header.as_old_mut();
        if path.len() <= 100 {
            // Not by the builder, which refuses what is to be tried here.
            name.name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            self.tar.append(&header, content).unwrap();
        } else {
            self.tar.append_data(&mut header, path, content).unwrap();
        }
        self
    }

    fn file(&mut self, path: &str, content: &[u8]) -> &mut Self {
        self.put(tar::EntryType::Regular, &format!("bot/{path}"), content);
        let file = FileSums { size: content.len() as u64, sha256: hex::encode(Sha256::digest(content)) };
        self.entries.push(Entry { path: path.into(), mode: 0o640, modified: 5, file: Some(file) });
        self.bytes += content.len() as u64;
        self
    }

    fn folder(&mut self, path: &str) -> &mut Self {
        self.put(tar::EntryType::Directory, &format!("bot/{path}/"), &[]);
        self.entries.push(Entry { path: path.into(), mode: 0o640, modified: 5, file: None });
        self
    }

    fn manifest(&mut self) -> &mut Self {
        let about = About {
            backup_id: BackupId(uuid::Uuid::nil()),
            tenant_id: TenantId(uuid::Uuid::nil()),
            bot_id: BotId(uuid::Uuid::nil()),
            hostname: "ada".parse().unwrap(),
            made_at: Timestamp::UNIX_EPOCH,
        };
        let (entries, bytes) = (self.entries.clone(), self.bytes);
        let manifest =
            Manifest { version: VERSION, about, bytes, entries, left_out: 0, left_out_named: vec![] };
        let json = serde_json::to_vec(&manifest).unwrap();
        self.put(tar::EntryType::Regular, MANIFEST, &json)
    }

    fn compressed(&mut self) -> Vec<u8> {
        let tar = std::mem::replace(&mut self.tar, tar::Builder::new(Vec::new())).into_inner().unwrap();
        zstd::encode_all(tar.as_slice(), 3).unwrap()
    }

    fn read(&mut self) -> Result<Unpacked, BackupError> {
        read(&self.compressed())
    }

    /// What is said of it when it is read, behind a good beginning and before a true manifest.
    fn refused(&mut self) -> String {
        self.manifest().read().unwrap_err().to_string()
    }
}

fn made() -> Made {
    let mut made = Made::default();
    made.folder("workspace").file("workspace/SOUL.md", b"be kind");
    made
}

fn read(archive: &[u8]) -> Result<Unpacked, BackupError> {
    unpack(archive, archive.len() as u64, &mut Nowhere, &LIMITS, &Meter::default())
}

#[test]
fn what_we_make_is_read() {
    let long = format!("workspace/{}", "a".repeat(200));
    let unpacked = made().file(&long, b"long").file("empty", b"").manifest().read().unwrap();
    assert_eq!((unpacked.manifest.entries.len(), unpacked.manifest.bytes), (4, 11));
}

#[test]
fn links_and_devices_refuse_the_whole() {
    use tar::EntryType as T;
    for kind in [T::Symlink, T::Link, T::Fifo, T::Char, T::Block, T::GNUSparse, T::XHeader, T::XGlobalHeader]
    {
        let said = made().put(kind, "bot/x", b"").refused();
        assert!(said.contains("an entry of the kind"), "{kind:?}: {said}");
    }
}

#[test]
fn paths_lead_nowhere_else() {
    let wrong = [
        "/etc/passwd",
        "etc/passwd",
        "bot",
        "bot/",
        "bot//x",
        "bot/../x",
        "bot/workspace/../../x",
        "bot/./x",
        "bot/nowhere/x",
        "bot/workspace/SOUL.md",
        "bot/workspace/SOUL.md/x",
        "bot/workspace",
        "botx/y",
    ];
    for path in wrong {
        let said = made().put(tar::EntryType::Regular, path, b"x").refused();
        assert!(said.contains("its path") || said.contains("is good"), "{path}: {said}");
    }
    let twice = made().put(tar::EntryType::Directory, "bot/workspace/", b"").refused();
    assert!(twice.contains("is there twice"), "{twice}");
    let file_as_folder = made().put(tar::EntryType::Directory, "bot/workspace/SOUL.md/", b"").refused();
    assert!(file_as_folder.contains("is there twice"), "{file_as_folder}");
}

#[test]
fn nothing_is_too_long_too_deep_or_too_much() {
    let said = made().file(&"a".repeat(400), b"").refused();
    assert!(said.contains("too long"), "{said}");
    let mut deep = made();
    for path in ["a", "a/a", "a/a/a", "a/a/a/a", "a/a/a/a/a", "a/a/a/a/a/a"] {
        deep.folder(path);
    }
    assert!(deep.refused().contains("too deep"));
    let mut many = made();
    for n in 0..30 {
        many.file(&n.to_string(), b"");
    }
    assert!(many.refused().contains("more entries"));
    let bomb = made().file("zeros", &vec![0; 8 << 20]).refused();
    assert!(bomb.contains("more comes out of it"), "{bomb}");
    // Noise does not shrink, so that the ratio is not what stops it.
    let noise: Vec<u8> =
        (0..=10_u64 << 20).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes()[0]).collect();
    let large = made().file("noise", &noise).refused();
    assert!(large.contains("more comes out of it"), "{large}");
}

#[test]
fn an_archive_without_its_end_is_none() {
    assert!(made().read().unwrap_err().to_string().contains("no manifest"));
    let whole = made().file("noise", &[9; 3000]).manifest().compressed();
    for end in [0, 1, whole.len() / 2, whole.len() - 1] {
        assert!(read(&whole[..end]).is_err(), "cut off at {end} of {}", whole.len());
    }
    let mut tar = zstd::decode_all(whole.as_slice()).unwrap();
    tar.truncate(2000);
    assert!(read(&zstd::encode_all(tar.as_slice(), 3).unwrap()).is_err(), "cut off inside of a file");
}

#[test]
fn what_follows_the_end_is_refused() {
    let said = made().manifest().file("late", b"").read().unwrap_err().to_string();
    assert!(said.contains("follows its manifest"), "{said}");
    let mut tar = zstd::decode_all(made().manifest().compressed().as_slice()).unwrap();
    tar.extend(vec![1; 100_000]);
    let said = read(&zstd::encode_all(tar.as_slice(), 3).unwrap()).unwrap_err().to_string();
    assert!(said.contains("follows"), "{said}");
}

#[test]
fn files_are_those_of_the_manifest() {
    let mut other = made();
    other.entries[1].file.as_mut().unwrap().sha256 = "00".repeat(32);
    assert!(other.refused().contains("not those of its manifest"));
    let mut missing = made();
    missing.entries.push(Entry { path: "gone".into(), mode: 0, modified: 0, file: None });
    assert!(missing.refused().contains("not those of its manifest"));
    let mut more = made();
    more.put(tar::EntryType::Regular, "bot/hidden", b"");
    assert!(more.refused().contains("not those of its manifest"));
}

#[test]
fn noise_is_refused_and_never_panics() {
    let mut bytes = made().manifest().compressed();
    for at in 0..bytes.len() {
        bytes[at] ^= 0x55;
        let _ = read(&bytes);
        bytes[at] ^= 0x55;
    }
    let tar = zstd::decode_all(bytes.as_slice()).unwrap();
    for at in (0..tar.len()).step_by(7) {
        let mut wrong = tar.clone();
        wrong[at] ^= 0xff;
        let _ = read(&zstd::encode_all(wrong.as_slice(), 1).unwrap());
    }
    let mut noise = Vec::new();
    noise.write_all(&[0x28, 0xb5, 0x2f, 0xfd, 0xff, 0xff]).unwrap();
    assert!(read(&noise).is_err());
}
