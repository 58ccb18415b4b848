//! Bots from their creation to their end.

use crate::app::{App, NOON, Session};
use clawplane_domain::{Secret, TenantId, TokenHash, bot::Bot, sealed::bound_to_bot};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

#[tokio::test]
async fn a_bot_is_made_with_all_that_was_said_of_it() {
    let app = App::start().await;
    let ada = app.ada().await;
    let body = json!({
        "hostname": "support-bot", "name": "Support", "image": "example/bot:1", "tags": ["support"],
        "models": [{"vendor": "anthropic", "model": "claude-sonnet-4"}],
        "limits": {"memoryMib": 4096},
    });
    let reply = app.post("/api/bot").as_(&ada).json(&body).send().await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    assert_eq!(reply.header("location"), "/api/bot/support-bot");
    assert!(reply.header("x-clawplane-position").contains('-'));
    assert_eq!(reply.body["limits"], json!({"memoryMib": 4096, "cpuMillis": 1000, "pids": 512}));
    assert_eq!((&reply.body["desired"], &reply.body["state"]), (&json!("stopped"), &json!("created")));
    assert_eq!((&reply.body["port"], &reply.body["createdAt"]), (&json!(9200), &json!(NOON)));
    assert_eq!(reply.body["gatewayTokenExpiresAt"], "2026-03-01T13:00:00Z");
    assert_eq!(reply.body["models"], body["models"]);
    assert_eq!((&reply.body["image"], &reply.body["tags"]), (&body["image"], &body["tags"]));

    let mut made = reply.body.clone();
    let token = made.as_object_mut().unwrap().remove("gatewayToken").unwrap();
    let shown = app.get("/api/bot/support-bot").as_(&ada).send().await;
    assert_eq!((shown.status.as_u16(), &shown.body), (200, &made), "without the token it is the same");
    assert!(!shown.text.contains(token.as_str().unwrap()));
}

#[tokio::test]
async fn the_token_is_stored_as_hash_and_ciphertext_only() {
    let app = App::start().await;
    let ada = app.ada().await;
    let reply = app.create_bot(&ada, "one").await;
    let token = reply.body["gatewayToken"].as_str().unwrap();
    assert!(token.starts_with("cp_") && token.len() == 46, "{token}");
    let events = sqlx::query_scalar::<_, String>("SELECT string_agg(payload::text, ' ') FROM events");
    assert!(!events.fetch_one(&app.pool).await.unwrap().contains(token));

    let bot: Bot = app.deps.executor.load(reply.body["id"].as_str().unwrap()).await.unwrap();
    let bot = bot.profile.unwrap();
    let stored = bot.token.unwrap();
    assert_eq!(stored.hash, TokenHash::of(token));
    let bound_to = bound_to_bot(bot.tenant_id, bot.id);
    assert_eq!(app.deps.vault.open(&stored.sealed, &bound_to).await.unwrap().expose(), token);
}

#[tokio::test]
async fn what_is_not_said_has_a_usual_value() {
    let app = App::start().await;
    let ada = app.ada().await;
    let reply = app.create_bot(&ada, "one").await;
    assert_eq!(reply.body["name"], "one");
    assert_eq!(reply.body["image"], "ghcr.io/openclaw/openclaw:latest");
    assert_eq!(reply.body["models"], json!([{"vendor": "openai", "model": "gpt-4o-mini"}]));
    assert_eq!(reply.body["limits"], json!({"memoryMib": 2048, "cpuMillis": 1000, "pids": 512}));
    assert_eq!(app.create_bot(&ada, "two").await.body["port"], 9201);
}

#[tokio::test]
async fn a_taken_hostname_is_a_conflict_and_leaves_no_data_key() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    app.register("bob@example.com", false).await;
    let bob = app.sign_in("bob@example.com").await;
    for session in [&ada, &bob] {
        let reply = app.post("/api/bot").as_(session).json(&json!({"hostname": "one"})).send().await;
        assert_eq!(reply.problem(), (409, vec!["hostname"]));
    }
    assert_eq!(app.data_keys().await, 1);
}

