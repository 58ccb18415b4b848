use super::{Account, in_passwd};
use std::{fs, os::unix::fs::PermissionsExt};

#[test]
fn users_are_found_by_their_name_and_root_never() {
    let passwd = "root:x:0:0:root:/root:/bin/bash\nbroken\npost:x:7:7\npostgres:x:101:104:,,,:/v:/bin/sh\nnobody:x:0:0\n";
    let postgres = Account { name: "postgres".to_owned(), uid: 101, gid: 104 };
    assert_eq!(in_passwd(passwd, "postgres"), Some(postgres));
    assert_eq!(in_passwd(passwd, "nobody"), None);
    assert_eq!(in_passwd(passwd, "admin"), None);
}

#[test]
fn a_closed_directory_on_the_way_is_seen() {
    let base = tempfile::tempdir().unwrap();
    let inner = base.path().join("a/b");
    fs::create_dir_all(&inner).unwrap();
    let stranger = Account { name: "stranger".to_owned(), uid: 4_000_000, gid: 4_000_000 };
    fs::set_permissions(base.path(), fs::Permissions::from_mode(0o711)).unwrap();
    fs::set_permissions(base.path().join("a"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(stranger.reaches(&inner));
    fs::set_permissions(base.path().join("a"), fs::Permissions::from_mode(0o750)).unwrap();
    assert!(!stranger.reaches(&inner));
}
