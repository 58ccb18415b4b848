use super::*;
use clawplane_domain::{
    TenantId,
    bot::{BotState, Desired, Limits, ModelChoice, Observation},
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
        token: None,
        desired: Desired::Running,
        observed: Observation::new(BotState::Created),
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn a_workspace_is_private_and_complete() {
    let root = tempfile::tempdir().unwrap();
    let workspaces = Workspaces::new(&root.path().join("bots")).unwrap();
    let bot = bot(&["openai/gpt-4o-mini"]);
    workspaces.prepare(&bot, "{1}".into(), true).await.unwrap();
    let state = workspaces.state_dir(bot.id);
    assert_eq!(std::fs::read_to_string(state.join("openclaw.json")).unwrap(), "{1}");
    let own: serde_json::Value =
        serde_json::from_slice(&std::fs::read(state.join("config.json")).unwrap()).unwrap();
    assert_eq!(own["hostname"], "anna");
    for folder in [state.clone(), state.join("workspace")] {
        assert_eq!((mode(&folder), folder.metadata().unwrap().uid()), (0o700, workspaces.owner().uid));
    }
    for file in ["openclaw.json", "config.json", "workspace/SOUL.md", "workspace/AGENTS.md"] {
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
async fn what_somebody_edited_stays_until_the_configuration_changes() {
    let root = tempfile::tempdir().unwrap();
    let workspaces = Workspaces::new(root.path()).unwrap();
    let bot = bot(&["openai/gpt-4o-mini"]);
    workspaces.prepare(&bot, "first".into(), true).await.unwrap();
    let state = workspaces.state_dir(bot.id);
    std::fs::write(state.join("openclaw.json"), "edited").unwrap();
    std::fs::write(state.join("workspace/SOUL.md"), "my soul").unwrap();
    workspaces.prepare(&bot, "second".into(), false).await.unwrap();
    assert_eq!(std::fs::read_to_string(state.join("openclaw.json")).unwrap(), "edited");
    workspaces.prepare(&bot, "third".into(), true).await.unwrap();
    assert_eq!(std::fs::read_to_string(state.join("openclaw.json")).unwrap(), "third");
    assert_eq!(std::fs::read_to_string(state.join("workspace/SOUL.md")).unwrap(), "my soul");
}

#[tokio::test]
async fn planted_links_lead_nowhere() {
    let root = tempfile::tempdir().unwrap();
    let victim = root.path().join("victim");
    std::fs::create_dir(&victim).unwrap();
    std::fs::write(victim.join("file"), "untouched").unwrap();
    let workspaces = Workspaces::new(&root.path().join("bots")).unwrap();
    let bot = bot(&["openai/gpt-4o-mini"]);
    workspaces.prepare(&bot, "first".into(), true).await.unwrap();
    let state = workspaces.state_dir(bot.id);
    for name in ["openclaw.json", "config.json", ".clawplane.tmp"] {
        let _ = std::fs::remove_file(state.join(name));
        symlink(victim.join("file"), state.join(name)).unwrap();
    }
    std::fs::remove_file(state.join("workspace/SOUL.md")).unwrap();
    symlink(victim.join("new"), state.join("workspace/SOUL.md")).unwrap();
    workspaces.prepare(&bot, "second".into(), true).await.unwrap();
    assert_eq!(std::fs::read_to_string(victim.join("file")).unwrap(), "untouched");
    assert!(!victim.join("new").exists(), "a dangling link is not written through");
    assert!(state.join("openclaw.json").symlink_metadata().unwrap().is_file(), "the link was replaced");

    std::fs::remove_dir_all(state.join("workspace")).unwrap();
    symlink(&victim, state.join("workspace")).unwrap();
    let refused = workspaces.prepare(&bot, "third".into(), true).await.unwrap_err();
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
    assert!(workspaces.prepare(&bot, "x".into(), true).await.is_err());
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
