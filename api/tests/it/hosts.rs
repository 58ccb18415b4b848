//! Hosts: added, chosen, drained and removed by administrators; bots are placed on them, and unknown while they are lost.

use crate::app::{App, NOON, Reply, Session};
use axum::http::Method;
use clawplane_domain::{
    Actor, HostId, Metadata, TenantId,
    bot::{Bot, BotCommand},
    clock::Clock,
    host::{Host, HostCommand, Measured},
    sealed::bound_to_host,
};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

fn rack(name: &str) -> Value {
    json!({"name": name, "engine": "unix:///run/rack.sock", "dataDir": "/srv/bots"})
}

async fn add(app: &App, ada: &Session, body: &Value) -> Reply {
    app.post("/api/hosts").as_(ada).json(body).send().await
}

async fn added(app: &App, ada: &Session, body: &Value) -> HostId {
    let reply = add(app, ada, body).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.body["id"].as_str().unwrap().parse().unwrap()
}

fn metadata(app: &App) -> Metadata {
    Metadata {
        tenant_id: TenantId(uuid::Uuid::nil()),
        actor: Actor::system("docker-worker"),
        at: app.clock.now(),
        request_id: None,
        causation: None,
    }
}

/// As a worker says it; returns once the read model has it.
async fn tell(app: &App, host: HostId, command: HostCommand) {
    let told = app.deps.executor.execute::<Host>(host, command, metadata(app)).await.unwrap();
    let position = told.position.unwrap();
    let wait = std::time::Duration::from_secs(10);
    assert!(app.deps.views.caught_up(clawplane_projections::View::Hosts, position, wait).await.unwrap());
}

async fn tell_bot(app: &App, bot: &Value, command: BotCommand) {
    let id = bot["id"].as_str().unwrap();
    let told = app.deps.executor.execute::<Bot>(id, command, metadata(app)).await.unwrap();
    let wait = std::time::Duration::from_secs(10);
    let position = told.position.unwrap();
    assert!(app.deps.views.caught_up(clawplane_projections::View::Bots, position, wait).await.unwrap());
}

#[tokio::test]
async fn a_host_is_added_changed_drained_and_removed() {
    let app = App::start().await;
    let ada = app.ada().await;
    let full = json!({
        "name": "rack-1", "engine": "tcp://rack-1:2376", "dataDir": "/srv/bots", "labels": ["eu"],
        "capacity": {"memoryMib": 8192}, "tls": {"ca": "CA", "certificate": "ME", "key": "hidden key"},
    });
    let reply = add(&app, &ada, &full).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let expected = json!({
        "id": reply.body["id"], "name": "rack-1", "engine": "tcp://rack-1:2376", "certificate": "ME",
        "dataDir": "/srv/bots", "labels": ["eu"], "state": "new", "draining": false,
        "given": {"memoryMib": 8192}, "capacity": {"memoryMib": 8192},
        "reserved": {"bots": 0, "memoryMib": 0, "cpuMillis": 0}, "addedAt": NOON,
    });
    assert_eq!((&reply.body, reply.header("location")), (&expected, "/api/hosts/rack-1"));
    assert_eq!(app.get("/api/hosts/rack-1").as_(&ada).send().await.body, expected);
    let id: HostId = reply.body["id"].as_str().unwrap().parse().unwrap();
    let stored = app.deps.executor.load::<Host>(&id.to_string()).await.unwrap().profile.unwrap();
    let key = stored.host.tls.unwrap().key;
    assert_eq!(app.deps.vault.open(&key, &bound_to_host(id)).await.unwrap().expose(), "hidden key");
    let events = sqlx::query_scalar::<_, String>("SELECT string_agg(payload::text, ' ') FROM events");
    assert!(!events.fetch_one(&app.pool).await.unwrap().contains("hidden"));

    let measured = Measured { engine: "Docker 28".into(), memory_mib: 64_000, cpu_millis: 4000 };
    tell(&app, id, HostCommand::Seen(measured)).await;
    let change = json!({"labels": ["eu", "gpu"], "capacity": {"cpuMillis": 3000}});
    let changed = app.patch("/api/hosts/rack-1").as_(&ada).json(&change).send().await;
    let parts = ["labels", "given", "capacity", "state", "version"].map(|part| changed.body[part].clone());
    let capacity = json!({"memoryMib": 64_000, "cpuMillis": 3000});
    let expected =
        [json!(["eu", "gpu"]), json!({"cpuMillis": 3000}), capacity, json!("up"), json!("Docker 28")];
    assert_eq!(parts, expected);

    let remove = || app.delete("/api/hosts/rack-1").as_(&ada);
    assert_eq!(remove().send().await.problem(), (409, vec![]), "not drained");
    let drained = app.post("/api/hosts/rack-1/drain").as_(&ada).send().await;
    assert_eq!((drained.status.as_u16(), &drained.body["state"]), (200, &json!("draining")));
    let resumed = app.post("/api/hosts/rack-1/resume").as_(&ada).send().await;
    assert_eq!(resumed.body["state"], "up");
    app.post("/api/hosts/rack-1/drain").as_(&ada).send().await;
    let keys = app.data_keys().await;
    assert_eq!(remove().header("idempotency-key", "k").send().await.status, 204);
    assert_eq!(app.data_keys().await, keys - 1, "the certificate's key is destroyed");
    assert_eq!(remove().header("idempotency-key", "k").send().await.status, 204, "as the first time");
    assert_eq!(remove().send().await.problem(), (404, vec![]));
    assert_eq!(app.get("/api/hosts/rack-1").as_(&ada).send().await.problem(), (404, vec![]));
    assert_eq!(add(&app, &ada, &rack("rack-1")).await.status, 201, "the name is free again");
}

