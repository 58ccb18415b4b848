//! Provider keys: their secrets go in and never come out.

use crate::app::App;
use clawplane_api::provider_keys::sweep_deleted;
use clawplane_domain::{provider_key::ProviderKey, sealed::bound_to_key};
use clawplane_eventstore::Feed;
use pretty_assertions::assert_eq;
use serde_json::json;

const SECRET: &str = "sk-live-3f9c1b7e5a";

#[tokio::test]
async fn a_secret_is_in_no_answer_and_in_no_table() {
    let app = App::start().await;
    let ada = app.ada().await;
    let body = json!({"vendor": "openai", "secret": SECRET, "label": "Team", "tags": ["a"], "weight": 3,
                      "baseUrl": "https://example.com/v1/"});
    let added = app.post("/api/provider-key").as_(&ada).json(&body).send().await;
    assert_eq!(added.status, 201, "{}", added.text);
    assert_eq!(added.header("location"), format!("/api/provider-key/{}", added.body["id"].as_str().unwrap()));
    assert_eq!((&added.body["weight"], &added.body["tags"]), (&json!(3), &json!(["a"])));
    assert_eq!(added.body["baseUrl"], "https://example.com/v1");
    assert_eq!(added.body["onDisconnect"], "cancel");

    let shown = app.get(added.header("location")).as_(&ada).send().await;
    assert_eq!((shown.status.as_u16(), &shown.body), (200, &added.body));
    let list = app.get("/api/provider-key").as_(&ada).send().await;
    assert_eq!(list.body["items"], json!([added.body]));
    let health = app.get("/api/provider-key/health").as_(&ada).send().await;
    let expected = json!([{"id": added.body["id"], "label": "Team", "vendor": "openai", "health": "unused",
                           "state": "healthy", "since": crate::app::NOON}]);
    assert_eq!(health.body["items"], expected);
    let audit = app
        .get("/api/audit")
        .as_(&ada)
        .header("x-clawplane-min-position", added.header("x-clawplane-position"));
    let audit = audit.send().await;
    assert_eq!(audit.body["items"][0]["action"], "provider_key.added", "{}", audit.text);

    for text in [&added.text, &shown.text, &list.text, &health.text, &audit.text] {
        assert!(!text.contains(SECRET) && !text.contains("ciphertext"), "{text}");
    }
    assert_eq!(occurrences(&app, SECRET).await, Vec::<String>::new());
    assert_ne!(
        occurrences(&app, "provider_key.added").await,
        Vec::<String>::new(),
        "the search itself works"
    );
}

/// The tables that hold a text anywhere.
async fn occurrences(app: &App, needle: &str) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap();
    let mut found = Vec::new();
    for table in tables {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} AS t WHERE strpos(t::text, $1) > 0)");
        if sqlx::query_scalar(&sql).bind(needle).fetch_one(&app.pool).await.unwrap() {
            found.push(table);
        }
    }
    found
}

#[tokio::test]
async fn a_deleted_key_is_gone_and_its_secret_shredded() {
    let app = App::start().await;
    let ada = app.ada().await;
    let body = json!({"vendor": "openai", "secret": SECRET, "label": "Team"});
    let added = app.post("/api/provider-key").as_(&ada).json(&body).send().await;
    let (id, path) = (added.body["id"].as_str().unwrap(), added.header("location"));
    let key: ProviderKey = app.deps.executor.load(id).await.unwrap();
    let key = key.key.unwrap();
    let bound_to = bound_to_key(key.tenant_id, key.id);
    assert_eq!(app.deps.vault.open(&key.sealed, &bound_to).await.unwrap().expose(), SECRET);

    assert_eq!(app.delete(path).as_(&ada).send().await.status, 204);
    assert!(app.deps.vault.open(&key.sealed, &bound_to).await.is_err());
    assert_eq!(app.delete(path).as_(&ada).send().await.problem(), (404, vec![]));
    assert_eq!(app.get(path).as_(&ada).send().await.problem(), (404, vec![]));
    assert_eq!(app.get("/api/provider-key").as_(&ada).send().await.body["items"], json!([]));
}

