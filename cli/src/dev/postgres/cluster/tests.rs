use super::{exists, forget_stale_pid, password};
use crate::{
    dev::{DataDir, home::Home},
    source::SystemIds,
};
use std::fs;

fn home() -> (tempfile::TempDir, DataDir, Home) {
    let base = tempfile::tempdir().unwrap();
    let data = DataDir::open(&base.path().join("data")).unwrap();
    let home = Home { dir: data.file("postgres"), account: None, note: None };
    fs::create_dir(&home.dir).unwrap();
    (base, data, home)
}

#[test]
fn the_pid_file_is_removed_only_when_its_id_belongs_to_something_else() {
    let (_base, _data, home) = home();
    let path = home.dir.join("postmaster.pid");
    let after = |content: String| {
        fs::write(&path, content).unwrap();
        forget_stale_pid(&home).unwrap();
        path.exists()
    };
    assert!(!after(format!("{}\n/x\n", std::process::id())), "this test is no Postgres");
    assert!(after("999999999\n/x\n".to_owned()), "Postgres itself deals with the dead");
    assert!(after(String::new()));
}

#[test]
fn the_password_is_made_once_and_a_lost_one_is_not_guessed() {
    let (_base, data, home) = home();
    let first = password(&data, &home, &SystemIds).unwrap();
    assert_eq!(password(&data, &home, &SystemIds).unwrap().expose(), first.expose());
    fs::write(home.dir.join("PG_VERSION"), "15\n").unwrap();
    assert!(exists(&home));
    fs::remove_file(data.file("postgres.password")).unwrap();
    let refused = password(&data, &home, &SystemIds).unwrap_err().to_string();
    assert!(refused.contains("postgres.password"), "{refused}");
}