#[tokio::test]
async fn hosts_come_in_pages_and_names_once() {
    let app = App::start().await;
    let ada = app.ada().await;
    for name in ["b", "a", "c"] {
        added(&app, &ada, &rack(name)).await;
    }
    let first = app.get("/api/hosts?limit=2").as_(&ada).send().await;
    let next = first.body["nextCursor"].as_str().unwrap();
    let second = app.get(&format!("/api/hosts?limit=2&cursor={next}")).as_(&ada).send().await;
    let names = |reply: &Reply| -> Vec<String> {
        reply.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|host| host["name"].as_str().unwrap().into())
            .collect()
    };
    assert_eq!((names(&first), names(&second)), (vec!["a".into(), "b".into()], vec!["c".to_owned()]));
    assert_eq!(add(&app, &ada, &rack("a")).await.problem(), (409, vec!["name"]));
}

#[tokio::test]
async fn only_administrators_see_hosts() {
    let app = App::start().await;
    app.register("bob@example.com", false).await;
    let (ada, bob) = (app.ada().await, app.sign_in("bob@example.com").await);
    added(&app, &ada, &rack("a")).await;
    let calls = [
        (Method::GET, "/api/hosts"),
        (Method::POST, "/api/hosts"),
        (Method::GET, "/api/hosts/a"),
        (Method::PATCH, "/api/hosts/a"),
        (Method::DELETE, "/api/hosts/a"),
        (Method::POST, "/api/hosts/a/drain"),
        (Method::POST, "/api/hosts/a/resume"),
    ];
    for (method, path) in calls {
        let call = || app.call(method.clone(), path).json(&rack("b"));
        assert_eq!(call().as_(&bob).send().await.problem(), (403, vec![]), "{method} {path}");
        assert_eq!(call().send().await.problem(), (401, vec![]), "{method} {path}");
    }
    assert_eq!((app.events("host.added").await, app.events("host.drained").await), (1, 0));
    // Bob's bots are not for Ada to move.
    app.create_bot(&bob, "his").await;
    let moved = app.post("/api/bot/his/move").as_(&ada).json(&json!({"host": "a"})).send().await;
    assert_eq!(moved.problem(), (404, vec![]));
}

