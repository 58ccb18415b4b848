//! Vendors that stand in for others: set, shown, cleared, and refused where they make no sense.

use crate::app::App;
use axum::http::Method;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

const PATH: &str = "/api/bot/one/fallbacks";

#[tokio::test]
async fn fallbacks_are_set_shown_and_cleared() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    let got = app.get(PATH).as_(&ada).send().await;
    assert_eq!((got.status.as_u16(), &got.body), (200, &json!({"fallbacks": []})));

    let list = json!({"fallbacks": [
        {"from": "openai", "to": "anthropic", "model": "claude-sonnet-4-5"},
        {"from": "openai", "to": "custom"},
        {"from": "custom", "to": "openai", "model": null},
    ]});
    let put = app.put(PATH).as_(&ada).json(&list).send().await;
    let shown = json!({"fallbacks": [
        {"from": "openai", "to": "anthropic", "model": "claude-sonnet-4-5", "formats": ["openai"]},
        {"from": "openai", "to": "custom", "formats": ["openai", "anthropic"]},
        {"from": "custom", "to": "openai", "formats": ["openai"]},
    ]});
    assert_eq!((put.status.as_u16(), &put.body), (200, &shown), "{}", put.text);
    assert_eq!(app.get(PATH).as_(&ada).send().await.body, shown);
    let bot = app.get("/api/bot/one").as_(&ada).send().await.body;
    assert_eq!(bot["fallbacks"], shown["fallbacks"]);
    // What was shown can be sent back, and is nothing new.
    assert_eq!(app.put(PATH).as_(&ada).json(&shown).send().await.status, 200);
    assert_eq!(app.events("bot.fallbacks_set").await, 1);

    assert_eq!(app.delete(PATH).as_(&ada).send().await.status, 204);
    assert_eq!(app.get(PATH).as_(&ada).send().await.body, json!({"fallbacks": []}));
    let bot = app.get("/api/bot/one").as_(&ada).send().await.body;
    assert_eq!(bot.get("fallbacks"), None);
    assert_eq!(app.delete(PATH).as_(&ada).send().await.status, 204);
    assert_eq!(app.events("bot.fallbacks_set").await, 2);
}

#[tokio::test]
async fn fallbacks_that_make_no_sense_are_refused_by_name() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    let good = json!({"from": "openai", "to": "custom"});
    let one = |bad: Value| json!({"fallbacks": [good, bad]});
    let many: Vec<_> = (0..17).map(|_| good.clone()).collect();
    for (body, field) in [
        (one(json!({"from": "openai", "to": "acme"})), "fallbacks[1].to"),
        (one(json!({"from": "Open AI", "to": "openai"})), "fallbacks[1].from"),
        (one(json!({"from": "acme", "to": "openai"})), "fallbacks[1].from"),
        (one(json!({"from": "anthropic", "to": "openai"})), "fallbacks[1].to"),
        (one(json!({"from": "openai", "to": "openai"})), "fallbacks[1].to"),
        (one(good.clone()), "fallbacks[1].to"),
        (one(json!({"from": "openai", "to": "anthropic", "model": "a b"})), "fallbacks[1].model"),
        (json!({"fallbacks": many}), "fallbacks"),
        (json!({"fallback": []}), "fallback"),
    ] {
        let reply = app.put(PATH).as_(&ada).json(&body).send().await;
        assert_eq!(reply.problem(), (400, vec![field]), "{body}");
    }
    assert_eq!(app.events("bot.fallbacks_set").await, 0);
}

#[tokio::test]
async fn another_tenants_bot_has_none() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    app.register("eve@example.com", false).await;
    let eve = app.sign_in("eve@example.com").await;
    let body = json!({"fallbacks": []});
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let reply = app.call(method.clone(), PATH).as_(&eve).json(&body).send().await;
        assert_eq!(reply.problem(), (404, vec![]), "{method}");
    }
}
