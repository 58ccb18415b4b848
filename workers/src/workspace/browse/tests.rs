use super::*;
use pretty_assertions::assert_eq;
use rustix::fs::CWD;
use std::{
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

const BOT: BotId = BotId(uuid::Uuid::from_u128(7));

struct Place {
    root: tempfile::TempDir,
    bots: Workspaces,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let bots = Workspaces::new(&root.path().join("bots")).unwrap();
        std::fs::write(root.path().join("secret"), "secret").unwrap();
        Self { root, bots }
    }

    /// With a workspace that has a file.
    async fn with_file() -> Self {
        let place = Self::new();
        place.put("notes/a.md", "one", Expected::Anything).await.unwrap();
        place
    }

    fn workspace(&self) -> PathBuf {
        self.bots.state_dir(BOT).join("workspace")
    }

    fn secret(&self) -> PathBuf {
        self.root.path().join("secret")
    }

    async fn put(&self, at: &str, content: &str, expected: Expected) -> Result<Entry, FileError> {
        self.bots.put(BOT, path(at), content.as_bytes().to_vec(), expected).await
    }

    async fn read(&self, at: &str) -> Result<String, FileError> {
        let (_, mut file) = self.bots.open(BOT, path(at)).await?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok(text)
    }

    async fn names(&self, at: &str) -> Vec<String> {
        let listing = self.bots.list(BOT, path(at)).await.unwrap();
        listing.entries.into_iter().map(|entry| entry.name).collect()
    }
}

fn path(text: &str) -> WorkspacePath {
    text.parse().unwrap()
}

fn etag(entry: &Entry) -> Expected {
    Expected::Etag(vec![entry.etag.clone()])
}