#[tokio::test]
async fn bad_input_is_named() {
    let app = App::start().await;
    let ada = app.ada().await;
    let with = |field: &str, value: Value| {
        let mut body = rack("a");
        body[field] = value;
        body
    };
    let tls = json!({"ca": "a", "certificate": "b", "key": "c"});
    let cases = [
        (with("name", json!("A B")), "name"),
        (with("name", json!("local")), "name"),
        (with("engine", json!("http://x:1")), "engine"),
        (with("engine", json!("ssh://-oProxyCommand=x@h")), "engine"),
        (with("engine", json!("tcp://x:1")), "tls"),
        (with("tls", tls.clone()), "tls"),
        (with("dataDir", json!("srv")), "dataDir"),
        (with("dataDir", json!("/srv/../etc")), "dataDir"),
        (with("labels", json!(["ok", "Not Ok"])), "labels[1]"),
        (with("labels", json!(vec!["x"; 33])), "labels"),
        (with("capacity", json!({"memoryMib": 0})), "capacity.memoryMib"),
        (with("capacity", json!({"disk": 1})), "capacity.disk"),
        (with("color", json!("red")), "color"),
    ];
    for (body, field) in cases {
        assert_eq!(add(&app, &ada, &body).await.problem(), (400, vec![field]), "{body}");
    }
    let mut large = with("engine", json!("tcp://x:1"));
    large["tls"] = json!({"ca": "x".repeat(65_537), "certificate": "", "key": "k"});
    assert_eq!(add(&app, &ada, &large).await.problem(), (400, vec!["tls.ca", "tls.certificate"]));
    assert_eq!((app.events("host.added").await, app.data_keys().await), (0, 0));
}

#[tokio::test]
async fn a_bot_is_placed_by_name_label_and_room() {
    let app = App::start().await;
    let ada = app.ada().await;
    let mut small = rack("small");
    small["labels"] = json!(["eu"]);
    small["capacity"] = json!({"memoryMib": 3000});
    added(&app, &ada, &small).await;
    let create = |body: Value| app.post("/api/bot").as_(&ada).json(&body).send();
    let reply = create(json!({"hostname": "one", "hostLabels": ["eu"]})).await;
    assert_eq!((reply.status.as_u16(), &reply.body["host"]), (201, &json!("small")), "{}", reply.text);
    assert_eq!(reply.body["hostLabels"], json!(["eu"]));
    let shown = app.get("/api/hosts/small").as_(&ada).send().await;
    assert_eq!(shown.body["reserved"], json!({"bots": 1, "memoryMib": 2048, "cpuMillis": 1000}));
    // It is full now.
    let full = create(json!({"hostname": "two", "hostLabels": ["eu"]})).await;
    assert_eq!(full.problem(), (409, vec![]));
    let detail = full.body["detail"].as_str().unwrap();
    assert!(detail.contains("1 has not enough memory left") && !detail.contains("small"), "{detail}");
    assert_eq!(create(json!({"hostname": "two", "host": "small"})).await.problem(), (409, vec!["host"]));
    assert_eq!(create(json!({"hostname": "two", "host": "moon"})).await.problem(), (400, vec!["host"]));
    // Without a wish it goes to the platform's own host, which nobody has added.
    let reply = create(json!({"hostname": "two"})).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let bot: Bot = app.deps.executor.load(reply.body["id"].as_str().unwrap()).await.unwrap();
    assert!(bot.profile.unwrap().placement.host.is_local());
    app.post("/api/hosts/small/drain").as_(&ada).send().await;
    assert_eq!(
        app.delete("/api/hosts/small").as_(&ada).send().await.problem(),
        (409, vec![]),
        "a bot is on it"
    );
}

