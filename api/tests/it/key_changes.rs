//! Provider keys are changed, rotated, taken out of use and put back, and asked about.

use crate::app::{App, NOON, Reply, Session};
use clawplane_api::{Verification, provider_keys::sweep_deleted};
use clawplane_domain::{
    KeyId, Timestamp,
    provider_key::{CoolCode, Cooling, DisabledBy, Disabling, KeyCommand, ProviderKey},
    sealed::bound_to_key,
};
use clawplane_eventstore::Feed;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

const SECRET: &str = "sk-live-3f9c1b7e5a";
const NEXT: &str = "sk-live-77d0e1c2b3";

async fn add(app: &App, session: &Session) -> String {
    let body = json!({"vendor": "openai", "secret": SECRET, "label": "Team"});
    let added = app.post("/api/provider-key").as_(session).json(&body).send().await;
    assert_eq!(added.status, 201, "{}", added.text);
    added.header("location").to_owned()
}

async fn key(app: &App, path: &str) -> ProviderKey {
    app.deps.executor.load(path.rsplit('/').next().unwrap()).await.unwrap()
}

/// A command as the proxy gives it.
async fn from_proxy(app: &App, path: &str, command: KeyCommand) {
    let key = key(app, path).await.key.unwrap();
    let metadata = crate::support::metadata(key.tenant_id);
    let committed = app.deps.executor.execute::<ProviderKey>(key.id, command, metadata).await.unwrap();
    let view = clawplane_projections::View::ProviderKeys;
    let position = committed.position.unwrap();
    assert!(app.deps.views.caught_up(view, position, std::time::Duration::from_secs(20)).await.unwrap());
}

async fn refuse(app: &App, path: &str) {
    let disabling =
        Disabling { by: DisabledBy::Proxy, reason: "the vendor refused it".to_owned(), status: Some(401) };
    let secret = key(app, path).await.key.unwrap().sealed.data_key_id;
    from_proxy(app, path, KeyCommand::Disable { disabling, secret: Some(secret) }).await;
}

async fn cool(app: &App, path: &str) {
    let until: Timestamp = "2026-03-01T12:00:30Z".parse().unwrap();
    let cooling = Cooling { until, code: CoolCode::RateLimited, status: Some(429), failures: 2 };
    let secret = key(app, path).await.key.unwrap().sealed.data_key_id;
    from_proxy(app, path, KeyCommand::Cool { cooling, secret }).await;
}

async fn health(app: &App, session: &Session) -> Value {
    app.get("/api/provider-key/health").as_(session).send().await.body["items"][0].clone()
}

