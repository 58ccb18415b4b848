//! Configurations: saved with comments, versioned, compared, restored, adopted; refused by the path of what is wrong.

use crate::app::{App, Reply, Session};
use axum::http::Method;
use clawplane_api::{
    FieldError,
    ports::space::{ConfigInPlace, ConfigVerdict},
};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

const PATH: &str = "/api/bot/one/config";

async fn put(app: &App, who: &Session, follows: u64, text: &str) -> Reply {
    let call = app.put(PATH).as_(who).header("if-match", &format!("\"{follows}\""));
    call.json(&json!({ "text": text })).send().await
}

async fn get(app: &App, who: &Session) -> Value {
    let got = app.get(PATH).as_(who).send().await;
    assert_eq!(got.status, 200, "{}", got.text);
    assert_eq!(got.header("etag"), format!("\"{}\"", got.body["version"]));
    got.body
}

fn in_place(app: &App, text: &str, version: u64) {
    *app.fakes.space.config.lock().unwrap() = Some(ConfigInPlace { text: text.to_owned(), version });
}

#[tokio::test]
async fn a_configuration_is_saved_with_its_comments_compared_and_restored() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    let first = get(&app, &ada).await;
    assert_eq!((&first["version"], &first["drifted"], first.get("saved")), (&json!(0), &json!(false), None));
    let original = first["text"].as_str().unwrap();
    assert!(original.contains("<gateway token>") && original.contains("http://<proxy>/api/v1/openai"));

    let text = original.replacen('{', "{ // mine\n  messages: { responsePrefix: 'hi', },", 1);
    let saved = put(&app, &ada, 0, &text).await;
    assert_eq!(saved.status, 200, "{}", saved.text);
    assert_eq!((&saved.body["version"], &saved.body["applied"]), (&json!(1), &json!("atStart")));
    assert_eq!((&saved.body["text"], &saved.body["unchecked"]), (&json!(text), &json!("there is no image")));
    let now = get(&app, &ada).await;
    assert_eq!(
        (&now["version"], &now["text"], &now["saved"]["origin"]),
        (&json!(1), &json!(text), &json!("saved"))
    );

    *app.fakes.space.verdict.lock().unwrap() = Some(ConfigVerdict::Valid);
    let second = put(&app, &ada, 1, &text.replace("'hi'", "'ho'")).await;
    assert_eq!((&second.body["version"], second.body.get("unchecked")), (&json!(2), None));
    let diff = app.get("/api/bot/one/config/versions/1/diff/2").as_(&ada).send().await;
    let diff = diff.body["diff"].as_str().unwrap();
    assert!(diff.starts_with("--- version 1\n+++ version 2\n@@"), "{diff}");
    assert!(
        diff.contains("\n-  messages: { responsePrefix: 'hi', },")
            && diff.contains("\n+  messages: { responsePrefix: 'ho', },"),
        "{diff}"
    );

    let restored = app.post("/api/bot/one/config/versions/1/restore").as_(&ada).send().await;
    assert_eq!((restored.status.as_u16(), &restored.body["version"]), (200, &json!(3)), "{}", restored.text);
    assert_eq!(restored.body["text"], json!(text));
    let page = app.get("/api/bot/one/config/versions?limit=2").as_(&ada).send().await.body;
    assert_eq!(page["items"][0]["version"], json!(3));
    assert_eq!(
        (&page["items"][0]["origin"], &page["items"][0]["restoredVersion"]),
        (&json!("restored"), &json!(1))
    );
    let next = format!("/api/bot/one/config/versions?cursor={}", page["nextCursor"].as_str().unwrap());
    let rest = app.get(&next).as_(&ada).send().await.body;
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["items"][0]["version"]), (1, &json!(1)));
    let old = app.get("/api/bot/one/config/versions/2").as_(&ada).send().await;
    assert!(old.body["text"].as_str().unwrap().contains("'ho'"));
    assert_eq!(app.get("/api/bot/one/config/versions/4").as_(&ada).send().await.problem(), (404, vec![]));
    assert_eq!(app.get("/api/bot/one/config/versions/x").as_(&ada).send().await.problem(), (404, vec![]));
    // The platform's own is version 0, and the audit log has no text.
    let zero = app.post("/api/bot/one/config/versions/0/restore").as_(&ada).send().await;
    assert_eq!((&zero.body["version"], &zero.body["text"]), (&json!(4), &json!(original)));
    let audit = app.get("/api/audit?limit=1").as_(&ada).send().await.text;
    assert!(
        audit.contains("bot.config_set") && audit.contains("sha256") && !audit.contains("configText"),
        "{audit}"
    );
}

#[tokio::test]
async fn a_stale_version_is_not_replaced_and_a_repetition_is_answered_as_the_first_time() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    let no_header = app.put(PATH).as_(&ada).json(&json!({"text": "{}"})).send().await;
    assert_eq!(no_header.problem(), (400, vec!["If-Match"]));
    let body = json!({"text": "{ a: 1 }"});
    let again = || {
        let call = app.put(PATH).as_(&ada).header("if-match", "\"0\"").header("idempotency-key", "k1");
        call.json(&body).send()
    };
    let (one, two) = (again().await, again().await);
    assert_eq!((one.status.as_u16(), &one.body), (200, &two.body));
    assert_eq!(put(&app, &ada, 0, "{ a: 2 }").await.problem(), (412, vec!["If-Match"]));
    assert_eq!(put(&app, &ada, 2, "{ a: 2 }").await.problem(), (412, vec!["If-Match"]));
    let any = app.put(PATH).as_(&ada).header("if-match", "*").json(&json!({"text": "{ a: 2 }"})).send().await;
    assert_eq!(any.body["version"], json!(2));
    let same = put(&app, &ada, 2, any.body["text"].as_str().unwrap()).await;
    assert_eq!(same.body["version"], json!(2), "nothing new is no version");
    assert_eq!(app.events("bot.config_set").await, 2);
}

