//! A bot's life after it was made: changed, renamed, restarted, cloned, upgraded, deleted with its data kept.

use crate::app::{App, Reply, Session};
use axum::http::Method;
use clawplane_domain::{
    BotId,
    bot::{Bot, BotCommand, BotState, Observation},
};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

async fn post(app: &App, ada: &Session, path: &str, body: Value) -> Reply {
    app.post(path).as_(ada).json(&body).send().await
}

/// As the worker does.
async fn tell(app: &App, bot: &Value, command: BotCommand) {
    let id: BotId = bot["id"].as_str().unwrap().parse().unwrap();
    let tenant = app.deps.executor.load::<Bot>(&id.to_string()).await.unwrap().profile.unwrap().tenant_id;
    let told = app.deps.executor.execute::<Bot>(id, command, crate::support::metadata(tenant)).await.unwrap();
    let position = told.position.expect("it is news");
    let seen = app.deps.views.caught_up(
        clawplane_projections::View::Bots,
        position,
        std::time::Duration::from_mins(1),
    );
    assert!(seen.await.unwrap());
}

#[tokio::test]
async fn a_bot_is_made_with_all_that_the_wizard_asks_for() {
    let app = App::start().await;
    let ada = app.ada().await;
    let body = json!({
        "hostname": "one", "persona": "# One\nShort.", "features": {"canvas": true, "voice": false},
        "environment": {"TZ": "Europe/Berlin"},
    });
    let made = post(&app, &ada, "/api/bot", body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    for shown in [made.body, app.get("/api/bot/one").as_(&ada).send().await.body] {
        assert_eq!((&shown["features"], &shown["environment"]), (&body["features"], &body["environment"]));
        assert_eq!((&shown["leftAlone"], &shown["upgrade"]), (&json!(false), &Value::Null));
        let bot: Bot = app.deps.executor.load(shown["id"].as_str().unwrap()).await.unwrap();
        assert_eq!(bot.profile.unwrap().life.persona.unwrap().as_str(), "# One\nShort.");
    }
    assert_eq!(app.events("bot.set_up").await, 1);
    let rows = sqlx::query_scalar::<_, String>("SELECT string_agg(bot::text, ' ') FROM view_bots.bots");
    assert!(!rows.fetch_one(&app.pool).await.unwrap().contains("Short."), "a persona is in no read model");
}

#[tokio::test]
async fn what_a_bot_may_not_have_is_named() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    let many =
        |what: &str| (0..65).map(|n| (format!("{what}{n}"), json!(""))).collect::<serde_json::Map<_, _>>();
    let cases = [
        (json!({"environment": {"PATH": "/tmp"}}), "environment.PATH"),
        (json!({"environment": {"openclaw_home": "/tmp"}}), "environment.openclaw_home"),
        (json!({"environment": {"K": "sk-aaaa1111aaaa1111aaaa1111"}}), "environment.K"),
        (json!({"environment": {"A-B": "x"}}), "environment.A-B"),
        (json!({"environment": {"A": "x\u{0}y"}}), "environment.A"),
        (json!({"environment": {"A": "x".repeat(4097)}}), "environment.A"),
        (json!({"environment": many("V")}), "environment"),
        (json!({"environment": {"A": 1}}), "environment.A"),
        (json!({"features": {"a b": true}}), "features.a b"),
        (json!({"features": {"a": "yes"}}), "features.a"),
        (json!({"limits": {"pids": 1}}), "limits.pids"),
        (json!({"models": []}), "models"),
        (json!({"tags": ["Not OK"]}), "tags[0]"),
    ];
    for (body, field) in cases {
        let reply = app.patch("/api/bot/one").as_(&ada).json(&body).send().await;
        assert_eq!(reply.problem(), (400, vec![field]), "{}", reply.text);
        assert!(!reply.text.contains("aaaa1111"), "a refusal repeats no secret");
        let mut new = body.clone();
        new["hostname"] = json!("two");
        assert_eq!(post(&app, &ada, "/api/bot", new).await.problem(), (400, vec![field]), "{body}");
    }
    for (body, field) in [
        (json!({"persona": ""}), "persona"),
        (json!({"persona": "x".repeat(32769)}), "persona"),
        (json!({"dataOf": "x"}), "dataOf"),
    ] {
        let mut new = body.clone();
        new["hostname"] = json!("two");
        assert_eq!(post(&app, &ada, "/api/bot", new).await.problem(), (400, vec![field]));
        let reply = app.patch("/api/bot/one").as_(&ada).json(&body).send().await;
        assert_eq!(reply.problem(), (400, vec![field]), "it is no field there");
    }
    assert_eq!((app.events("bot.changed").await, app.events("bot.created").await), (0, 1));
    assert_eq!(app.data_keys().await, 1);
}

