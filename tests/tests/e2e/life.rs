//! A bot's life on real parts: the binary, an engine, and a tiny image in OpenClaw's place.

use crate::life_images::{Images, images};
use clawplane_tests::{Client, Platform, docker, wait};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{fs, path::PathBuf, process::Command};

struct Place {
    platform: Platform,
    admin: Client,
    images: Images,
}

async fn place(what: &str) -> Option<Place> {
    if !docker::available(what) {
        return None;
    }
    let images = images()?;
    let platform = Platform::start_with(&[], &[("BOT_IMAGE", &images.good)], &[]).await;
    let admin = platform.admin().await;
    Some(Place { platform, admin, images })
}

impl Place {
    /// A file in the workspace of a bot that runs.
    fn file(&self, bot: &Value, name: &str) -> PathBuf {
        let id = bot["id"].as_str().expect("an id");
        self.platform.data_dir().join("bots").join(id).join("workspace").join(name)
    }

    async fn upgraded(&self, hostname: &str, state: &str) -> Value {
        let path = format!("/api/bot/{hostname}");
        wait::until(&format!("the upgrade to be {state}"), 120, || async {
            let bot = self.admin.get(&path).await;
            let done = bot["upgrade"]["state"] == json!(state) && bot["state"] == json!("running");
            if done { Ok(bot) } else { Err(bot) }
        })
        .await
    }

    async fn start(&self, hostname: &str) -> Value {
        self.admin.post(&format!("/api/bot/{hostname}/start"), &json!({})).await;
        self.admin.bot_in_state(hostname, "running", 90).await
    }

    async fn delete(&self, path: &str, bot: &Value) {
        let (status, body) = self.admin.send(Method::DELETE, path, None).await;
        assert!(status.is_success(), "{body}");
        let label = format!("label=clawplane.bot={}", bot["id"].as_str().expect("an id"));
        wait::until("its container to be gone", 60, || async {
            let left = docker::output(&["ps", "-aq", "--filter", &label]);
            if left.trim().is_empty() { Ok(()) } else { Err(left) }
        })
        .await;
    }
}

fn image_of(bot: &Value) -> String {
    let container = bot["containerId"].as_str().expect("a container");
    docker::output(&["inspect", "--format", "{{.Config.Image}}", container]).trim().to_owned()
}

async fn answers(bot: &Value) -> bool {
    let url = format!("http://127.0.0.1:{}/healthz", bot["port"]);
    reqwest::get(&url).await.is_ok_and(|answer| answer.status() == StatusCode::OK)
}

#[tokio::test]
async fn an_upgrade_that_fails_goes_back_and_one_that_works_stays() {
    let Some(mut place) = place("the upgrade test").await else { return };
    place.admin.add_bot("scout").await;
    let first = place.start("scout").await;
    let memory = place.file(&first, "MEMORY.md");
    fs::write(&memory, "much").expect("a file");

    let upgrade = |image: &str| json!({ "image": image });
    let begun = place.admin.post("/api/bot/scout/upgrade", &upgrade(&place.images.broken)).await;
    assert_eq!(begun["image"], json!(place.images.good), "it is not its image yet");
    let back = place.upgraded("scout", "rolledBack").await;
    let reason = back["upgrade"]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("it ended with exit code 7") && reason.contains("no such module"), "{reason}");
    assert_eq!((image_of(&back), &back["image"]), (place.images.good.clone(), &json!(place.images.good)));
    assert!(answers(&back).await, "it is there for its people again");
    assert_eq!(fs::read_to_string(&memory).expect("a file"), "much");

    // The platform is killed in the middle of the next one, and goes on where it was.
    place.admin.post("/api/bot/scout/upgrade", &upgrade(&place.images.next)).await;
    place.platform.kill();
    place.platform.launch().await;
    place.admin = place.platform.admin().await;
    let done = place.upgraded("scout", "committed").await;
    assert_eq!((image_of(&done), &done["image"]), (place.images.next.clone(), &json!(place.images.next)));
    assert!(answers(&done).await);
    assert_eq!(fs::read_to_string(&memory).expect("a file"), "much");
    let actions = ["bot.upgrade_begun", "bot.upgrade_rolled_back", "bot.upgrade_committed"];
    for action in actions {
        let path = format!("/api/audit?action={action}");
        place.admin.get_when(&path, |page| page["items"].as_array().is_some_and(|all| !all.is_empty())).await;
    }
    place.delete("/api/bot/scout", &done).await;
}

