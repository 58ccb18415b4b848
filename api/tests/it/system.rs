//! The installation, for its administrators: what belongs to no bot, its cleanup, its status, the doctor.

use crate::app::App;
use axum::http::Method;
use clawplane_api::system::{Diagnosis, Orphan};
use clawplane_domain::upkeep::{Leftover, LeftoverKind};
use pretty_assertions::assert_eq;
use serde_json::json;

fn orphan(kind: LeftoverKind, id: &str, keep: Option<&str>) -> Orphan {
    let leftover = Leftover { kind, id: id.to_owned(), name: id.to_owned(), bot: None };
    Orphan {
        host: "local".to_owned(),
        kind: format!("{kind:?}").to_lowercase(),
        id: id.to_owned(),
        name: id.to_owned(),
        bot_id: None,
        why: "there is no such bot".to_owned(),
        keep: keep.map(str::to_owned),
        since: None,
        leftover,
    }
}

fn ids(list: &serde_json::Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_cleanup_says_what_it_would_do_and_is_on_record_before_it_does_it() {
    let app = App::start().await;
    let ada = app.ada().await;
    assert_eq!(app.get("/api/bot/admin/orphans").as_(&ada).send().await.problem().0, 503);
    *app.fakes.orphans.lock().unwrap() = Some(vec![
        orphan(LeftoverKind::Folder, "folder", None),
        orphan(LeftoverKind::Network, "stuck", None),
        orphan(LeftoverKind::Container, "container", None),
        orphan(LeftoverKind::Container, "runs", Some("it runs under a known bot's label")),
    ]);
    let listed = app.get("/api/bot/admin/orphans").as_(&ada).send().await;
    assert_eq!((listed.status.as_u16(), ids(&listed.body["items"]).len()), (200, 4), "{}", listed.text);
    for body in [None, Some(json!({})), Some(json!({"dryRun": true}))] {
        let call = app.post("/api/bot/admin/cleanup").as_(&ada);
        let dry = match body {
            Some(body) => call.json(&body).send().await,
            None => call.send().await,
        };
        assert_eq!((dry.status.as_u16(), &dry.body["dryRun"]), (200, &json!(true)), "{}", dry.text);
        assert_eq!((ids(&dry.body["removed"]).len(), ids(&dry.body["kept"])), (3, vec!["runs"]));
    }
    assert_eq!(
        (
            app.events("upkeep.cleanup_requested").await,
            app.fakes.orphans.lock().unwrap().as_ref().unwrap().len()
        ),
        (0, 4)
    );

    let done = app.post("/api/bot/admin/cleanup").as_(&ada).json(&json!({"dryRun": false})).send().await;
    assert_eq!(ids(&done.body["removed"]), ["container", "folder"], "{}", done.text);
    assert_eq!(
        (ids(&done.body["failed"]), &done.body["failed"][0]["error"]),
        (vec!["stuck"], &json!("it is in use"))
    );
    assert_eq!(app.events("upkeep.cleanup_requested").await, 1);
    let record = app.get("/api/audit?action=upkeep.cleanup_requested").as_(&ada).send().await;
    assert_eq!(
        ids(&record.body["items"][0]["details"]["leftovers"]),
        ["container", "stuck", "folder"],
        "{}",
        record.text
    );
    let wrong = app.post("/api/bot/admin/cleanup").as_(&ada).json(&json!({"dry": false})).send().await;
    assert_eq!(wrong.problem(), (400, vec!["dry"]));
}

#[tokio::test]
async fn the_doctor_and_the_status_are_shown() {
    let app = App::start().await;
    let ada = app.ada().await;
    let status = app.get("/api/system/status").as_(&ada).send().await;
    assert_eq!((status.status.as_u16(), &status.body["database"]["ok"]), (200, &json!(true)));
    let healthy = app.get("/api/system/doctor").as_(&ada).send().await;
    assert_eq!(healthy.body, json!({"healthy": true, "checks": []}));
    app.fakes.findings.lock().unwrap().push(Diagnosis {
        bot_id: uuid::Uuid::nil(),
        hostname: "one".to_owned(),
        check: "network".to_owned(),
        grade: "wrong".to_owned(),
        detail: "its network leads out".to_owned(),
        remedy: None,
    });
    let ill = app.get("/api/system/doctor").as_(&ada).send().await;
    assert_eq!((&ill.body["healthy"], &ill.body["checks"][0]["check"]), (&json!(false), &json!("network")));
}

#[tokio::test]
async fn an_owner_of_a_tenant_is_no_administrator_of_the_installation() {
    let app = App::start().await;
    app.register("eve@example.com", false).await;
    let eve = app.sign_in("eve@example.com").await;
    for (method, path) in [
        (Method::GET, "/api/bot/admin/orphans"),
        (Method::POST, "/api/bot/admin/cleanup"),
        (Method::GET, "/api/system/status"),
        (Method::GET, "/api/system/doctor"),
    ] {
        let refused = app.call(method, path).as_(&eve).send().await;
        assert_eq!(refused.problem().0, 403, "{path}");
    }
}
