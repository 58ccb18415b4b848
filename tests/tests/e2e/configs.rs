//! A bot's configuration on real parts: saved with comments, taken by a running OpenClaw, kept over a restart, refused by name.

use clawplane_tests::{Client, FakeVendor, Platform, docker, wait};
use reqwest::Method;
use serde_json::{Value, json};

const PATH: &str = "/api/bot/scout/config";

async fn put(admin: &Client, follows: u64, text: &str) -> (u16, Value) {
    let (status, body) = admin.put_if(PATH, &follows.to_string(), &json!({ "text": text })).await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn a_configuration_keeps_its_comments_and_the_bot_runs_with_it() {
    if !docker::available("the configuration test") {
        return;
    }
    let Some(image) = docker::openclaw_image() else {
        eprintln!("SKIPPED: the configuration test: no image (`make openclaw-image` makes one)");
        return;
    };
    let vendor = FakeVendor::start().await;
    let platform = Platform::start_with(&[vendor.addr.to_string()], &[("BOT_IMAGE", &image)], &[]).await;
    let admin = platform.admin().await;
    admin.add_key("openai", "sk-config-test-0001", &format!("{}/v1", vendor.url())).await;
    let token = admin.add_bot("scout").await;
    admin.post("/api/bot/scout/start", &json!({})).await;
    let bot = admin.bot_in_state("scout", "running", 180).await;

    let before = admin.get(PATH).await;
    assert_eq!(
        (&before["version"], &before["drifted"]),
        (&json!(0), &json!(false)),
        "OpenClaw left it alone"
    );
    let text = before["text"].as_str().expect("a text");
    assert!(!text.contains(&token), "the token is not shown");

    // Refused by OpenClaw's own schema, by the path; nothing changes.
    let wrong = text.replacen('{', "{ session: { idleMinutes: 'soon' }, ", 1).replacen(
        "\"session\"",
        "\"messages\"",
        1,
    );
    let wrong = wrong.replace("\"dmScope\": \"per-channel-peer\"", "");
    let (status, problem) = put(&admin, 0, &wrong).await;
    assert_eq!(status, 400, "{problem}");
    let field = problem["errors"][0]["field"].as_str().unwrap_or_default();
    assert!(field.starts_with("session"), "{problem}");
    assert_eq!(admin.get(PATH).await, before);

    let mine = text.replacen(
        '{',
        "{ // the person's own\n  messages: { responsePrefix: 'ahoy', }, // with a comma",
        1,
    );
    let (status, saved) = put(&admin, 0, &mine).await;
    assert_eq!((status, &saved["version"], &saved["applied"]), (200, &json!(1), &json!("hot")), "{saved}");
    assert_eq!(saved.get("unchecked"), None, "OpenClaw itself was asked");
    let file =
        platform.data_dir().join("bots").join(bot["id"].as_str().expect("an id")).join("openclaw.json");
    wait::until("its file to have the comment", 30, || async {
        let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
        if text.contains("// the person's own") && text.contains(&token) { Ok(()) } else { Err(text) }
    })
    .await;

    // Stop and start: the same text, and the bot answers by it.
    admin.post("/api/bot/scout/stop", &json!({})).await;
    admin.bot_in_state("scout", "stopped", 60).await;
    admin.post("/api/bot/scout/start", &json!({})).await;
    let bot = admin.bot_in_state("scout", "running", 180).await;
    let after = admin.get(PATH).await;
    assert_eq!((&after["text"], &after["drifted"]), (&json!(mine), &json!(false)));
    let url = format!("http://127.0.0.1:{}/v1/chat/completions", bot["port"]);
    let ask = json!({"model": "openclaw", "messages": [{"role": "user", "content": "Say pong."}]});
    wait::until("the bot to answer", 120, || async {
        let sent = reqwest::Client::new().post(&url).bearer_auth(&token).json(&ask);
        let answer = sent
            .timeout(std::time::Duration::from_mins(1))
            .send()
            .await
            .map_err(|error| error.to_string())?;
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if text.contains(clawplane_tests::vendor::ANSWER) { Ok(()) } else { Err(text) }
    })
    .await;

    // What somebody changes inside of the bot is noticed and can be kept.
    let edited = std::fs::read_to_string(&file).expect("its file").replace("'ahoy'", "'aye'");
    std::fs::write(&file, edited).expect("its file");
    assert_eq!(admin.get(PATH).await["drifted"], json!(true));
    let adopted = admin.post("/api/bot/scout/config/adopt", &json!({})).await;
    assert!(
        adopted["text"].as_str().is_some_and(|text| text.contains("'aye', }, // with a comma")),
        "{adopted}"
    );
    let (status, _) = admin.send(Method::DELETE, "/api/bot/scout", None).await;
    assert!(status.is_success());
    let label = format!("label=clawplane.bot={}", bot["id"].as_str().expect("an id"));
    wait::until("its container to be gone", 60, || async {
        let left = docker::output(&["ps", "-aq", "--filter", &label]);
        if left.trim().is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
}