#[tokio::test]
async fn bots_made_at_once_get_ports_of_their_own() {
    let app = App::start().await;
    let ada = app.ada().await;
    let hostnames: Vec<_> = (0..8).map(|n| format!("bot-{n}")).collect();
    let replies = futures::future::join_all(hostnames.iter().map(|name| app.create_bot(&ada, name))).await;
    let mut ports: Vec<_> = replies.iter().map(|reply| reply.body["port"].as_u64().unwrap()).collect();
    ports.sort_unstable();
    assert_eq!(ports, (9200..9208).collect::<Vec<_>>());
}

async fn refused(app: &App, session: &Session, body: Value) -> (u16, String) {
    let reply = app.post("/api/bot").as_(session).json(&body).send().await;
    let (status, fields) = reply.problem();
    (status, fields.join(","))
}

#[tokio::test]
async fn bad_input_is_named_all_at_once() {
    let app = App::start().await;
    let ada = app.ada().await;
    let cases = [
        (json!({}), "hostname"),
        (json!({"hostname": "Support Bot"}), "hostname"),
        (json!({"hostname": "stats"}), "hostname"),
        (json!({"hostname": "a", "colour": 1}), "colour"),
        (json!({"hostname": "a", "tags": ["ok", "Not OK"]}), "tags[1]"),
        (json!({"hostname": "a", "models": []}), "models"),
        (json!({"hostname": "a", "models": [{"vendor": "acme", "model": "m"}]}), "models[0].vendor"),
        (json!({"hostname": "a", "models": [{"vendor": "openai"}]}), "models[0].model"),
        (json!({"hostname": "a", "limits": {"memoryMib": 1}}), "limits.memoryMib"),
        (json!({"hostname": "a", "limits": {"memoryMib": -1}}), "limits.memoryMib"),
        (json!({"hostname": "a", "limits": {"memory": 1}}), "limits.memory"),
        (json!({"hostname": "-", "name": "", "image": "a b"}), "hostname,name,image"),
    ];
    for (body, fields) in cases {
        assert_eq!(refused(&app, &ada, body.clone()).await, (400, fields.to_owned()), "{body}");
    }
    assert_eq!(app.events("bot.created").await, 0);
    assert_eq!(app.data_keys().await, 0);
}

#[tokio::test]
async fn bots_are_listed_in_pages_and_counted() {
    let app = App::start().await;
    let ada = app.ada().await;
    for name in ["cora", "alma", "bert"] {
        app.create_bot(&ada, name).await;
    }
    let names = |body: &Value| {
        let items = body["items"].as_array().unwrap().iter();
        items.map(|bot| bot["hostname"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = app.get("/api/bot?limit=2").as_(&ada).send().await;
    assert_eq!(names(&first.body), ["alma", "bert"]);
    let next = first.body["nextCursor"].as_str().unwrap();
    let second = app.get(&format!("/api/bot?limit=2&cursor={next}")).as_(&ada).send().await;
    assert_eq!(names(&second.body), ["cora"]);
    assert_eq!(second.body.get("nextCursor"), None);
    let stats = app.get("/api/bot/stats").as_(&ada).send().await.body;
    let (total, created, stopped) = (&stats["total"], &stats["created"], &stats["desiredStopped"]);
    assert_eq!((total, created, stopped), (&json!(3), &json!(3), &json!(3)));

    for query in ["limit=0", "limit=201", "limit=x", "cursor=x", "page=2"] {
        let reply = app.get(&format!("/api/bot?{query}")).as_(&ada).send().await;
        assert_eq!(reply.problem(), (400, vec![query.split_once('=').unwrap().0]), "{query}");
    }
}

#[tokio::test]
async fn a_bot_is_started_and_stopped() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    let reply = app.post("/api/bot/one/start").as_(&ada).send().await;
    assert_eq!((reply.status.as_u16(), &reply.body["desired"]), (202, &json!("running")));
    let again = app.post("/api/bot/one/start").as_(&ada).send().await;
    assert_eq!((again.status.as_u16(), again.header("x-clawplane-position")), (202, ""));
    assert_eq!(app.events("bot.start_requested").await, 1, "what runs already is not started");
    assert_eq!(app.get("/api/bot/one").as_(&ada).send().await.body["desired"], "running");
    let reply = app.post("/api/bot/one/stop").as_(&ada).send().await;
    assert_eq!((reply.status.as_u16(), &reply.body["desired"]), (202, &json!("stopped")));
}

#[tokio::test]
async fn without_an_engine_a_start_says_why_and_changes_nothing() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    *app.fakes.no_engine.lock().unwrap() = Some("no Docker engine answers".to_owned());
    let reply = app.post("/api/bot/one/start").as_(&ada).send().await;
    assert_eq!(reply.problem(), (503, vec![]));
    assert_eq!(reply.body["detail"], "no bot can be started now: no Docker engine answers");
    assert_eq!(reply.header("retry-after"), "30");
    assert_eq!(app.events("bot.start_requested").await, 0);
    assert_eq!(app.post("/api/bot/two/start").as_(&ada).send().await.problem(), (404, vec![]));
    assert_eq!(app.post("/api/bot/one/stop").as_(&ada).send().await.status, 202, "stopping needs no engine");
}

#[tokio::test]
async fn a_deleted_bot_is_gone_at_once_and_its_hostname_free() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    let reply = app.delete("/api/bot/one").as_(&ada).send().await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (204, ""));
    for call in [app.get("/api/bot/one"), app.delete("/api/bot/one"), app.post("/api/bot/one/stop")] {
        assert_eq!(call.as_(&ada).send().await.problem(), (404, vec![]));
    }
    let next = app.create_bot(&ada, "one").await;
    assert_eq!(next.body["port"], 9201, "the old container may still have the old port");
}

