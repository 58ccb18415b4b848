//! Backups and their schedules, as clients ask for them. Nobody works on them here but the test.

use crate::app::{App, NOON, Session};
use clawplane_domain::{
    Actor, BackupId, Metadata, SealedSecret, Secret, TenantId,
    backup::{Backup, BackupCommand, Begun, RestoreState, Sums},
    bot::{Bot, BotCommand, BotState, Observation},
    clock::Clock,
    sealed::bound_to_backup,
};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

async fn tenant(app: &App, session: &Session) -> TenantId {
    let me = app.get("/api/auth/me").as_(session).send().await;
    me.body["tenantId"].as_str().unwrap().parse().unwrap()
}

/// A bot that was started once.
async fn started(app: &App, session: &Session, hostname: &str) -> String {
    let bot = app.create_bot(session, hostname).await.body["id"].as_str().unwrap().to_owned();
    let seen = BotCommand::Observe(Observation::new(BotState::Stopped));
    let metadata = system(app, tenant(app, session).await);
    app.deps.executor.execute::<Bot>(&bot, seen, metadata).await.unwrap();
    bot
}

fn system(app: &App, tenant_id: TenantId) -> Metadata {
    Metadata {
        tenant_id,
        actor: Actor::system("test"),
        at: app.clock.now(),
        request_id: None,
        causation: None,
    }
}

async fn requested(app: &App, session: &Session, hostname: &str) -> BackupId {
    let reply = app.post("/api/backups").as_(session).json(&json!({"hostname": hostname})).send().await;
    assert_eq!(reply.status, 202, "{}", reply.text);
    reply.body["items"][0]["id"].as_str().unwrap().parse().unwrap()
}

async fn tell(app: &App, session: &Session, id: BackupId, command: BackupCommand) {
    let metadata = system(app, tenant(app, session).await);
    let done = app.deps.executor.execute::<Backup>(id, command, metadata).await.unwrap();
    app.deps
        .views
        .caught_up(
            clawplane_projections::View::Backups,
            done.position.unwrap(),
            std::time::Duration::from_secs(20),
        )
        .await
        .unwrap();
}

/// As a worker would make it.
async fn completed(app: &App, session: &Session, id: BackupId) -> SealedSecret {
    let bound_to = bound_to_backup(tenant(app, session).await, id);
    let key = app.deps.vault.seal(&Secret::new("00".repeat(32)), &bound_to).await.unwrap();
    let begun = Begun {
        worker: "w".into(),
        store: "local".into(),
        object: "o".into(),
        upload: None,
        key: key.clone(),
        was_running: false,
    };
    tell(app, session, id, BackupCommand::Begin(Box::new(begun))).await;
    let sums = Sums {
        size: 10,
        sha256: "ab".into(),
        archive_size: 9,
        bytes: 100,
        entries: 2,
        left_out: 0,
        manifest_sha256: "cd".into(),
    };
    tell(app, session, id, BackupCommand::Complete { worker: "w".into(), sums }).await;
    key
}

#[tokio::test]
async fn a_backup_is_asked_for_once_and_shown() {
    let app = App::start().await;
    let ada = app.ada().await;
    let bot = started(&app, &ada, "anna").await;
    let body = json!({"hostname": "anna", "quiesce": "stop"});
    let ask = || app.post("/api/backups").as_(&ada).header("idempotency-key", "k1").json(&body);
    let (first, again) = (ask().send().await, ask().send().await);
    assert_eq!((first.status.as_u16(), &first.body), (202, &again.body));
    let shown = &first.body["items"][0];
    assert_eq!((&shown["state"], &shown["quiesce"]), (&json!("requested"), &json!("stop")));
    assert_eq!((&shown["botId"], &shown["requestedAt"]), (&json!(bot), &json!(NOON)));
    let id = shown["id"].as_str().unwrap();
    assert_eq!(&app.get(&format!("/api/backups/{id}")).as_(&ada).send().await.body, shown);
    completed(&app, &ada, id.parse().unwrap()).await;
    let reply = app.get("/api/backups?hostname=anna").as_(&ada).send().await;
    let item = &reply.body["items"][0];
    assert_eq!((&item["state"], &item["sums"]["bytes"]), (&json!("completed"), &json!(100)));
    assert!(!reply.text.contains("sealed") && !reply.text.contains("ciphertext"), "no key in any form");
    let none = app.get(&format!("/api/backups?botId={}", uuid::Uuid::nil())).as_(&ada).send().await;
    assert_eq!(none.body["items"], json!([]));
}

