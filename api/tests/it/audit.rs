//! The audit log.

use crate::app::App;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

#[tokio::test]
async fn it_tells_who_did_what_to_what_through_which_request() {
    let app = App::start().await;
    let ada = app.ada().await;
    let me = app.get("/api/auth/me").as_(&ada).send().await.body;
    let request_id = "0197f3a2-7c1e-7d4a-9b52-3f0c8a61d2e4";
    let call = app.post("/api/bot").as_(&ada).header("x-request-id", request_id);
    let bot = call.json(&json!({"hostname": "one"})).send().await;
    assert_eq!(bot.header("x-request-id"), request_id);
    let stopped = app.post("/api/bot/one/start").as_(&ada).send().await;
    let position = stopped.header("x-clawplane-position");

    let page = async |query: &str| {
        let call = app.get(&format!("/api/audit?{query}")).as_(&ada);
        let reply = call.header("x-clawplane-min-position", position).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.body
    };
    let actions = |page: &Value| {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|entry| entry["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = page("").await;
    assert_eq!(actions(&all)[..3], ["bot.start_requested", "bot.token_issued", "bot.created"]);
    let created = &all["items"][2];
    assert_eq!(created["requestId"], request_id);
    assert_eq!(created["actor"], format!("user:{}", me["id"].as_str().unwrap()));
    assert_eq!((&created["thingType"], &created["thingId"]), (&json!("bot"), &bot.body["id"]));
    assert_eq!(created["details"]["hostname"], "one");

    assert_eq!(actions(&page("action=bot.created").await), ["bot.created"]);
    assert_eq!(actions(&page("thingType=session").await), ["session.opened"]);
    assert_eq!(actions(&page("from=2026-03-02T00:00:00Z").await), Vec::<String>::new());
    let first = page("thingType=bot&limit=2").await;
    let next = first["nextCursor"].as_str().unwrap();
    assert_eq!(actions(&page(&format!("thingType=bot&limit=2&cursor={next}")).await), ["bot.created"]);
}

#[tokio::test]
async fn it_holds_no_password_hash_and_no_ciphertext() {
    let app = App::start().await;
    let ada = app.ada().await;
    let bot = app.create_bot(&ada, "one").await;
    let call = app.get("/api/audit?limit=200").as_(&ada);
    let audit = call.header("x-clawplane-min-position", bot.header("x-clawplane-position")).send().await;
    assert!(audit.text.contains("user.registered"), "{}", audit.text);
    for hidden in ["argon2", "ciphertext", "sealed", "refreshHash", "passwordHash"] {
        assert!(!audit.text.contains(hidden), "{hidden}: {}", audit.text);
    }
}

#[tokio::test]
async fn a_filter_must_be_one() {
    let app = App::start().await;
    let ada = app.ada().await;
    for query in ["actor=ada", "from=yesterday", "thingId=", "what=bot", "cursor=x"] {
        let reply = app.get(&format!("/api/audit?{query}")).as_(&ada).send().await;
        assert_eq!(reply.problem(), (400, vec![query.split_once('=').unwrap().0]), "{query}");
    }
}
