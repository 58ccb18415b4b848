use super::*;
use clawplane_domain::{
    TenantId,
    bot::{BotState, Desired, Life, Limits, ModelChoice, Observation},
};
use rustix::fs::{Mode, OFlags};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

/// A bot with these models (`vendor/model`) on port 9200.
pub(crate) fn bot(models: &[&str]) -> DesiredBot {
    let choice = |text: &&str| {
        let (vendor, model) = text.split_once('/').unwrap();
        ModelChoice { vendor: vendor.parse().unwrap(), model: model.parse().unwrap() }
    };
    DesiredBot {
        placement: clawplane_domain::bot::Placement::default(),
        id: BotId(uuid::Uuid::from_u128(1)),
        tenant_id: TenantId(uuid::Uuid::from_u128(2)),
        hostname: "anna".parse().unwrap(),
        name: "Anna".parse().unwrap(),
        image: None,
        port: 9200,
        tags: vec![],
        models: models.iter().map(choice).collect(),
        limits: Limits::default(),
        config_version: 0,
        token: None,
        life: Life::default(),
        egress: Vec::new(),
        desired: Desired::Running,
        observed: Observation::new(BotState::Created),
    }
}

/// What the worker asks for: this version with this text, of a bot with one model.
fn wanted(version: u64, text: Option<&str>) -> ConfigFile {
    let bot = bot(&["openai/gpt-4o-mini"]);
    ConfigFile {
        port: bot.port,
        models: bot.models,
        version,
        text: text.map(str::to_owned),
        token: Secret::new(format!("cp_{}", "t".repeat(43))),
        proxy: "10.0.0.1:18790".parse().unwrap(),
        renew: true,
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[tokio::test]
async fn a_workspace_is_private_and_complete() {
    let root = tempfile::tempdir().unwrap();
    let workspaces = Workspaces::new(&root.path().join("bots")).unwrap();
    let bot = bot(&["openai/gpt-4o-mini"]);
    workspaces.prepare(&bot, wanted(0, None)).await.unwrap();
    let state = workspaces.state_dir(bot.id);
    let config: serde_json::Value = serde_json::from_str(&read(&state, "openclaw.json")).unwrap();
    assert_eq!(config["gateway"]["auth"]["token"], wanted(0, None).token.expose());
    let provider = &config["models"]["providers"]["openai-proxy"];
    assert_eq!(provider["baseUrl"], "http://10.0.0.1:18790/api/v1/openai");
    let own: serde_json::Value = serde_json::from_str(&read(&state, "config.json")).unwrap();
    assert_eq!(own["hostname"], "anna");
    for folder in [state.clone(), state.join("workspace")] {
        assert_eq!((mode(&folder), folder.metadata().unwrap().uid()), (0o700, workspaces.owner().uid));
    }
    for file in ["openclaw.json", "config.json", "soul.md", "workspace/SOUL.md", "workspace/AGENTS.md"] {
        let file = state.join(file);
        assert_eq!(
            (mode(&file), file.metadata().unwrap().gid()),
            (0o600, workspaces.owner().gid),
            "{file:?}"
        );
    }
    assert_eq!(mode(&root.path().join("bots")), 0o700);
    assert!(!state.join(".clawplane.tmp").exists());
}

#[tokio::test]
async fn what_somebody_edited_stays_until_another_version_is_wanted() {
    let root = tempfile::tempdir().unwrap();
    let workspaces = Workspaces::new(root.path()).unwrap();
    let bot = bot(&["openai/gpt-4o-mini"]);
    workspaces.prepare(&bot, wanted(0, None)).await.unwrap();
    let state = workspaces.state_dir(bot.id);
    let edited = format!("// by hand\n{}", read(&state, "openclaw.json"));
    std::fs::write(state.join("openclaw.json"), edited.replace("18789", "1")).unwrap();
    std::fs::write(state.join("workspace/SOUL.md"), "my soul").unwrap();
    workspaces.prepare(&bot, wanted(0, None)).await.unwrap();
    assert_eq!(
        read(&state, "openclaw.json"),
        edited,
        "the platform's port is back, and nothing else was touched"
    );

    let text = "{ // saved\n mine: '<gateway token>' }";
    workspaces.prepare(&bot, wanted(1, Some(text))).await.unwrap();
    let saved = read(&state, "openclaw.json");
    assert!(
        saved.contains("// saved") && saved.contains(&format!("mine: '{}'", wanted(0, None).token.expose()))
    );
    assert_eq!(read(&state, "openclaw.json.replaced"), edited, "nothing is lost");
    let (seen, version) = workspaces.read_config(bot.id).await.unwrap().unwrap();
    assert_eq!(version, 1);
    assert!(
        seen.contains("mine: '<gateway token>'") && !seen.contains("cp_") && !seen.contains("10.0.0.1"),
        "{seen}"
    );
    // The same version again is no reason to take away what came after it.
    std::fs::write(state.join("openclaw.json"), saved.replace("// saved", "// later")).unwrap();
    workspaces.prepare(&bot, wanted(1, Some(text))).await.unwrap();
    assert!(read(&state, "openclaw.json").contains("// later"));
    // What the bot writes beside it does not fool the platform.
    std::fs::write(state.join("version"), "2").unwrap();
    workspaces.prepare(&bot, wanted(2, Some("{ /* two */ }"))).await.unwrap();
    assert!(read(&state, "openclaw.json").contains("/* two */"));
    assert_eq!(read(&state, "workspace/SOUL.md"), "my soul");
}

#[tokio::test]
async fn a_file_that_nobody_can_read_stays_at_a_start_and_goes_with_a_new_container() {
    let root = tempfile::tempdir().unwrap();
    let workspaces = Workspaces::new(root.path()).unwrap();
    let bot = bot(&["openai/gpt-4o-mini"]);
    let version = || wanted(3, Some("{ /* three */ }"));
    workspaces.prepare(&bot, version()).await.unwrap();
    let state = workspaces.state_dir(bot.id);
    std::fs::write(state.join("openclaw.json"), "{ a: ").unwrap();
    workspaces.prepare(&bot, ConfigFile { renew: false, ..version() }).await.unwrap();
    assert_eq!(read(&state, "openclaw.json"), "{ a: ");
    workspaces.prepare(&bot, version()).await.unwrap();
    assert!(read(&state, "openclaw.json").contains("/* three */"));
    assert_eq!(read(&state, "openclaw.json.replaced"), "{ a: ");
}

#[tokio::test]
async fn planted_links_lead_nowhere() {
    let root = tempfile::tempdir().unwrap();
    let victim = root.path().join("victim");
    std::fs::create_dir(&victim).unwrap();
    std::fs::write(victim.join("file"), "untouched").unwrap();
    let workspaces = Workspaces::new(&root.path().join("bots")).unwrap();
    let bot = bot(&["openai/gpt-4o-mini"]);
    workspaces.prepare(&bot, wanted(0, None)).await.unwrap();
    let state = workspaces.state_dir(bot.id);
    for name in ["openclaw.json", "openclaw.json.replaced", "config.json", "soul.md", ".clawplane.tmp"] {
        let _ = std::fs::remove_file(state.join(name));
        symlink(victim.join("file"), state.join(name)).unwrap();
    }
    std::fs::remove_file(state.join("workspace/SOUL.md")).unwrap();
    symlink(victim.join("new"), state.join("workspace/SOUL.md")).unwrap();
    workspaces.prepare(&bot, wanted(1, Some("{}"))).await.unwrap();
    assert_eq!(std::fs::read_to_string(victim.join("file")).unwrap(), "untouched");
    assert!(!victim.join("new").exists(), "a dangling link is not written through");
    assert!(state.join("openclaw.json").symlink_metadata().unwrap().is_file(), "the link was replaced");

    std::fs::remove_dir_all(state.join("workspace")).unwrap();
    symlink(&victim, state.join("workspace")).unwrap();
    let refused = workspaces.prepare(&bot, wanted(2, Some("{}"))).await.unwrap_err();
    assert!(refused.to_string().contains("workspace is not a folder"), "{refused}");
    assert_eq!(std::fs::read_dir(&victim).unwrap().count(), 1);

    workspaces.remove(bot.id).await.unwrap();
    assert!(!state.exists());
    assert_eq!(std::fs::read_to_string(victim.join("file")).unwrap(), "untouched");
}

#[tokio::test]
async fn a_link_in_place_of_the_bots_folder_is_refused_and_removed_alone() {
    let root = tempfile::tempdir().unwrap();
    let workspaces = Workspaces::new(&root.path().join("bots")).unwrap();
    let bot = bot(&["openai/gpt-4o-mini"]);
    symlink(root.path(), workspaces.state_dir(bot.id)).unwrap();
    assert!(workspaces.prepare(&bot, wanted(0, None)).await.is_err());
    workspaces.remove(bot.id).await.unwrap();
    workspaces.remove(bot.id).await.expect("nothing to remove is a success");
    assert!(root.path().join("bots").exists());
}

#[tokio::test]
async fn folders_nested_beyond_every_limit_are_removed() {
    let root = tempfile::tempdir().unwrap();
    let workspaces = Workspaces::new(root.path()).unwrap();
    let id = BotId(uuid::Uuid::from_u128(1));
    let state = workspaces.state_dir(id);
    std::fs::create_dir(&state).unwrap();
    std::fs::create_dir(state.join(".clawplane-removed-0")).unwrap();
    let flags = OFlags::DIRECTORY | OFlags::RDONLY;
    let mut here = rustix::fs::open(&state, flags, Mode::empty()).unwrap();
    // 4,000 levels of 200 bytes: longer than any path, deeper than the file descriptors reach.
    let name = "d".repeat(200);
    for _ in 0..4000 {
        rustix::fs::mkdirat(&here, name.as_str(), Mode::RWXU).unwrap();
        here = rustix::fs::openat(&here, name.as_str(), flags, Mode::empty()).unwrap();
        rustix::fs::openat(&here, "file", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR).unwrap();
    }
    workspaces.remove(id).await.unwrap();
    assert!(!state.exists());
}

#[tokio::test]
async fn a_folder_is_measured_without_following_links() {
    let root = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("big"), vec![7; 4 << 20]).unwrap();
    let workspaces = Workspaces::new(root.path()).unwrap();
    let bot = bot(&["openai/gpt-4o-mini"]);
    assert_eq!(workspaces.size(bot.id).await.unwrap(), Size::default(), "nothing there is nothing");
    let inner = workspaces.state_dir(bot.id).join("a/b");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::write(inner.join("file"), vec![7; 100_000]).unwrap();
    symlink(outside.path(), inner.join("folder-link")).unwrap();
    symlink(outside.path().join("big"), inner.join("file-link")).unwrap();
    let size = workspaces.size(bot.id).await.unwrap();
    assert!(!size.is_more && (100_000..1_000_000).contains(&size.bytes), "{size:?}");
    // Deeper than it is looked: told of, not an error.
    let deep = workspaces.state_dir(bot.id).join("d/".repeat(200));
    std::fs::create_dir_all(deep).unwrap();
    assert!(workspaces.size(bot.id).await.unwrap().is_more);
}

#[tokio::test]
async fn a_configuration_is_read_and_a_link_is_not() {
    let root = tempfile::tempdir().unwrap();
    let workspaces = Workspaces::new(root.path()).unwrap();
    let bot = bot(&["openai/gpt-4o-mini"]);
    assert_eq!(workspaces.config(bot.id).await.unwrap(), None);
    assert!(!workspaces.state_dir(bot.id).exists(), "looking makes nothing");
    workspaces.prepare(&bot, wanted(1, Some("{ /* x */ }"))).await.unwrap();
    let text = workspaces.config(bot.id).await.unwrap().unwrap();
    assert!(text.contains("/* x */"), "{text}");
    let file = workspaces.state_dir(bot.id).join("openclaw.json");
    std::fs::remove_file(&file).unwrap();
    symlink("/etc/passwd", &file).unwrap();
    assert!(workspaces.config(bot.id).await.is_err());
}