#[tokio::test]
async fn a_sweep_destroys_what_a_crash_left() {
    let app = App::start().await;
    let ada = app.ada().await;
    let mut paths = Vec::new();
    for label in ["kept", "deleted"] {
        let body = json!({"vendor": "openai", "secret": SECRET, "label": label});
        let added = app.post("/api/provider-key").as_(&ada).json(&body).send().await;
        paths.push(added.header("location").to_owned());
    }
    // As if the process had died between the event and the destruction.
    let before = sqlx::query("CREATE TABLE saved AS SELECT * FROM data_keys").execute(&app.pool).await;
    before.unwrap();
    assert_eq!(app.delete(&paths[1]).as_(&ada).send().await.status, 204);
    let back = "INSERT INTO data_keys SELECT * FROM saved ON CONFLICT DO NOTHING";
    assert_eq!(sqlx::query(back).execute(&app.pool).await.unwrap().rows_affected(), 1);

    let feed = Feed::new(app.pool.clone());
    assert_eq!(sweep_deleted(&feed, &app.deps.vault).await.unwrap(), 1);
    assert_eq!(app.data_keys().await, 1);
    assert_eq!(sweep_deleted(&feed, &app.deps.vault).await.unwrap(), 1);
    assert_eq!(app.data_keys().await, 1);
}

#[tokio::test]
async fn bad_input_is_named_and_never_repeated() {
    let app = App::start().await;
    let ada = app.ada().await;
    let with = |field: &str, value: serde_json::Value| {
        let mut body = json!({"vendor": "openai", "secret": SECRET, "label": "Team"});
        body[field] = value;
        body
    };
    let cases = [
        (with("vendor", json!("acme")), "vendor"),
        (with("vendor", json!("Open AI")), "vendor"),
        (with("vendor", json!("custom")), "baseUrl"),
        (with("secret", json!("")), "secret"),
        (with("secret", json!(format!("{SECRET}\n"))), "secret"),
        (with("secret", json!(format!("{SECRET}\r\nx: y"))), "secret"),
        (with("secret", json!(format!("{SECRET}é"))), "secret"),
        (with("secret", json!(SECRET.repeat(500))), "secret"),
        (with("secret", json!([SECRET])), "secret"),
        (with("secret", json!({"value": SECRET})), "secret"),
        (with("label", json!("")), "label"),
        (with("weight", json!(0)), "weight"),
        (with("weight", json!(1001)), "weight"),
        (with("tags", json!(["Not OK"])), "tags[0]"),
        (with("baseUrl", json!("ftp://example.com")), "baseUrl"),
        (with("baseUrl", json!("http://169.254.169.254/latest")), "baseUrl"),
        (with("apiType", json!("smoke-signals")), "apiType"),
        (with("onDisconnect", json!("shrug")), "onDisconnect"),
        (with("key", json!(SECRET)), "key"),
    ];
    for (body, field) in cases {
        let reply = app.post("/api/provider-key").as_(&ada).json(&body).send().await;
        assert_eq!(reply.problem(), (400, vec![field]), "{}", reply.text);
        assert!(!reply.text.contains(SECRET), "{}", reply.text);
    }
    assert_eq!((app.events("provider_key.added").await, app.data_keys().await), (0, 0));
}

#[tokio::test]
async fn a_custom_vendor_has_an_address_and_a_format() {
    let app = App::start().await;
    let ada = app.ada().await;
    let body = json!({"vendor": "custom", "secret": SECRET, "label": "Own", "baseUrl": "https://llm.example.com",
                      "apiType": "anthropic", "onDisconnect": "drain"});
    let reply = app.post("/api/provider-key").as_(&ada).json(&body).send().await;
    assert_eq!((reply.status.as_u16(), &reply.body["apiType"]), (201, &json!("anthropic")), "{}", reply.text);
    assert_eq!(reply.body["onDisconnect"], "drain");
    let shown = app.get(reply.header("location")).as_(&ada).send().await;
    assert_eq!(shown.body, reply.body);
}
