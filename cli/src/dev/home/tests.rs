use super::Home;
use crate::dev::{DataDir, account};
use std::{fs, os::unix::fs::PermissionsExt};

/// A data directory in a closed directory, and a place outside of it.
fn closed() -> (tempfile::TempDir, DataDir, std::path::PathBuf) {
    let base = tempfile::tempdir().unwrap();
    fs::set_permissions(base.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let data = DataDir::open(&base.path().join("closed/data")).unwrap();
    fs::set_permissions(base.path().join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    let outside = base.path().join("outside");
    (base, data, outside)
}

#[test]
fn a_server_lives_in_the_data_directory_where_its_user_can_get_there() {
    let (base, data, outside) = closed();
    fs::set_permissions(base.path().join("closed"), fs::Permissions::from_mode(0o755)).unwrap();
    let home = Home::find_below(&outside, &data, "postgres").unwrap();
    assert_eq!((home.dir, home.note), (data.file("postgres"), None));
    assert_eq!(home.account.is_some(), account::is_root());
}

#[test]
fn where_its_user_cannot_it_lives_outside_and_is_found_again() {
    let (base, data, outside) = closed();
    let home = Home::find_below(&outside, &data, "postgres").unwrap();
    if !account::is_root() {
        assert_eq!(home.dir, data.file("postgres"), "one's own directories are never closed");
        return;
    }
    assert!(home.dir.starts_with(&outside) && home.note.is_some());
    home.make_dir(&home.dir).unwrap();
    // A parent that opens later changes nothing: the files are where they are.
    fs::set_permissions(base.path().join("closed"), fs::Permissions::from_mode(0o755)).unwrap();
    let again = Home::find_below(&outside, &data, "postgres").unwrap();
    assert_eq!(again.dir, home.dir);
    assert_eq!(again.account.map(|a| a.uid), home.account.map(|a| a.uid));
}

#[test]
fn what_a_deleted_data_directory_left_outside_is_set_aside() {
    let (_base, data, outside) = closed();
    if !account::is_root() {
        return;
    }
    let home = Home::find_below(&outside, &data, "postgres").unwrap();
    home.make_dir(&home.dir).unwrap();
    fs::write(home.dir.join("PG_VERSION"), "15").unwrap();
    fs::remove_dir_all(data.path()).unwrap();
    let data = DataDir::open(data.path()).unwrap();
    let fresh = Home::find_below(&outside, &data, "postgres").unwrap();
    assert_eq!(fresh.dir, home.dir);
    assert!(!fresh.dir.exists());
    assert!(fresh.dir.with_extension("old-1").join("PG_VERSION").exists());
}