#[tokio::test]
async fn what_is_not_named_in_a_change_stays() {
    let app = App::start().await;
    let ada = app.ada().await;
    post(&app, &ada, "/api/bot", json!({"hostname": "one", "tags": ["a"], "environment": {"A": "1"}})).await;
    let patch = |body: Value| app.patch("/api/bot/one").as_(&ada).json(&body).send();
    let reply = patch(json!({"limits": {"pids": 99}, "features": {"canvas": true}})).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.body["limits"], json!({"memoryMib": 2048, "cpuMillis": 1000, "pids": 99}));
    assert_eq!((&reply.body["tags"], &reply.body["environment"]), (&json!(["a"]), &json!({"A": "1"})));
    let reply =
        patch(json!({"environment": {}, "tags": ["b"], "models": [{"vendor": "anthropic", "model": "c"}]}))
            .await;
    assert_eq!((&reply.body["environment"], &reply.body["tags"]), (&json!({}), &json!(["b"])));
    assert_eq!(reply.body["features"], json!({"canvas": true}));
    let shown = app.get("/api/bot/one").as_(&ada).send().await.body;
    assert_eq!(shown, reply.body);
    let again = patch(json!({"tags": ["b"]})).await;
    assert_eq!((again.status.as_u16(), again.header("x-clawplane-position")), (200, ""));
    assert_eq!(app.events("bot.changed").await, 2, "nothing new is no event");
}

#[tokio::test]
async fn a_rename_frees_the_old_name_and_takes_the_new_one_or_does_neither() {
    let app = App::start().await;
    let ada = app.ada().await;
    let one = app.create_bot(&ada, "one").await;
    app.create_bot(&ada, "two").await;
    let rename = |from: &str, to: &str| {
        app.patch(&format!("/api/bot/{from}")).as_(&ada).json(&json!({"hostname": to, "name": "N"})).send()
    };
    assert_eq!(rename("one", "two").await.problem(), (409, vec!["hostname"]));
    assert_eq!(rename("one", "stats").await.problem(), (400, vec!["hostname"]));
    assert_eq!(app.get("/api/bot/one").as_(&ada).send().await.body["name"], "one", "neither of it");
    let renamed = rename("one", "three").await;
    assert_eq!(
        (renamed.status.as_u16(), &renamed.body["hostname"]),
        (200, &json!("three")),
        "{}",
        renamed.text
    );
    assert_eq!((&renamed.body["id"], &renamed.body["name"]), (&one.body["id"], &json!("N")));
    assert_eq!(app.get("/api/bot/one").as_(&ada).send().await.problem(), (404, vec![]));
    assert_eq!(app.get("/api/bot/three").as_(&ada).send().await.body["id"], one.body["id"]);
    app.create_bot(&ada, "one").await;
    assert_eq!(rename("three", "one").await.problem(), (409, vec!["hostname"]));
    assert_eq!(app.delete("/api/bot/three").as_(&ada).send().await.status, 204);
    app.create_bot(&ada, "three").await;
}

#[tokio::test]
async fn a_restart_counts_once_for_an_idempotency_key() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    let restart =
        |key: &str| app.post("/api/bot/one/restart").as_(&ada).header("idempotency-key", key).send();
    let reply = restart("a").await;
    assert_eq!((reply.status.as_u16(), &reply.body["desired"]), (202, &json!("running")));
    assert_eq!(app.events("bot.restart_requested").await, 0, "a stopped bot just starts");
    for key in ["b", "b", "c"] {
        assert_eq!(restart(key).await.status, 202);
    }
    assert_eq!(app.events("bot.restart_requested").await, 2);
    let init = app.post("/api/bot/one/init").as_(&ada).send().await;
    assert_eq!(init.status, 202, "{}", init.text);
    assert_eq!(app.events("bot.init_requested").await, 1);
    assert_eq!(app.post("/api/bot/one/token/revoke").as_(&ada).send().await.status.as_u16() / 100, 2);
    for path in ["restart", "init"] {
        let reply = app.post(&format!("/api/bot/one/{path}")).as_(&ada).send().await;
        assert_eq!(reply.problem(), (409, vec![]), "{path}");
    }
    *app.fakes.no_engine.lock().unwrap() = Some("no Docker engine answers".to_owned());
    assert_eq!(app.post("/api/bot/one/restart").as_(&ada).send().await.problem(), (503, vec![]));
}