#[tokio::test]
async fn what_cannot_be_saved_is_named_by_its_path_and_changes_nothing() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    let large = format!("{{}}{}", " ".repeat(256 * 1024));
    for (text, field) in [
        ("{ gateway: { port: 1 } }", "gateway.port"),
        ("{ gateway: { auth: { token: 'mine' } } }", "gateway.auth.token"),
        ("{ models: { providers: { openai: { apiKey: 'x' } } } }", "models.providers.openai.apiKey"),
        ("{ channels: { telegram: { botToken: '1:a' } } }", "channels.telegram.botToken"),
        ("{ a: 1, a: 2 }", "a"),
        ("{ a: 1", "text"),
        (large.as_str(), "text"),
    ] {
        let reply = put(&app, &ada, 0, text).await;
        let (status, fields) = reply.problem();
        assert_eq!((status, fields[0]), (400, field), "{}", reply.text);
    }
    assert!(
        app.fakes.space.asked.lock().unwrap().is_empty(),
        "OpenClaw is not asked about what is refused anyway"
    );
    let issue = FieldError::new("agents.defaults.workspace", "Invalid input");
    *app.fakes.space.verdict.lock().unwrap() = Some(ConfigVerdict::Invalid(vec![issue]));
    assert_eq!(put(&app, &ada, 0, "{ a: 1 }").await.problem(), (400, vec!["agents.defaults.workspace"]));
    assert!(
        app.fakes.space.asked.lock().unwrap()[0].contains("\"port\": 18789"),
        "it sees what the bot would get"
    );
    assert_eq!(app.events("bot.config_set").await, 0);
    assert_eq!(get(&app, &ada).await["version"], json!(0));
}

#[tokio::test]
async fn what_was_changed_inside_of_the_bot_is_noticed_and_adopted() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    let none = app.post("/api/bot/one/config/adopt").as_(&ada).send().await;
    assert_eq!(none.problem(), (409, vec![]));
    let text = put(&app, &ada, 0, "{ a: 1 }").await.body["text"].as_str().unwrap().to_owned();
    in_place(&app, &text, 1);
    assert_eq!(get(&app, &ada).await["drifted"], json!(false));
    let changed = text.replace("a: 1", "a: 1, /* by the bot */ b: 2");
    in_place(&app, &changed, 1);
    let drifted = get(&app, &ada).await;
    assert_eq!((&drifted["drifted"], &drifted["fileVersion"]), (&json!(true), &json!(1)));
    let diff = app.get("/api/bot/one/config/drift").as_(&ada).send().await;
    assert!(diff.body["diff"].as_str().unwrap().contains("by the bot"), "{}", diff.text);

    assert_eq!(put(&app, &ada, 1, "{ a: 3 }").await.problem(), (409, vec![]), "it would be lost");
    let adopted = app.post("/api/bot/one/config/adopt").as_(&ada).send().await;
    assert_eq!((adopted.status.as_u16(), &adopted.body["version"]), (200, &json!(2)), "{}", adopted.text);
    assert!(adopted.body["text"].as_str().unwrap().contains("/* by the bot */"));
    let now = get(&app, &ada).await;
    assert_eq!(
        (&now["drifted"], &now["saved"]["origin"]),
        (&json!(true), &json!("adopted")),
        "until the worker saw it"
    );
    in_place(&app, &changed, 2);
    assert_eq!(get(&app, &ada).await["drifted"], json!(false));

    in_place(&app, &changed.replace("b: 2", "b: 3, token: 'hunter2'"), 2);
    let secret = app.post("/api/bot/one/config/adopt").as_(&ada).send().await;
    assert_eq!(secret.problem(), (400, vec!["token"]));
    let body = json!({"text": "{ a: 3 }", "discardDrift": true});
    let discarded = app.put(PATH).as_(&ada).header("if-match", "\"2\"").json(&body).send().await;
    assert_eq!(discarded.body["version"], json!(3), "{}", discarded.text);

    *app.fakes.space.away.lock().unwrap() = Some("the host is away".to_owned());
    assert_eq!(get(&app, &ada).await["drifted"], json!(null));
}

#[tokio::test]
async fn another_tenants_configuration_is_nobodys_business_and_a_viewer_does_not_save() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    put(&app, &ada, 0, "{ a: 1 }").await;
    app.register("eve@example.com", false).await;
    let eve = app.sign_in("eve@example.com").await;
    for (method, path) in [
        (Method::GET, PATH),
        (Method::GET, "/api/bot/one/config/drift"),
        (Method::GET, "/api/bot/one/config/versions"),
        (Method::GET, "/api/bot/one/config/versions/1"),
        (Method::GET, "/api/bot/one/config/versions/0/diff/1"),
        (Method::POST, "/api/bot/one/config/versions/1/restore"),
        (Method::POST, "/api/bot/one/config/adopt"),
    ] {
        let reply = app.call(method.clone(), path).as_(&eve).send().await;
        assert_eq!(reply.problem(), (404, vec![]), "{method} {path}");
    }
    assert_eq!(put(&app, &eve, 1, "{}").await.problem(), (404, vec![]));
    assert_eq!(app.events("bot.config_set").await, 1);
}
