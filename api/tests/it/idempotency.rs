//! The same command twice, with the header `Idempotency-Key`.

use crate::app::App;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

#[tokio::test]
async fn a_repeated_creation_answers_the_same_bot_with_the_same_token() {
    let app = App::start().await;
    let ada = app.ada().await;
    let create = || {
        let call = app.post("/api/bot").as_(&ada).header("idempotency-key", "k1");
        call.json(&json!({"hostname": "one"})).send()
    };
    let first = create().await;
    let second = create().await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201), "{}", second.text);
    assert_eq!(first.body, second.body);
    assert_eq!(first.header("x-clawplane-position"), second.header("x-clawplane-position"));
    assert_eq!(app.events("bot.created").await, 1);
    assert_eq!(app.data_keys().await, 1, "the second token was never used");
}

#[tokio::test]
async fn another_command_with_the_same_key_is_refused() {
    let app = App::start().await;
    let ada = app.ada().await;
    let create = |hostname: &str| {
        let call = app.post("/api/bot").as_(&ada).header("idempotency-key", "k1");
        call.json(&json!({"hostname": hostname})).send()
    };
    assert_eq!(create("one").await.status, 201);
    assert_eq!(create("two").await.problem(), (422, vec!["Idempotency-Key"]));
    let start = app.post("/api/bot/one/start").as_(&ada).header("idempotency-key", "k1").send().await;
    assert_eq!(start.problem(), (422, vec!["Idempotency-Key"]));
    let key = app.post("/api/provider-key").as_(&ada).header("idempotency-key", "k1");
    let body = json!({"vendor": "openai", "secret": "sk-1", "label": "a"});
    assert_eq!(key.json(&body).send().await.problem(), (422, vec!["Idempotency-Key"]));
}

#[tokio::test]
async fn a_repeated_deletion_is_answered_though_the_thing_is_gone() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    let delete = |key: &str| app.delete("/api/bot/one").as_(&ada).header("idempotency-key", key).send();
    assert_eq!(delete("k1").await.status, 204);
    assert_eq!(delete("k1").await.status, 204);
    assert_eq!(delete("k2").await.status, 404);
    assert_eq!(app.events("bot.deleted").await, 1);
}

#[tokio::test]
async fn keys_of_two_tenants_never_meet() {
    let app = App::start().await;
    app.register("bob@example.com", false).await;
    for (email, hostname) in [("ada@example.com", "one"), ("bob@example.com", "two")] {
        let session = app.sign_in(email).await;
        let call = app.post("/api/bot").as_(&session).header("idempotency-key", "k1");
        let reply = call.json(&json!({"hostname": hostname})).send().await;
        assert_eq!((reply.status.as_u16(), &reply.body["hostname"]), (201, &json!(hostname)));
    }
}

#[tokio::test]
async fn a_repeated_key_is_the_same_key_and_its_secret_is_sealed_once() {
    let app = App::start().await;
    let ada = app.ada().await;
    let add = |secret: &str| {
        let body = json!({"vendor": "openai", "secret": secret, "label": "a"});
        app.post("/api/provider-key").as_(&ada).header("idempotency-key", "k1").json(&body).send()
    };
    let (first, second) = (add("sk-1").await, add("sk-1").await);
    assert_eq!((first.status.as_u16(), &first.body), (201, &second.body));
    assert_eq!(add("sk-2").await.status, 422, "another secret is another command");
    assert_eq!((app.events("provider_key.added").await, app.data_keys().await), (1, 1));
}

#[tokio::test]
async fn the_stored_fingerprint_does_not_help_to_guess_a_body() {
    use sha2::{Digest, Sha256};
    let app = App::start().await;
    let ada = app.ada().await;
    let body: Value = json!({"vendor": "openai", "secret": "sk-1", "label": "a"});
    let call = app.post("/api/provider-key").as_(&ada).header("idempotency-key", "k1");
    assert_eq!(call.json(&body).send().await.status, 201);
    let stored: String =
        sqlx::query_scalar("SELECT fingerprint FROM command_keys").fetch_one(&app.pool).await.unwrap();
    let guess = hex::encode(Sha256::digest(format!("POST/api/provider-key{body}")));
    assert_eq!(stored.len(), 64);
    assert_ne!(stored, guess);
    assert_ne!(stored, hex::encode(Sha256::digest(body.to_string())));
}

#[tokio::test]
async fn a_key_must_be_one() {
    let app = App::start().await;
    let ada = app.ada().await;
    for key in ["", &"x".repeat(256)] {
        let call = app.post("/api/bot").as_(&ada).header("idempotency-key", key);
        let reply = call.json(&json!({"hostname": "one"})).send().await;
        assert_eq!(reply.problem(), (400, vec!["Idempotency-Key"]));
    }
}