#[tokio::test]
async fn an_upgrade_is_shown_until_and_after_its_end() {
    let app = App::start().await;
    let ada = app.ada().await;
    let bot = app.create_bot(&ada, "one").await.body;
    let upgrade = |image: Value| post(&app, &ada, "/api/bot/one/upgrade", json!({"image": image}));
    let reply = upgrade(json!("example/bot:2")).await;
    assert_eq!(reply.status, 202, "{}", reply.text);
    assert_eq!(reply.body["upgrade"], json!({"image": "example/bot:2", "state": "pending"}));
    assert_eq!(reply.body["image"], "ghcr.io/openclaw/openclaw:latest", "it is not its image yet");
    let back = BotCommand::RollBackUpgrade { number: 1, reason: "it ended".into() };
    tell(&app, &bot, back).await;
    let shown = app.get("/api/bot/one").as_(&ada).send().await.body;
    assert_eq!(
        shown["upgrade"],
        json!({"image": "example/bot:2", "state": "rolledBack", "reason": "it ended"})
    );
    upgrade(json!("example/bot:3")).await;
    tell(&app, &bot, BotCommand::CommitUpgrade { number: 2 }).await;
    let shown = app.get("/api/bot/one").as_(&ada).send().await.body;
    assert_eq!(shown["upgrade"], json!({"image": "example/bot:3", "state": "committed"}));
    assert_eq!(shown["image"], "example/bot:3");
    let reply = upgrade(Value::Null).await;
    assert_eq!(reply.body["upgrade"]["image"], "ghcr.io/openclaw/openclaw:latest");
    assert_eq!(upgrade(json!("a b")).await.problem(), (400, vec!["image"]));
    assert_eq!(
        post(&app, &ada, "/api/bot/one/upgrade", json!({"tag": "x"})).await.problem(),
        (400, vec!["tag"])
    );
}

#[tokio::test]
async fn one_that_was_left_alone_can_be_started() {
    let app = App::start().await;
    let ada = app.ada().await;
    let bot = app.create_bot(&ada, "one").await.body;
    app.post("/api/bot/one/start").as_(&ada).send().await;
    let alone = Observation {
        left_alone: true,
        exit_code: Some(3),
        restarts: 6,
        ..Observation::new(BotState::Failed)
    };
    tell(&app, &bot, BotCommand::Observe(alone)).await;
    let shown = app.get("/api/bot/one").as_(&ada).send().await.body;
    assert_eq!((&shown["state"], &shown["leftAlone"]), (&json!("failed"), &json!(true)));
    assert_eq!((&shown["exitCode"], &shown["restarts"]), (&json!(3), &json!(6)));
    assert_eq!(app.post("/api/bot/one/start").as_(&ada).send().await.status, 202);
    assert_eq!(app.events("bot.start_requested").await, 2);
}

#[tokio::test]
async fn a_clone_is_like_the_other_but_for_its_names_port_and_token() {
    let app = App::start().await;
    let ada = app.ada().await;
    let body = json!({
        "hostname": "one", "image": "example/bot:1", "tags": ["a"], "limits": {"pids": 99}, "persona": "Me.",
        "environment": {"A": "1"}, "features": {"canvas": true}, "allowedVendors": ["openai"],
    });
    let one = post(&app, &ada, "/api/bot", body).await.body;
    let fallbacks = json!({"fallbacks": [{"from": "openai", "to": "custom"}]});
    assert_eq!(app.put("/api/bot/one/fallbacks").as_(&ada).json(&fallbacks).send().await.status, 200);
    let clone = post(&app, &ada, "/api/bot/one/clone", json!({"hostname": "two"})).await;
    assert_eq!((clone.status.as_u16(), clone.header("location")), (201, "/api/bot/two"), "{}", clone.text);
    for field in ["image", "tags", "models", "limits", "environment", "features", "allowedVendors"] {
        assert_eq!(clone.body[field], one[field], "{field}");
    }
    assert_eq!(clone.body["fallbacks"].as_array().unwrap().len(), 1, "{}", clone.text);
    for field in ["id", "hostname", "name", "port", "gatewayToken"] {
        assert_ne!(clone.body[field], one[field], "{field}");
    }
    assert_eq!((&clone.body["name"], &clone.body["desired"]), (&json!("two"), &json!("stopped")));
    let bot: Bot = app.deps.executor.load(clone.body["id"].as_str().unwrap()).await.unwrap();
    assert_eq!(bot.profile.unwrap().life.persona.unwrap().as_str(), "Me.");
    let taken = post(&app, &ada, "/api/bot/one/clone", json!({"hostname": "two"})).await;
    assert_eq!(taken.problem(), (409, vec!["hostname"]));
    let wrong = post(&app, &ada, "/api/bot/one/clone", json!({"hostname": "-", "name": ""})).await;
    assert_eq!(wrong.problem(), (400, vec!["hostname", "name"]));
    assert_eq!(app.data_keys().await, 2, "a clone that was not made leaves no data key");
}