#[tokio::test]
async fn bots_of_a_lost_host_are_unknown_until_it_is_found() {
    let app = App::start().await;
    let ada = app.ada().await;
    let host = added(&app, &ada, &rack("a")).await;
    app.post("/api/bot").as_(&ada).json(&json!({"hostname": "one", "host": "a"})).send().await;
    tell(&app, host, HostCommand::Lost { at: app.clock.now(), reason: "gone".into() }).await;
    let bot = app.get("/api/bot/one").as_(&ada).send().await;
    let seen = (&bot.body["state"], &bot.body["reason"], &bot.body["stateSince"]);
    assert_eq!(seen, (&json!("unknown"), &json!("its host `a` is not reached: gone"), &json!(NOON)));
    let stats = app.get("/api/bot/stats").as_(&ada).send().await;
    assert_eq!(
        (&stats.body["unknown"], &stats.body["created"], &stats.body["total"]),
        (&json!(1), &json!(0), &json!(1))
    );
    let listed = app.get("/api/bot").as_(&ada).send().await;
    assert_eq!(listed.body["items"][0]["state"], "unknown");
    let shown = app.get("/api/hosts/a").as_(&ada).send().await;
    assert_eq!((&shown.body["state"], &shown.body["reason"]), (&json!("lost"), &json!("gone")));
    assert_eq!(app.post("/api/bot/one/start").as_(&ada).send().await.problem(), (503, vec![]));
    let on_it = app.post("/api/bot").as_(&ada).json(&json!({"hostname": "two", "host": "a"})).send().await;
    assert_eq!(on_it.problem(), (409, vec!["host"]));
    let measured = Measured { engine: "Docker 28".into(), memory_mib: 1, cpu_millis: 1 };
    tell(&app, host, HostCommand::Seen(measured)).await;
    assert_eq!(app.get("/api/bot/one").as_(&ada).send().await.body["state"], "created");
}

#[tokio::test]
async fn a_bot_moves_and_may_be_called_back() {
    let app = App::start().await;
    let ada = app.ada().await;
    let (a, b) = (added(&app, &ada, &rack("a")).await, added(&app, &ada, &rack("b")).await);
    let bot = app.post("/api/bot").as_(&ada).json(&json!({"hostname": "one", "host": "a"})).send().await.body;
    let go = |body: Value| app.post("/api/bot/one/move").as_(&ada).json(&body).send();
    let going = go(json!({"host": "b"})).await;
    let place = |reply: &Reply| (reply.body["host"].clone(), reply.body["movingTo"].clone());
    assert_eq!((going.status.as_u16(), place(&going)), (202, (json!("a"), json!("b"))), "{}", going.text);
    assert_eq!(place(&go(json!({})).await), (json!("a"), json!("b")), "it is on its way already");
    assert_eq!(go(json!({"host": "local"})).await.problem(), (409, vec![]), "one at a time");
    for name in ["a", "b"] {
        let shown = app.get(&format!("/api/hosts/{name}")).as_(&ada).send().await;
        assert_eq!(shown.body["reserved"]["bots"], 1, "it has its place on both");
    }
    assert_eq!(place(&go(json!({"host": "a"})).await), (json!("a"), Value::Null), "called off");
    for bad in [json!({"host": "moon"}), json!({"host": "No Name"})] {
        assert_eq!(go(bad).await.problem(), (400, vec!["host"]));
    }
    assert_eq!(
        go(json!({"host": "b", "abandon": true})).await.problem(),
        (400, vec!["abandon"]),
        "it is not lost"
    );
    tell(&app, a, HostCommand::Lost { at: app.clock.now(), reason: "gone".into() }).await;
    assert_eq!(go(json!({"host": "b"})).await.problem(), (409, vec!["abandon"]));
    assert_eq!(place(&go(json!({"host": "b", "abandon": true})).await), (json!("a"), json!("b")));
    tell_bot(&app, &bot, BotCommand::Arrived(b)).await;
    let there = app.get("/api/bot/one").as_(&ada).send().await;
    assert_eq!((place(&there), &there.body["state"]), ((json!("b"), Value::Null), &json!("created")));
    // Host `a` may still have something of it.
    app.post("/api/hosts/a/drain").as_(&ada).send().await;
    assert_eq!(app.delete("/api/hosts/a").as_(&ada).send().await.problem(), (409, vec![]));
    tell_bot(&app, &bot, BotCommand::Forgotten(a)).await;
    assert_eq!(app.delete("/api/hosts/a").as_(&ada).send().await.status, 204);
}
