//! The platform's own prices: said by administrators, seen by all.

use crate::app::{App, NOON, Reply, Session};
use axum::http::Method;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

fn price(model: &str, input: u64) -> Value {
    json!({"vendor": "openai", "model": model, "rates": {"inputMicros": input, "outputMicros": 9}})
}

async fn add(app: &App, ada: &Session, body: &Value) -> Reply {
    app.post("/api/price").as_(ada).json(body).send().await
}

#[tokio::test]
async fn a_price_is_made_changed_and_removed() {
    let app = App::start().await;
    let ada = app.ada().await;
    let rates = json!({"inputMicros": 0, "outputMicros": 1_000_000_000_000_u64, "cacheWrite1hMicros": 3, "requestMicros": 2,
                       "webSearchMicros": 10_000});
    let full = json!({"vendor": "anthropic", "model": "claude-x*", "validFrom": "2026-04-01T02:00:00.123456789+02:00",
                      "rates": rates});
    let added = add(&app, &ada, &full).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let id = added.body["id"].as_str().unwrap();
    let path = format!("/api/price/{id}");
    let expected = json!({
        "id": id, "version": format!("price/{id}@1"), "vendor": "anthropic", "model": "claude-x*",
        "validFrom": "2026-04-01T00:00:00.123456Z", "rates": rates, "setAt": NOON,
    });
    assert_eq!((&added.body, added.header("location")), (&expected, path.as_str()));
    assert_eq!(app.get(&path).as_(&ada).send().await.body, expected);

    let set = app.put(&path).as_(&ada).json(&price("gpt-x", 5)).send().await;
    let expected = json!({
        "id": id, "version": format!("price/{id}@2"), "vendor": "openai", "model": "gpt-x",
        "rates": {"inputMicros": 5, "outputMicros": 9}, "setAt": NOON,
    });
    assert_eq!((set.status.as_u16(), &set.body), (200, &expected), "{}", set.text);
    let other = add(&app, &ada, &price("gpt-y", 1)).await.body;
    let list = app.get("/api/price?limit=1").as_(&ada).send().await;
    assert_eq!(list.body["items"], json!([expected]));
    let next = list.body["nextCursor"].as_str().unwrap();
    let rest = app.get(&format!("/api/price?cursor={next}")).as_(&ada).send().await;
    assert_eq!(rest.body, json!({"items": [other]}));

    // The same again is no change, so it has no position and makes no version.
    let again = app.put(&path).as_(&ada).json(&price("gpt-x", 5)).send().await;
    assert_eq!((again.body, app.events("price.set").await), (expected, 3));
    assert_eq!(app.delete(&path).as_(&ada).send().await.status, 204);
    for reply in [
        app.delete(&path).as_(&ada).send().await,
        app.get(&path).as_(&ada).send().await,
        app.put(&path).as_(&ada).json(&price("gpt-x", 5)).send().await,
        app.get("/api/price/gpt-x").as_(&ada).send().await,
    ] {
        assert_eq!(reply.problem(), (404, vec![]), "{}", reply.text);
    }
    let audit = app.get("/api/audit?thingType=price").as_(&ada).send().await;
    let entries = audit.body["items"].as_array().unwrap();
    let actions: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["price.removed", "price.set", "price.set", "price.set"]);
    assert_eq!(entries[2]["details"]["rates"], json!({"inputMicros": 5, "outputMicros": 9}));
}

#[tokio::test]
async fn there_is_one_price_for_a_model_and_a_time() {
    let app = App::start().await;
    let ada = app.ada().await;
    let first = add(&app, &ada, &price("gpt-x", 1)).await;
    let second = add(&app, &ada, &price("gpt-*", 1)).await;
    assert_eq!(add(&app, &ada, &price("gpt-x", 2)).await.problem(), (409, vec!["model"]));
    let moved = app.put(second.header("location")).as_(&ada).json(&price("gpt-x", 2)).send().await;
    assert_eq!(moved.problem(), (409, vec!["model"]));
    let mut later = price("gpt-x", 2);
    later["validFrom"] = json!("2026-05-01T00:00:00Z");
    assert_eq!(add(&app, &ada, &later).await.status, 201);
    assert_eq!(app.delete(first.header("location")).as_(&ada).send().await.status, 204);
    assert_eq!(add(&app, &ada, &price("gpt-x", 2)).await.status, 201, "it is free again");
}