fn state(reply: &Reply) -> (u16, &str) {
    (reply.status.as_u16(), reply.body["state"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_change_changes_what_it_names() {
    let app = App::start().await;
    let ada = app.ada().await;
    let path = add(&app, &ada).await;
    let body = json!({"label": "Spare", "tags": ["eu"], "weight": 7});
    let changed = app.patch(&path).as_(&ada).json(&body).send().await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!((&changed.body["label"], &changed.body["tags"]), (&json!("Spare"), &json!(["eu"])));
    assert_eq!(changed.body["weight"], json!(7));
    assert_eq!(app.get(&path).as_(&ada).send().await.body, changed.body);
    let light = app.patch(&path).as_(&ada).json(&json!({"weight": 1})).send().await;
    assert_eq!((&light.body["label"], &light.body["weight"]), (&json!("Spare"), &json!(1)));
    assert_eq!(app.patch(&path).as_(&ada).json(&json!({})).send().await.status, 200);
    assert_eq!(app.events("provider_key.changed").await, 2, "nothing to change is no event");

    for (body, field) in [
        (json!({"label": ""}), "label"),
        (json!({"tags": ["Not OK"]}), "tags[0]"),
        (json!({"weight": 0}), "weight"),
        (json!({"weight": 1001}), "weight"),
        (json!({"secret": SECRET}), "secret"),
        (json!({"vendor": "anthropic"}), "vendor"),
    ] {
        let reply = app.patch(&path).as_(&ada).json(&body).send().await;
        assert_eq!(reply.problem(), (400, vec![field]), "{}", reply.text);
        assert!(!reply.text.contains(SECRET));
    }
}

#[tokio::test]
async fn a_rotated_secret_is_the_only_one() {
    let app = App::start().await;
    let ada = app.ada().await;
    let path = add(&app, &ada).await;
    let old = key(&app, &path).await.key.unwrap();
    let rotate = format!("{path}/rotate");
    let rotated = app.post(&rotate).as_(&ada).header("idempotency-key", "r1");
    let rotated = rotated.json(&json!({"secret": NEXT})).send().await;
    assert_eq!(state(&rotated), (200, "healthy"), "{}", rotated.text);
    assert!(!rotated.text.contains(NEXT));
    let new = key(&app, &path).await.key.unwrap();
    let bound_to = bound_to_key(new.tenant_id, new.id);
    assert_eq!(app.deps.vault.open(&new.sealed, &bound_to).await.unwrap().expose(), NEXT);
    assert!(app.deps.vault.open(&old.sealed, &bound_to).await.is_err(), "shredded in history too");
    assert_eq!(app.data_keys().await, 1);

    let again = app.post(&rotate).as_(&ada).header("idempotency-key", "r1");
    assert_eq!(again.json(&json!({"secret": NEXT})).send().await.status, 200);
    assert_eq!((app.events("provider_key.rotated").await, app.data_keys().await), (1, 1));
    assert_eq!(key(&app, &path).await.key.unwrap().sealed, new.sealed);

    for secret in [json!(""), json!(format!("{NEXT}\n")), json!(["x"])] {
        let reply = app.post(&rotate).as_(&ada).json(&json!({"secret": secret})).send().await;
        assert_eq!(reply.problem(), (400, vec!["secret"]), "{}", reply.text);
    }
    let audit = app.get("/api/audit?action=provider_key.rotated").as_(&ada).send().await;
    assert_eq!(audit.body["items"].as_array().unwrap().len(), 1, "{}", audit.text);
    assert!(!audit.text.contains("ciphertext") && !audit.text.to_lowercase().contains("datakeyid"));
}

#[tokio::test]
async fn a_sweep_destroys_the_earlier_secrets_that_a_crash_left() {
    let app = App::start().await;
    let ada = app.ada().await;
    let path = add(&app, &ada).await;
    sqlx::query("CREATE TABLE saved AS SELECT * FROM data_keys").execute(&app.pool).await.unwrap();
    let rotate = app.post(&format!("{path}/rotate")).as_(&ada).json(&json!({"secret": NEXT}));
    assert_eq!(rotate.send().await.status, 200);
    let back = "INSERT INTO data_keys SELECT * FROM saved ON CONFLICT DO NOTHING";
    assert_eq!(sqlx::query(back).execute(&app.pool).await.unwrap().rows_affected(), 1);
    assert_eq!(sweep_deleted(&Feed::new(app.pool.clone()), &app.deps.vault).await.unwrap(), 1);
    assert_eq!(app.data_keys().await, 1);
    let new = key(&app, &path).await.key.unwrap();
    assert!(app.deps.vault.open(&new.sealed, &bound_to_key(new.tenant_id, new.id)).await.is_ok());
}

#[tokio::test]
async fn a_key_is_disabled_and_enabled_once() {
    let app = App::start().await;
    let ada = app.ada().await;
    let path = add(&app, &ada).await;
    let call = |verb: &str| app.post(&format!("{path}/{verb}")).as_(&ada);
    let disabled = call("disable").json(&json!({"reason": "leaked"})).send().await;
    assert_eq!(state(&disabled), (200, "disabled"), "{}", disabled.text);
    assert_eq!((&disabled.body["reason"], &disabled.body["by"]), (&json!("leaked"), &json!("person")));
    assert_eq!(state(&call("disable").send().await), (200, "disabled"));
    assert_eq!(app.events("provider_key.disabled").await, 1);
    let shown = health(&app, &ada).await;
    assert_eq!(
        (&shown["state"], &shown["since"], &shown["reason"]),
        (&json!("disabled"), &json!(NOON), &json!("leaked"))
    );
    assert_eq!(state(&call("enable").send().await), (200, "healthy"));
    assert_eq!(state(&call("enable").send().await), (200, "healthy"));
    assert_eq!(app.events("provider_key.enabled").await, 1);
    let long = call("disable").json(&json!({"reason": "x".repeat(501)})).send().await;
    assert_eq!(long.problem(), (400, vec!["reason"]));
}

#[tokio::test]
async fn what_the_proxy_saw_is_shown() {
    let app = App::start().await;
    let ada = app.ada().await;
    let path = add(&app, &ada).await;
    cool(&app, &path).await;
    let shown = health(&app, &ada).await;
    let fields = ["state", "until", "reason", "status", "failures"];
    let found: Vec<_> = fields.iter().map(|field| shown[*field].clone()).collect();
    let expected =
        [json!("cooling"), json!("2026-03-01T12:00:30Z"), json!("rate_limited"), json!(429), json!(2)];
    assert_eq!(found, expected);
    let row = app.get(&path).as_(&ada).send().await;
    assert_eq!((&row.body["state"], &row.body["until"]), (&json!("cooling"), &shown["until"]));
    refuse(&app, &path).await;
    let shown = health(&app, &ada).await;
    assert_eq!(
        (&shown["state"], &shown["by"], &shown["status"]),
        (&json!("disabled"), &json!("proxy"), &json!(401))
    );
    assert_eq!((&shown["until"], &shown["failures"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_verified_key_is_back_unless_a_person_took_it_out() {
    let app = App::start().await;
    let ada = app.ada().await;
    let path = add(&app, &ada).await;
    let verify = || app.post(&format!("{path}/verify")).as_(&ada).send();
    assert_eq!(verify().await.problem(), (503, vec![]), "nobody can ask");
    let said = |ok: bool, code: &str| Verification {
        ok,
        status: Some(if ok { 200 } else { 401 }),
        code: code.to_owned(),
        latency_ms: 12,
        detail: "words".to_owned(),
    };
    *app.fakes.verdict.lock().unwrap() = Some(said(false, "refused"));
    cool(&app, &path).await;
    let reply = verify().await;
    let expected = json!({"ok": false, "status": 401, "code": "refused", "latencyMs": 12, "detail": "words"});
    assert_eq!((reply.status.as_u16(), &reply.body), (200, &expected));
    assert_eq!(health(&app, &ada).await["state"], json!("cooling"));

    *app.fakes.verdict.lock().unwrap() = Some(said(true, "ok"));
    assert_eq!(verify().await.body["ok"], json!(true));
    assert_eq!(health(&app, &ada).await["state"], json!("healthy"));
    refuse(&app, &path).await;
    verify().await;
    assert_eq!(health(&app, &ada).await["state"], json!("healthy"), "the vendor takes it after all");
    app.post(&format!("{path}/disable")).as_(&ada).send().await;
    verify().await;
    assert_eq!(health(&app, &ada).await["state"], json!("disabled"));
}

#[tokio::test]
async fn other_tenants_keys_and_deleted_ones_are_not_there() {
    let app = App::start().await;
    app.register("bob@example.com", false).await;
    let (ada, bob) = (app.ada().await, app.sign_in("bob@example.com").await);
    let path = add(&app, &ada).await;
    *app.fakes.verdict.lock().unwrap() = Some(Verification {
        ok: true,
        status: Some(200),
        code: "ok".to_owned(),
        latency_ms: 1,
        detail: String::new(),
    });
    let all = async |session: &Session, path: &str| {
        assert_eq!(
            app.patch(path).as_(session).json(&json!({"weight": 2})).send().await.problem(),
            (404, vec![])
        );
        for (verb, body) in [("enable", None), ("disable", None), ("verify", None), ("rotate", Some(NEXT))] {
            let call = app.post(&format!("{path}/{verb}")).as_(session);
            let call = body.map_or(call, |_| {
                app.post(&format!("{path}/{verb}")).as_(session).json(&json!({"secret": NEXT}))
            });
            assert_eq!(call.send().await.problem(), (404, vec![]), "{verb}");
        }
    };
    all(&bob, &path).await;
    all(&ada, &format!("/api/provider-key/{}", KeyId(uuid::Uuid::nil()))).await;
    all(&ada, "/api/provider-key/none").await;
    assert_eq!(app.data_keys().await, 1);
    assert_eq!(app.delete(&path).as_(&ada).send().await.status, 204);
    all(&ada, &path).await;
    assert_eq!(app.data_keys().await, 0);
}
