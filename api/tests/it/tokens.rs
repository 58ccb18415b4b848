//! Gateway tokens after the first: rotated, revoked, renewed at a start.

use crate::app::{App, Reply, Session};
use clawplane_domain::{
    TokenHash,
    bot::{Bot, BotProfile},
};
use pretty_assertions::assert_eq;
use serde_json::json;
use std::time::Duration;

async fn bot(app: &App, id: &str) -> BotProfile {
    app.deps.executor.load::<Bot>(id).await.unwrap().profile.unwrap()
}

async fn rotate(app: &App, session: &Session) -> Reply {
    app.post("/api/bot/one/token/rotate").as_(session).send().await
}

#[tokio::test]
async fn a_rotation_gives_a_new_token_and_leaves_the_old_one_a_while() {
    let app = App::start().await;
    let ada = app.ada().await;
    let made = app.create_bot(&ada, "one").await;
    let (id, first) = (made.body["id"].as_str().unwrap(), made.body["gatewayToken"].as_str().unwrap());
    let reply = rotate(&app, &ada).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let second = reply.body["gatewayToken"].as_str().unwrap();
    assert!(second.starts_with("cp_") && second.len() == 46 && second != first, "{second}");
    assert_eq!(reply.body["expiresAt"], "2026-03-01T13:00:00Z");
    assert_eq!(reply.body["earlierValidUntil"], "2026-03-01T12:10:00Z");
    let now = bot(&app, id).await;
    assert_eq!(now.token.unwrap().hash, TokenHash::of(second));
    let hashes: Vec<_> = now.earlier.iter().map(|old| old.hash).collect();
    assert_eq!(hashes, [TokenHash::of(first)]);

    let body = json!({"graceSeconds": 0});
    let none = app.post("/api/bot/one/token/rotate").as_(&ada).json(&body).send().await;
    assert_eq!(none.body.get("earlierValidUntil"), None, "{}", none.text);
    let shown = app.get("/api/bot/one").as_(&ada).send().await;
    assert!(!shown.text.contains("cp_") && shown.body["hasGatewayToken"] == true, "{}", shown.text);
    let audit = app.get("/api/audit").as_(&ada).send().await;
    assert_eq!(audit.body["items"][0]["action"], "bot.token_rotated", "{}", audit.text);
    let hex = serde_json::to_string(&TokenHash::of(first)).unwrap();
    let hex = hex.trim_matches('"');
    let hidden = [first, second, "ciphertext", hex];
    assert!(hidden.iter().all(|hidden| !audit.text.contains(hidden)), "{}", audit.text);
}

#[tokio::test]
async fn a_repeated_rotation_gets_the_same_token_and_leaves_no_data_key() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    let ask = || app.post("/api/bot/one/token/rotate").as_(&ada).header("idempotency-key", "k");
    let (once, twice) = (ask().send().await, ask().send().await);
    assert_eq!((once.status.as_u16(), &once.body), (200, &twice.body));
    assert_eq!((app.events("bot.token_rotated").await, app.data_keys().await), (1, 2));
}

#[tokio::test]
async fn what_cannot_be_rotated_is_told() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    for (body, field) in [
        (json!({"graceSeconds": 86_401}), "graceSeconds"),
        (json!({"graceSeconds": -1}), "graceSeconds"),
        (json!({"grace": 1}), "grace"),
    ] {
        let reply = app.post("/api/bot/one/token/rotate").as_(&ada).json(&body).send().await;
        assert_eq!(reply.problem(), (400, vec![field]), "{body}");
    }
    assert_eq!(app.data_keys().await, 1, "unused tokens leave nothing");
    for path in ["/api/bot/two/token/rotate", "/api/bot/two/token/revoke"] {
        assert_eq!(app.post(path).as_(&ada).send().await.problem(), (404, vec![]), "{path}");
    }
}

#[tokio::test]
async fn a_revoked_bot_gets_a_token_by_a_rotation_or_a_start() {
    let app = App::start().await;
    let ada = app.ada().await;
    let made = app.create_bot(&ada, "one").await;
    let id = made.body["id"].as_str().unwrap();
    rotate(&app, &ada).await;
    for _ in 0..2 {
        let reply = app.post("/api/bot/one/token/revoke").as_(&ada).send().await;
        assert_eq!(reply.status, 204, "{}", reply.text);
    }
    assert_eq!(app.events("bot.tokens_revoked").await, 1);
    let shown = app.get("/api/bot/one").as_(&ada).send().await;
    assert_eq!(shown.body["hasGatewayToken"], false);
    let now = bot(&app, id).await;
    assert!(now.token.is_none() && now.earlier.is_empty());
    let again = rotate(&app, &ada).await;
    let plain = again.body["gatewayToken"].as_str().unwrap();
    assert_eq!(bot(&app, id).await.token.unwrap().hash, TokenHash::of(plain));

    app.post("/api/bot/one/token/revoke").as_(&ada).send().await;
    let started = app.post("/api/bot/one/start").as_(&ada).send().await;
    assert_eq!((started.status.as_u16(), &started.body["hasGatewayToken"]), (202, &json!(true)));
    // A revoked bot that runs is not given one by a further wish that it runs.
    app.post("/api/bot/one/token/revoke").as_(&ada).send().await;
    app.post("/api/bot/one/start").as_(&ada).send().await;
    assert!(bot(&app, id).await.token.is_none());
}

#[tokio::test]
async fn a_bot_that_starts_gets_a_token_that_lasts() {
    let app = App::start().await;
    let ada = app.ada().await;
    let made = app.create_bot(&ada, "one").await;
    let id = made.body["id"].as_str().unwrap();
    let hash = |bot: BotProfile| bot.token.unwrap().hash;
    let first = hash(bot(&app, id).await);
    app.clock.advance(Duration::from_mins(39));
    app.post("/api/bot/one/start").as_(&ada).send().await;
    assert_eq!(hash(bot(&app, id).await), first, "two thirds are not over");
    app.post("/api/bot/one/stop").as_(&ada).send().await;
    app.clock.advance(Duration::from_mins(61));
    let ada = app.ada().await;
    app.post("/api/bot/one/start").as_(&ada).send().await;
    let now = bot(&app, id).await;
    assert!(now.earlier.is_empty(), "the first one has ended");
    assert_ne!(hash(now), first);
    assert_eq!(app.events("bot.token_rotated").await, 1);
}