#[tokio::test]
async fn a_repeated_command_is_done_once() {
    let app = App::start().await;
    let ada = app.ada().await;
    let send = |body: Value| {
        let call = app.post("/api/price").as_(&ada).header("idempotency-key", "k1");
        async move { call.json(&body).send().await }
    };
    let first = send(price("gpt-x", 1)).await;
    assert_eq!(app.put(first.header("location")).as_(&ada).json(&price("gpt-x", 2)).send().await.status, 200);
    let again = send(price("gpt-x", 1)).await;
    assert_eq!((again.status.as_u16(), again.body), (201, first.body), "as it was answered first");
    assert_eq!(send(price("gpt-x", 3)).await.problem(), (422, vec!["Idempotency-Key"]));
    assert_eq!(app.events("price.set").await, 2);
}

#[tokio::test]
async fn only_administrators_say_prices_and_all_see_them() {
    let app = App::start().await;
    app.register("bob@example.com", false).await;
    let (ada, bob) = (app.ada().await, app.sign_in("bob@example.com").await);
    let added = add(&app, &ada, &price("gpt-x", 1)).await;
    let path = added.header("location");
    // Bob owns a tenant, which is not the platform.
    for (method, path) in [(Method::POST, "/api/price"), (Method::PUT, path), (Method::DELETE, path)] {
        let call = || app.call(method.clone(), path).json(&price("gpt-z", 1));
        assert_eq!(call().as_(&bob).send().await.problem(), (403, vec![]), "{method}");
        assert_eq!(call().send().await.problem(), (401, vec![]), "{method}");
        assert_eq!(call().peer([127, 0, 0, 1]).send().await.problem(), (401, vec![]), "{method}");
    }
    assert_eq!(app.get(path).as_(&bob).send().await.body, added.body);
    assert_eq!(app.get("/api/price").as_(&bob).send().await.body["items"], json!([added.body]));
    assert_eq!(app.get("/api/price").send().await.problem(), (401, vec![]));
    assert_eq!((app.events("price.set").await, app.events("price.removed").await), (1, 0));
}

#[tokio::test]
async fn bad_input_is_named() {
    let app = App::start().await;
    let ada = app.ada().await;
    let with = |field: &str, value: Value| {
        let mut body = price("gpt-x", 1);
        body[field] = value;
        body
    };
    let rate = |field: &str, value: Value| {
        let mut body = price("gpt-x", 1);
        body["rates"][field] = value;
        body
    };
    let cases = [
        (with("vendor", json!("acme")), "vendor"),
        (with("vendor", json!("Open AI")), "vendor"),
        (with("model", json!("")), "model"),
        (with("model", json!("g*t")), "model"),
        (with("validFrom", json!("soon")), "validFrom"),
        (with("tenant", json!("x")), "tenant"),
        (with("rates", json!({"inputMicros": 1})), "rates.outputMicros"),
        (rate("inputMicros", json!(-1)), "rates.inputMicros"),
        (rate("inputMicros", json!(0.5)), "rates.inputMicros"),
        (rate("outputMicros", json!(1_000_000_000_001_u64)), "rates.outputMicros"),
        (rate("cachedAudioMicros", json!(u64::MAX)), "rates.cachedAudioMicros"),
        (rate("webSearchMicros", json!("7")), "rates.webSearchMicros"),
        (rate("moonMicros", json!(7)), "rates.moonMicros"),
    ];
    for (body, field) in cases {
        let reply = add(&app, &ada, &body).await;
        assert_eq!(reply.problem(), (400, vec![field]), "{}", reply.text);
    }
    assert_eq!(app.events("price.set").await, 0);
}