fn fifo(at: &Path) {
    rustix::fs::mknodat(CWD, at, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[tokio::test]
async fn files_are_private_whole_and_kept_from_lost_updates() {
    let place = Place::new();
    assert_eq!(
        place.names("").await,
        Vec::<String>::new(),
        "a bot that never started has an empty workspace"
    );
    let first = place.put("skills/a/SKILL.md", "one", Expected::Nothing).await.unwrap();
    assert!(matches!(place.put("skills/a/SKILL.md", "x", Expected::Nothing).await, Err(FileError::Changed)));
    let file = place.workspace().join("skills/a/SKILL.md");
    for (made, mode) in [(file.as_path(), 0o600), (file.parent().unwrap(), 0o700)] {
        let about = made.metadata().unwrap();
        assert_eq!((about.permissions().mode() & 0o7777, about.uid()), (mode, place.bots.owner().uid));
    }
    // A script stays one.
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    let second = place.put("skills/a/SKILL.md", "two", etag(&first)).await.unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o7777, 0o755);
    assert!(matches!(place.put("skills/a/SKILL.md", "x", etag(&first)).await, Err(FileError::Changed)));
    assert!(matches!(
        place.bots.delete(BOT, path("skills/a/SKILL.md"), etag(&first)).await,
        Err(FileError::Changed)
    ));
    // What the bot writes into the file itself is another file, too.
    std::fs::write(&file, "the bot's own").unwrap();
    assert!(matches!(place.put("skills/a/SKILL.md", "x", etag(&second)).await, Err(FileError::Changed)));
    assert_eq!(place.read("skills/a/SKILL.md").await.unwrap(), "the bot's own");
    place.bots.delete(BOT, path("skills/a/SKILL.md"), Expected::Anything).await.unwrap();
    assert!(matches!(place.read("skills/a/SKILL.md").await, Err(FileError::Missing)));
    assert_eq!(place.names("skills/a").await, Vec::<String>::new(), "nothing is left of what was under way");
}

#[tokio::test]
async fn links_lead_nowhere() {
    let place = Place::with_file().await;
    let workspace = place.workspace();
    symlink(place.secret(), workspace.join("link")).unwrap();
    symlink(place.root.path(), workspace.join("folder")).unwrap();
    symlink("../openclaw.json", workspace.join("config")).unwrap();
    symlink("/nowhere", workspace.join("dangling")).unwrap();
    std::fs::write(place.bots.state_dir(BOT).join("openclaw.json"), "token").unwrap();
    for at in ["link", "config", "dangling", "folder"] {
        assert!(matches!(place.read(at).await, Err(FileError::Other { .. })), "{at}");
        assert!(matches!(place.put(at, "x", Expected::Anything).await, Err(FileError::Other { .. })), "{at}");
    }
    for at in ["folder/secret", "folder/new", "notes/a.md/x"] {
        assert!(matches!(place.read(at).await, Err(FileError::Missing)), "{at}");
        assert!(place.put(at, "x", Expected::Anything).await.is_err(), "{at}");
        assert!(place.bots.delete(BOT, path(at), Expected::Anything).await.is_err(), "{at}");
    }
    assert!(matches!(place.bots.list(BOT, path("folder")).await, Err(FileError::Missing)));
    let kinds = place.bots.list(BOT, path("")).await.unwrap().entries;
    assert!(kinds.iter().filter(|entry| entry.kind == EntryKind::Link).count() == 4, "{kinds:?}");
    // A link itself can be removed.
    place.bots.delete(BOT, path("link"), Expected::Anything).await.unwrap();
    assert_eq!(std::fs::read_to_string(place.secret()).unwrap(), "secret");
    assert!(!place.root.path().join("new").exists());
}

#[tokio::test]
async fn a_link_in_place_of_the_workspace_itself_is_no_workspace() {
    let place = Place::with_file().await;
    std::fs::remove_dir_all(place.workspace()).unwrap();
    symlink(place.root.path(), place.workspace()).unwrap();
    assert_eq!(place.names("").await, Vec::<String>::new());
    assert!(place.read("secret").await.is_err());
    assert!(place.put("secret", "x", Expected::Anything).await.is_err());
    assert_eq!(std::fs::read_to_string(place.secret()).unwrap(), "secret");
}

#[tokio::test]
async fn pipes_and_devices_are_not_opened() {
    let place = Place::with_file().await;
    fifo(&place.workspace().join("pipe"));
    // Would wait for ever if it were opened as a file is.
    let opened = tokio::time::timeout(Duration::from_secs(20), place.read("pipe")).await.unwrap();
    assert!(matches!(opened, Err(FileError::Other { .. })), "{opened:?}");
    assert!(matches!(place.put("pipe", "x", Expected::Anything).await, Err(FileError::Other { .. })));
    let device = place.workspace().join("null");
    let made =
        rustix::fs::mknodat(CWD, &device, FileType::CharacterDevice, Mode::RUSR, rustix::fs::makedev(1, 3));
    if made.is_ok() {
        assert!(place.read("null").await.is_err());
        assert!(place.put("null", "x", Expected::Anything).await.is_err());
    }
    assert!(matches!(place.read("notes").await, Err(FileError::Other { .. })), "a folder is no file");
    assert!(matches!(place.put("notes", "x", Expected::Anything).await, Err(FileError::Other { .. })));
    assert!(place.bots.delete(BOT, path("notes"), Expected::Anything).await.is_err());
}

#[tokio::test]
async fn a_listing_is_bounded_and_says_so() {
    let place = Place::with_file().await;
    let many = place.workspace().join("many");
    std::fs::create_dir(&many).unwrap();
    for n in 0..=MAX_ENTRIES {
        std::fs::write(many.join(format!("{n}")), "").unwrap();
    }
    let listing = place.bots.list(BOT, path("many")).await.unwrap();
    assert_eq!((listing.entries.len(), listing.incomplete), (MAX_ENTRIES, true));
    let odd: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(vec![b'a', 0xff]);
    std::fs::write(place.workspace().join("notes").join(odd), "").unwrap();
    let listing = place.bots.list(BOT, path("notes")).await.unwrap();
    assert_eq!((listing.entries.len(), listing.incomplete), (1, true));
}

#[tokio::test]
async fn many_who_write_at_once_leave_one_whole_file() {
    let place = Place::with_file().await;
    let texts: Vec<String> = (0..16).map(|n| format!("{n}").repeat(50_000)).collect();
    let puts = texts.iter().map(|text| place.put("notes/a.md", text, Expected::Anything));
    for done in futures::future::join_all(puts).await {
        // Somebody may have replaced it before it was looked at, never half of it.
        done.unwrap();
    }
    assert!(texts.contains(&place.read("notes/a.md").await.unwrap()));
    assert_eq!(place.names("notes").await, ["a.md"]);
}
