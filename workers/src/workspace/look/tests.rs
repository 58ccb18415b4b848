use super::*;
use pretty_assertions::assert_eq;
use std::os::unix::fs::{PermissionsExt, symlink};

fn bot() -> BotId {
    BotId(uuid::Uuid::from_u128(7))
}

fn workspaces() -> (tempfile::TempDir, Workspaces, std::path::PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let workspaces = Workspaces::new(root.path()).unwrap();
    let folder = workspaces.state_dir(bot());
    std::fs::create_dir(&folder).unwrap();
    (root, workspaces, folder)
}

#[tokio::test]
async fn what_is_in_a_folder_is_counted_and_links_are_not_followed() {
    let (root, workspaces, folder) = workspaces();
    std::fs::create_dir_all(folder.join("a/b")).unwrap();
    std::fs::write(folder.join("a/b/large"), vec![1; 3 << 20]).unwrap();
    let outside = root.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("huge"), vec![1; 9 << 20]).unwrap();
    symlink(&outside, folder.join("link")).unwrap();
    symlink(outside.join("huge"), folder.join("huge")).unwrap();
    let usage = workspaces.measure(bot()).await.unwrap();
    assert_eq!((usage.entries, usage.complete), (5, true));
    assert!((3 << 20..4 << 20).contains(&usage.bytes), "{usage:?}");
    let nobody = BotId(uuid::Uuid::from_u128(8));
    assert_eq!(workspaces.measure(nobody).await.unwrap().bytes, 0);
}

#[tokio::test]
async fn folders_without_end_are_not_gone_into_for_ever() {
    let (_root, workspaces, folder) = workspaces();
    let mut deep = folder;
    for _ in 0..DEPTH + 5 {
        deep.push("d");
    }
    std::fs::create_dir_all(&deep).unwrap();
    let usage = workspaces.measure(bot()).await.unwrap();
    assert!(!usage.complete, "{usage:?}");
}

#[tokio::test]
async fn a_look_changes_nothing_and_takes_no_link() {
    let (_root, workspaces, folder) = workspaces();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let seen = workspaces.look(bot()).await.unwrap().unwrap();
    assert_eq!((seen.rights.mode, seen.config), (0o755, None));
    std::fs::write(folder.join(CONFIG), "{}").unwrap();
    let seen = workspaces.look(bot()).await.unwrap().unwrap();
    assert_eq!(seen.config.unwrap().1, b"{}");
    std::fs::remove_file(folder.join(CONFIG)).unwrap();
    symlink("/etc/passwd", folder.join(CONFIG)).unwrap();
    assert!(workspaces.look(bot()).await.is_err());
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(workspaces.look(BotId(uuid::Uuid::from_u128(8))).await.unwrap(), None);
}

#[tokio::test]
async fn only_folders_named_as_bots_are_found() {
    let (root, workspaces, _) = workspaces();
    for other in ["lost+found", "00000000000000000000000000000009", "00000000-0000-0000-0000-00000000000A"] {
        std::fs::create_dir(root.path().join(other)).unwrap();
    }
    let found = workspaces.folders().await.unwrap();
    assert_eq!(found.iter().map(|named| named.bot).collect::<Vec<_>>(), [bot()]);
    let disk = workspaces.disk().await.unwrap();
    assert!(disk.total > 0 && disk.free <= disk.total);
}