#[tokio::test]
async fn a_bot_is_restarted_renamed_cloned_and_its_data_go_on_without_it() {
    let Some(place) = place("the test of a bot's life").await else { return };
    let admin = &place.admin;
    let new = json!({"hostname": "scout", "persona": "I am Scout.", "environment": {"GREETING": "hello"}});
    admin.post("/api/bot", &new).await;
    let first = place.start("scout").await;
    assert_eq!(fs::read_to_string(place.file(&first, "SOUL.md")).expect("a soul"), "I am Scout.");
    let container = first["containerId"].as_str().expect("a container");
    assert_eq!(docker::output(&["exec", container, "sh", "-c", "echo $GREETING"]).trim(), "hello");

    admin.post("/api/bot/scout/restart", &json!({})).await;
    let second = wait::until("it to run anew", 90, || async {
        let bot = admin.get("/api/bot/scout").await;
        let anew = bot["containerId"] != first["containerId"] && bot["state"] == json!("running");
        if anew { Ok(bot) } else { Err(bot) }
    })
    .await;
    fs::write(place.file(&second, "SOUL.md"), "I am Scout, and older.").expect("a soul");

    let (status, renamed) =
        admin.send(Method::PATCH, "/api/bot/scout", Some(&json!({"hostname": "ranger"}))).await;
    assert!(status.is_success(), "{renamed}");
    let (status, _) = admin.send(Method::GET, "/api/bot/scout", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);

    let clone = admin.post("/api/bot/ranger/clone", &json!({"hostname": "scout"})).await;
    let clone = place.start(clone["hostname"].as_str().expect("a name")).await;
    let soul = fs::read_to_string(place.file(&clone, "SOUL.md")).expect("a soul");
    assert_eq!(soul, "I am Scout, and older.");
    let ranger = admin.get("/api/bot/ranger").await;
    assert_eq!(ranger["containerId"], second["containerId"], "a rename restarts nothing");
    assert!(answers(&ranger).await && answers(&clone).await);

    place.delete("/api/bot/ranger?data=keep", &ranger).await;
    let heir = wait::until("its data to be free", 30, || async {
        let body = json!({"hostname": "heir", "dataOf": ranger["id"]});
        let (status, body) = admin.send(Method::POST, "/api/bot", Some(&body)).await;
        if status.is_success() { Ok(body) } else { Err(body) }
    })
    .await;
    assert_ne!(heir["id"], ranger["id"]);
    let heir = place.start("heir").await;
    let soul = fs::read_to_string(place.file(&heir, "SOUL.md")).expect("a soul");
    assert_eq!(soul, "I am Scout, and older.");
    assert!(!place.file(&ranger, "").exists(), "they are the heir's now");
    place.delete("/api/bot/heir", &heir).await;
    place.delete("/api/bot/scout", &clone).await;
}

#[tokio::test]
async fn a_port_that_another_program_has_is_passed_over() {
    let start = clawplane_tests::platform::free_port();
    let taken = std::net::TcpListener::bind(("127.0.0.1", start)).expect("it is free");
    let platform = Platform::start_with(&[], &[("BOT_PORT_START", &start.to_string())], &[]).await;
    let admin = platform.admin().await;
    let bot = admin.post("/api/bot", &json!({"hostname": "scout"})).await;
    assert_eq!(bot["port"], json!(start + 1));
    drop(taken);
    let bot = admin.post("/api/bot", &json!({"hostname": "second"})).await;
    assert_eq!(bot["port"], json!(start), "the lowest free one");
}

/// `tar` of a folder, as `docker import` takes it.
pub(crate) fn tar(folder: &std::path::Path) -> Vec<u8> {
    let output =
        Command::new("tar").args(["-c", "--owner=0", "--group=0", "-C"]).arg(folder).arg(".").output();
    let output = output.expect("tar runs");
    assert!(output.status.success());
    output.stdout
}