#[tokio::test]
async fn all_bots_have_a_backup_each_in_one_batch() {
    let app = App::start().await;
    let ada = app.ada().await;
    started(&app, &ada, "anna").await;
    started(&app, &ada, "bert").await;
    app.create_bot(&ada, "never-started").await;
    let ask =
        || app.post("/api/backups").as_(&ada).header("idempotency-key", "k").json(&json!({"all": true}));
    let (first, again) = (ask().send().await, ask().send().await);
    assert_eq!((first.status.as_u16(), first.body["items"].as_array().unwrap().len()), (202, 2));
    assert_eq!(first.body, again.body, "a repetition asks for nothing more");
    let batch = first.body["batchId"].as_str().unwrap();
    let listed = app.get(&format!("/api/backups?batchId={batch}&limit=1")).as_(&ada).send().await;
    assert_eq!(listed.body["items"][0]["hostname"], "bert", "the newest first");
    let cursor = listed.body["nextCursor"].as_str().unwrap();
    let rest = app.get(&format!("/api/backups?batchId={batch}&cursor={cursor}")).as_(&ada).send().await;
    assert_eq!(rest.body["items"][0]["hostname"], "anna");
}

#[tokio::test]
async fn what_cannot_be_asked_for_names_the_field() {
    let app = App::start().await;
    let ada = app.ada().await;
    for (body, field) in [
        (json!({}), "hostname"),
        (json!({"hostname": "anna", "all": true}), "hostname"),
        (json!({"hostname": "not a name"}), "hostname"),
        (json!({"all": true, "quiesce": "kill"}), "quiesce"),
    ] {
        let reply = app.post("/api/backups").as_(&ada).json(&body).send().await;
        assert_eq!(reply.problem(), (400, vec![field]), "{body}");
    }
    let reply = app.post("/api/backups").as_(&ada).json(&json!({"hostname": "nobody"})).send().await;
    assert_eq!(reply.status, 404);
    for query in ["botId=x", "limit=0", "what=1", "cursor=x"] {
        assert_eq!(app.get(&format!("/api/backups?{query}")).as_(&ada).send().await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn nobody_sees_or_touches_anothers_backups() {
    let app = App::start().await;
    let ada = app.ada().await;
    started(&app, &ada, "anna").await;
    let id = requested(&app, &ada, "anna").await;
    completed(&app, &ada, id).await;
    let schedule =
        app.post("/api/backups/schedules").as_(&ada).json(&json!({"cron": "0 3 * * *"})).send().await;
    let schedule = schedule.header("location").to_owned();
    app.register("bob@example.com", false).await;
    let bob = app.sign_in("bob@example.com").await;
    let base = format!("/api/backups/{id}");
    let calls = [
        app.get(&base),
        app.delete(&base),
        app.get(&format!("{base}/events")),
        app.get(&format!("{base}/download")),
        app.post(&format!("{base}/verify")),
        app.post(&format!("{base}/restore")),
        app.post("/api/backups").json(&json!({"hostname": "anna"})),
        app.get(&schedule),
        app.delete(&schedule),
        app.put(&schedule).json(&json!({"cron": "0 4 * * *"})),
    ];
    for call in calls {
        let reply = call.as_(&bob).send().await;
        assert_eq!(reply.status, 404, "{}", reply.text);
    }
    for list in ["/api/backups", "/api/backups/schedules"] {
        assert_eq!(app.get(list).as_(&bob).send().await.body["items"], json!([]));
    }
    assert_eq!(app.get(&base).as_(&ada).send().await.body["state"], "completed");
}

#[tokio::test]
async fn a_deleted_backup_has_no_key_any_more() {
    let app = App::start().await;
    let ada = app.ada().await;
    started(&app, &ada, "anna").await;
    let id = requested(&app, &ada, "anna").await;
    let before = app.data_keys().await;
    completed(&app, &ada, id).await;
    assert_eq!(app.data_keys().await, before + 1);
    let path = format!("/api/backups/{id}");
    assert_eq!(app.delete(&path).as_(&ada).send().await.status, 204);
    assert_eq!(app.data_keys().await, before);
    for call in [app.get(&path), app.delete(&path), app.post(&format!("{path}/verify"))] {
        assert_eq!(call.as_(&ada).send().await.status, 404);
    }
}

#[tokio::test]
async fn a_download_is_in_the_audit_log() {
    let app = App::start().await;
    let ada = app.ada().await;
    started(&app, &ada, "anna").await;
    let id = requested(&app, &ada, "anna").await;
    let path = format!("/api/backups/{id}/download");
    assert_eq!(app.get(&path).as_(&ada).send().await.status, 409, "it is not complete");
    completed(&app, &ada, id).await;
    let reply = app.get(&path).as_(&ada).send().await;
    assert_eq!((reply.text.as_str(), reply.header("content-type")), ("Plain of anna", "application/zstd"));
    assert_eq!(reply.header("content-length"), "13");
    assert!(reply.header("content-disposition").contains(&format!("anna-{id}.tar.zst")));
    let sealed = app.get(&format!("{path}?form=sealed")).as_(&ada).send().await;
    assert_eq!(
        (sealed.text.as_str(), sealed.header("content-type")),
        ("Sealed of anna", "application/octet-stream")
    );
    assert_eq!(app.get(&format!("{path}?form=zip")).as_(&ada).send().await.problem(), (400, vec!["form"]));
    assert_eq!(app.events("backup.downloaded").await, 2);
    *app.fakes.no_store.lock().unwrap() = true;
    assert_eq!(app.get(&path).as_(&ada).send().await.status, 503);
}

#[tokio::test]
async fn a_restore_goes_into_the_bot_or_a_new_one() {
    let app = App::start().await;
    let ada = app.ada().await;
    let bot = started(&app, &ada, "anna").await;
    let id = requested(&app, &ada, "anna").await;
    let path = format!("/api/backups/{id}/restore");
    assert_eq!(app.post(&path).as_(&ada).send().await.status, 409, "it is not complete");
    completed(&app, &ada, id).await;
    let reply = app.post(&path).as_(&ada).send().await;
    assert_eq!(reply.status, 202, "{}", reply.text);
    let restore = &reply.body["backup"]["restore"];
    assert_eq!((&restore["botId"], &restore["state"]), (&json!(bot), &json!("requested")));
    let new = json!({"newBot": {"hostname": "anna-2", "name": "The second"}, "start": true});
    assert_eq!(app.post(&path).as_(&ada).json(&new).send().await.status, 409, "one at a time");
    assert_eq!(app.delete(&format!("/api/backups/{id}")).as_(&ada).send().await.status, 409);
    let open = app.deps.executor.load::<Backup>(&id.to_string()).await.unwrap().profile.unwrap();
    let open = open.open_restore().unwrap().clone();
    assert_eq!(open.state, RestoreState::Requested);
    tell(&app, &ada, id, BackupCommand::FailRestore(open.request.restore_id, "no room".into())).await;

    // The bot that was in the way of the first try belongs to it.
    let new = json!({"newBot": {"hostname": "anna-3"}});
    let ask = || app.post(&path).as_(&ada).header("idempotency-key", "r").json(&new);
    let (first, again) = (ask().send().await, ask().send().await);
    assert_eq!(first.status, 202, "{}", first.text);
    assert_eq!(first.body["bot"]["gatewayToken"], again.body["bot"]["gatewayToken"]);
    assert_eq!(
        (&first.body["bot"]["hostname"], &first.body["bot"]["desired"]),
        (&json!("anna-3"), &json!("stopped"))
    );
    assert_eq!(first.body["backup"]["restore"]["hostname"], "anna-3");
    let wrong = app.post(&path).as_(&ada).json(&json!({"newBot": {"hostname": "A b"}})).send().await;
    assert_eq!(wrong.problem(), (400, vec!["newBot.hostname"]));
}

#[tokio::test]
async fn the_backup_of_a_deleted_bot_goes_into_a_new_one_only() {
    let app = App::start().await;
    let ada = app.ada().await;
    started(&app, &ada, "anna").await;
    let id = requested(&app, &ada, "anna").await;
    completed(&app, &ada, id).await;
    assert_eq!(app.delete("/api/bot/anna").as_(&ada).send().await.status, 204);
    let path = format!("/api/backups/{id}/restore");
    assert_eq!(app.post(&path).as_(&ada).send().await.problem(), (409, vec!["newBot"]));
    let reply = app.post(&path).as_(&ada).json(&json!({"newBot": {"hostname": "anna"}})).send().await;
    assert_eq!(reply.status, 202, "{}", reply.text);
    assert_eq!(reply.body["bot"]["models"], json!([{"vendor": "openai", "model": "gpt-4o-mini"}]));
}

#[tokio::test]
async fn events_tell_how_far_it_is_until_nothing_is_left_to_do() {
    let app = App::start().await;
    let ada = app.ada().await;
    started(&app, &ada, "anna").await;
    let id = requested(&app, &ada, "anna").await;
    let progress = clawplane_eventstore::Progress { stage: "reading".into(), done: 5, total: 10 };
    app.deps.progress.set(id.0, &progress).await.unwrap();
    let path = format!("/api/backups/{id}/events");
    let watch = app.get(&path).as_(&ada).send();
    let work = async {
        completed(&app, &ada, id).await;
    };
    let (reply, ()) = tokio::join!(watch, work);
    assert_eq!(reply.header("content-type"), "text/event-stream");
    let events: Vec<(&str, Value)> = reply
        .text
        .split("\n\n")
        .filter_map(|event| {
            let (name, data) = event.strip_prefix("event: ")?.split_once("\ndata: ")?;
            Some((name, serde_json::from_str(data).unwrap()))
        })
        .collect();
    let (last, before) = events.split_last().unwrap();
    assert_eq!((last.0, &last.1["state"]), ("end", &json!("completed")));
    assert!(before.iter().all(|(name, _)| *name == "progress"), "{}", reply.text);
    assert_eq!(before[0].1["stage"], "reading", "{}", reply.text);
}

#[tokio::test]
async fn schedules_are_made_changed_and_removed() {
    let app = App::start().await;
    let ada = app.ada().await;
    let bot = started(&app, &ada, "anna").await;
    let path = "/api/backups/schedules";
    let zone = app.patch("/api/tenant").as_(&ada).json(&json!({"timeZone": "Europe/Berlin"})).send().await;
    assert_eq!(zone.status, 200);
    let body = json!({"hostname": "anna", "cron": "30 3 * * *", "keepLast": 7, "quiesce": "stop"});
    let made = app.post(path).as_(&ada).json(&body).send().await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!((&made.body["botId"], &made.body["nextRun"]), (&json!(bot), &json!("2026-03-02T02:30:00Z")));
    let own = made.header("location").to_owned();
    assert_eq!(app.get(&own).as_(&ada).send().await.body, made.body);
    let changed = app.put(&own).as_(&ada).json(&json!({"cron": "0 0 1 * *", "keepDays": 30})).send().await;
    assert_eq!((changed.status.as_u16(), &changed.body["botId"]), (200, &Value::Null));
    assert_eq!(changed.body["nextRun"], "2026-03-31T22:00:00Z", "midnight in Berlin's summer");
    for (body, field) in [
        (json!({"cron": "whenever"}), "cron"),
        (json!({"cron": "0 0 * * *", "keepLast": 0}), "keepLast"),
        (json!({"cron": "0 0 * * *", "keepDays": 4000}), "keepDays"),
        (json!({"cron": "0 0 * * *", "keep": 1}), "keep"),
    ] {
        assert_eq!(app.post(path).as_(&ada).json(&body).send().await.problem(), (400, vec![field]), "{body}");
    }
    assert_eq!(app.delete(&own).as_(&ada).send().await.status, 204);
    assert_eq!(app.get(&own).as_(&ada).send().await.status, 404);
    assert_eq!(app.get(path).as_(&ada).send().await.body["items"], json!([]));
}
