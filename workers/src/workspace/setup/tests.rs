use super::*;
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};
use tempfile::TempDir;

fn id(n: u128) -> BotId {
    BotId(uuid::Uuid::from_u128(n))
}

fn place() -> (TempDir, Workspaces) {
    let root = tempfile::tempdir().unwrap();
    let workspaces = Workspaces::new(root.path()).unwrap();
    (root, workspaces)
}

fn soul(workspaces: &Workspaces, bot: BotId) -> String {
    fs::read_to_string(workspaces.state_dir(bot).join("workspace/SOUL.md")).unwrap()
}

fn plant(folder: &Path, files: &[(&str, &str)]) {
    fs::create_dir_all(folder.join("workspace")).unwrap();
    for (name, text) in files {
        fs::write(folder.join("workspace").join(name), text).unwrap();
    }
}

#[tokio::test]
async fn a_persona_is_written_once() {
    let (_root, workspaces) = place();
    let bot = id(1);
    assert!(!workspaces.has_begun(bot).await.unwrap());
    workspaces.begin(bot, None, Some("first".into())).await.unwrap();
    assert!(workspaces.has_begun(bot).await.unwrap());
    workspaces.begin(bot, None, Some("second".into())).await.unwrap();
    assert_eq!(soul(&workspaces, bot), "first");
    let file = workspaces.state_dir(bot).join("workspace/SOUL.md");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_clone_begins_with_the_persona_of_the_other_and_nothing_else() {
    let (_root, workspaces) = place();
    let (from, to) = (id(1), id(2));
    let files =
        [("SOUL.md", "a soul"), ("AGENTS.md", "agents"), ("MEMORY.md", "private"), ("USER.md", "anna")];
    plant(&workspaces.state_dir(from), &files);
    workspaces.begin(to, Some(Origin::CloneOf(from)), Some("first soul".into())).await.unwrap();
    assert_eq!(soul(&workspaces, to), "a soul", "as it is now, not as it was made");
    let workspace = workspaces.state_dir(to).join("workspace");
    let mut names: Vec<_> =
        fs::read_dir(workspace).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["AGENTS.md", "SOUL.md"]);
    assert_eq!(soul(&workspaces, from), "a soul");
    // One whose model is gone begins with the persona that it was made with.
    workspaces.begin(id(3), Some(Origin::CloneOf(id(9))), Some("first soul".into())).await.unwrap();
    assert_eq!(soul(&workspaces, id(3)), "first soul");
}

#[tokio::test]
async fn a_clone_follows_no_link_of_the_other() {
    let (root, workspaces) = place();
    let secret = root.path().join("secret");
    fs::write(&secret, "the host's").unwrap();
    let (from, to) = (id(1), id(2));
    plant(&workspaces.state_dir(from), &[("AGENTS.md", "agents")]);
    symlink(&secret, workspaces.state_dir(from).join("workspace/SOUL.md")).unwrap();
    workspaces.begin(to, Some(Origin::CloneOf(from)), None).await.unwrap();
    let copied = workspaces.state_dir(to).join("workspace");
    assert!(!copied.join("SOUL.md").exists() && copied.join("AGENTS.md").exists());
    // A workspace that is a link to elsewhere is none.
    fs::remove_dir_all(workspaces.state_dir(from).join("workspace")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("SOUL.md"), "elsewhere").unwrap();
    symlink(elsewhere.path(), workspaces.state_dir(from).join("workspace")).unwrap();
    workspaces.begin(id(3), Some(Origin::CloneOf(from)), None).await.unwrap();
    assert!(!workspaces.has_begun(id(3)).await.unwrap());
}

#[tokio::test]
async fn the_data_of_a_deleted_bot_are_taken_over_as_they_are() {
    let (_root, workspaces) = place();
    let (before, now) = (id(1), id(2));
    plant(&workspaces.state_dir(before), &[("SOUL.md", "a soul"), ("MEMORY.md", "much")]);
    for _ in 0..2 {
        workspaces.begin(now, Some(Origin::DataOf(before)), Some("unused".into())).await.unwrap();
        assert!(!workspaces.state_dir(before).exists());
        assert_eq!(soul(&workspaces, now), "a soul");
        assert!(workspaces.state_dir(now).join("workspace/MEMORY.md").exists());
    }
    let lost = workspaces.begin(id(4), Some(Origin::DataOf(id(3))), None).await.unwrap_err();
    assert_eq!(lost.to_string(), format!("the data that bot {} left are not on this host", id(3)));
    assert!(!workspaces.state_dir(id(4)).exists(), "it does not begin without them");
}

#[tokio::test]
async fn switches_are_written_and_withdrawn() {
    let (_root, workspaces) = place();
    let bot = id(1);
    let file = workspaces.state_dir(bot).join("workspace/features.json");
    workspaces.write_features(bot, &Features::default()).await.unwrap();
    assert!(!file.exists());
    let features = [("canvas".parse().unwrap(), true), ("voice".parse().unwrap(), false)].into();
    workspaces.write_features(bot, &features).await.unwrap();
    let read =
        |path: &Path| -> Features { serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap() };
    assert_eq!(read(&file), features);
    workspaces.write_features(bot, &Features::default()).await.unwrap();
    assert_eq!(read(&file), Features::default());
}
