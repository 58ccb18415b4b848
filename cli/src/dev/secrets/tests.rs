use super::PlatformSecrets;
use crate::{config::MasterKey, dev::DevError, source::SystemIds};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

fn load(dir: &Path, configured: Option<&MasterKey>, exists: bool) -> Result<PlatformSecrets, DevError> {
    PlatformSecrets::load(dir, configured, exists, &SystemIds)
}

#[test]
fn both_keys_are_made_once_and_only_the_owner_can_read_them() {
    let base = tempfile::tempdir().unwrap();
    let dir = base.path().join("secrets");
    let first = load(&dir, None, false).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&dir), mode(&dir.join("master.key")), mode(&dir.join("signing.key"))),
        (0o700, 0o600, 0o600)
    );
    assert_ne!(first.master_key.bytes(), &*first.signing_key);
    fs::set_permissions(dir.join("master.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let second = load(&dir, None, true).unwrap();
    assert_eq!(second.master_key.bytes(), first.master_key.bytes());
    assert_eq!(second.signing_key, first.signing_key);
    assert_eq!(mode(&dir.join("master.key")), 0o600);
}

#[test]
fn a_lost_master_key_is_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    load(dir.path(), None, false).unwrap();
    fs::remove_file(dir.path().join("master.key")).unwrap();
    let refused = load(dir.path(), None, true).unwrap_err().to_string();
    assert!(refused.contains("master.key") && refused.contains("BOT_MASTER_KEY"), "{refused}");
    assert!(!dir.path().join("master.key").exists());
    let given = MasterKey::new([7; 32]);
    assert_eq!(load(dir.path(), Some(&given), true).unwrap().master_key.bytes(), &[7; 32]);
}

#[test]
fn a_broken_or_contradicting_master_key_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("master.key"), "hunter2").unwrap();
    let refused = load(dir.path(), None, false).unwrap_err().to_string();
    assert!(refused.contains("master.key") && !refused.contains("hunter2"), "{refused}");
    fs::write(dir.path().join("master.key"), "07".repeat(32)).unwrap();
    assert!(load(dir.path(), Some(&MasterKey::new([8; 32])), true).is_err());
    assert!(load(dir.path(), Some(&MasterKey::new([7; 32])), true).is_ok());
}

#[test]
fn a_lost_or_broken_signing_key_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let first = load(dir.path(), None, false).unwrap();
    fs::write(dir.path().join("signing.key"), "x").unwrap();
    let second = load(dir.path(), None, true).unwrap();
    assert_ne!(second.signing_key, first.signing_key);
    assert_eq!(load(dir.path(), None, true).unwrap().signing_key, second.signing_key);
}

#[test]
fn processes_with_the_same_master_key_sign_alike() {
    let of = |byte| PlatformSecrets::derived(MasterKey::new([byte; 32]));
    assert_eq!(of(1).signing_key, of(1).signing_key);
    assert_ne!(of(1).signing_key, of(2).signing_key);
    assert_ne!(&*of(1).signing_key, of(1).master_key.bytes());
    assert_eq!(format!("{:?}", of(1)), "PlatformSecrets(***)");
}