#[tokio::test]
async fn kept_data_go_to_one_bot_of_the_same_tenant_once_nothing_runs_on_them() {
    let app = App::start().await;
    app.register("bob@example.com", false).await;
    let (ada, bob) = (app.ada().await, app.sign_in("bob@example.com").await);
    let [kept, purged, alive] = [
        app.create_bot(&ada, "kept").await.body,
        app.create_bot(&ada, "purged").await.body,
        app.create_bot(&ada, "alive").await.body,
    ];
    assert_eq!(app.delete("/api/bot/kept?data=all").as_(&ada).send().await.problem(), (400, vec!["data"]));
    assert_eq!(app.delete("/api/bot/kept?data=keep").as_(&ada).send().await.status, 204);
    assert_eq!(app.delete("/api/bot/purged?data=purge").as_(&ada).send().await.status, 204);
    let take = |session: &Session, bot: &Value, hostname: &str| {
        let body = json!({"hostname": hostname, "dataOf": bot["id"]});
        app.post("/api/bot").as_(session).json(&body).send()
    };
    assert_eq!(take(&ada, &kept, "new").await.problem(), (409, vec!["dataOf"]), "it is still being removed");
    for bot in [&kept, &purged] {
        tell(&app, bot, BotCommand::ConfirmRemoved).await;
    }
    for bot in [&purged, &alive] {
        assert_eq!(take(&ada, bot, "new").await.problem(), (400, vec!["dataOf"]));
    }
    assert_eq!(take(&bob, &kept, "new").await.problem(), (400, vec!["dataOf"]), "another tenant's");
    let new = take(&ada, &kept, "new").await;
    assert_eq!(new.status, 201, "{}", new.text);
    assert_eq!(take(&ada, &kept, "newer").await.problem(), (409, vec!["dataOf"]), "one bot has them");
}

#[tokio::test]
async fn ports_that_others_have_are_passed_over() {
    let app = App::start().await;
    let ada = app.ada().await;
    *app.fakes.taken_ports.lock().unwrap() = vec![9200, 9201, 9203];
    assert_eq!(app.create_bot(&ada, "one").await.body["port"], 9202);
    assert_eq!(app.create_bot(&ada, "two").await.body["port"], 9204);
    app.fakes.taken_ports.lock().unwrap().clear();
    assert_eq!(app.create_bot(&ada, "three").await.body["port"], 9200);
    *app.fakes.taken_ports.lock().unwrap() = (9200..=u16::MAX).collect();
    let none = post(&app, &ada, "/api/bot", json!({"hostname": "four"})).await;
    assert_eq!(none.status, 503, "{}", none.text);
    assert_eq!(app.data_keys().await, 3);
}

#[tokio::test]
async fn nobody_lives_another_tenants_bots_life() {
    let app = App::start().await;
    app.register("bob@example.com", false).await;
    let (ada, bob) = (app.ada().await, app.sign_in("bob@example.com").await);
    app.create_bot(&ada, "one").await;
    for (method, path, body) in [
        (Method::PATCH, "/api/bot/one", json!({"name": "mine"})),
        (Method::POST, "/api/bot/one/restart", json!({})),
        (Method::POST, "/api/bot/one/init", json!({})),
        (Method::POST, "/api/bot/one/upgrade", json!({"image": "evil:1"})),
        (Method::POST, "/api/bot/one/clone", json!({"hostname": "two"})),
        (Method::DELETE, "/api/bot/one?data=keep", json!({})),
    ] {
        let reply = app.call(method.clone(), path).as_(&bob).json(&body).send().await;
        assert_eq!(reply.problem(), (404, vec![]), "{method} {path}");
    }
    assert_eq!(app.events("bot.created").await, 1);
}
