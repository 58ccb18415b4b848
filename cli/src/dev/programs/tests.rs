use super::{directories, expand, numbers};
use std::{ffi::OsStr, fs, path::PathBuf};

#[test]
fn versions_are_read_as_the_programs_print_them() {
    assert_eq!(numbers("nats-server: v2.9.10\n"), Some(vec![2, 9, 10]));
    assert_eq!(numbers("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(vec![15, 14]));
    assert_eq!(numbers("postgres (PostgreSQL) 18beta1"), Some(vec![18]));
    assert_eq!(numbers("none"), None);
}

#[test]
fn a_star_stands_for_a_part_of_one_name() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["pg-15/bin", "pg-16/bin", "other/bin", "pg-17/lib"] {
        fs::create_dir_all(dir.path().join(name)).unwrap();
    }
    let mut found = expand(&format!("{}/pg-*/bin", dir.path().display()));
    found.sort();
    assert_eq!(found, [dir.path().join("pg-15/bin"), dir.path().join("pg-16/bin")]);
}

#[test]
fn the_path_comes_first_and_relative_parts_of_it_never() {
    let found = directories(Some(OsStr::new("/a:.:b:/c")));
    assert_eq!(found[..2], [PathBuf::from("/a"), PathBuf::from("/c")]);
    assert!(found.iter().all(|dir| dir.is_absolute()));
}