#[tokio::test]
async fn a_quota_replaces_the_one_before() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    let body = json!({"dailyTokens": 1000, "requestsPerMinute": 5});
    let reply = app.put("/api/bot/one/quota").as_(&ada).json(&body).send().await;
    assert_eq!((reply.status.as_u16(), &reply.body["dailyTokens"]), (200, &json!(1000)), "{}", reply.text);
    let shown = app.get("/api/bot/one").as_(&ada).send().await.body;
    assert_eq!(shown["quota"], reply.body);
    let body = json!({"dailyTokens": null, "monthlyCostMicros": 7});
    let reply = app.put("/api/bot/one/quota").as_(&ada).json(&body).send().await;
    let expected = json!({
        "dailyTokens": null, "monthlyTokens": null, "dailyCostMicros": null, "monthlyCostMicros": 7,
        "requestsPerMinute": null, "tokensPerMinute": null, "unknownPrice": "refuse",
    });
    assert_eq!(reply.body, expected);

    let wrong = async |path: &str, body: Value| {
        let reply = app.put(path).as_(&ada).json(&body).send().await;
        let (status, fields) = reply.problem();
        (status, fields.join(","))
    };
    let too_large = json!({"dailyTokens": 9_007_199_254_740_992_u64});
    assert_eq!(wrong("/api/bot/one/quota", too_large).await, (400, "dailyTokens".to_owned()));
    assert_eq!(
        wrong("/api/bot/one/quota", json!({"dailyTokens": -1})).await,
        (400, "dailyTokens".to_owned())
    );
    assert_eq!(wrong("/api/bot/one/quota", json!({"daily": 1})).await, (400, "daily".to_owned()));
    assert_eq!(wrong("/api/bot/two/quota", json!({})).await, (404, String::new()));
}

#[tokio::test]
async fn the_sealed_token_of_one_tenant_opens_for_no_other() {
    let app = App::start().await;
    let ada = app.ada().await;
    let reply = app.create_bot(&ada, "one").await;
    let bot: Bot = app.deps.executor.load(reply.body["id"].as_str().unwrap()).await.unwrap();
    let bot = bot.profile.unwrap();
    let elsewhere = bound_to_bot(TenantId(bot.id.0), bot.id);
    let opened: Result<Secret, _> = app.deps.vault.open(&bot.token.unwrap().sealed, &elsewhere).await;
    assert!(opened.is_err());
}
