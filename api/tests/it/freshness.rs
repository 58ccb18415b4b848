//! Reading what one wrote.

use crate::app::{App, Reply};
use clawplane_eventstore::{Position, Precedence};
use clawplane_projections::Runner;
use pretty_assertions::assert_eq;
use serde_json::json;
use tokio_util::task::TaskTracker;

#[tokio::test]
async fn a_read_waits_for_the_position_it_names() {
    let app = App::without_projections().await;
    app.register("ada@example.com", true).await;
    let ada = app.ada().await;
    let made = app.create_bot(&ada, "one").await;
    assert_eq!(made.body["hostname"], "one", "a command is answered though its read model is behind");
    assert_eq!(app.get("/api/bot/one").as_(&ada).plain().send().await.status, 404);
    let started = app.post("/api/bot/one/start").as_(&ada).send().await;
    assert_eq!(
        (started.status.as_u16(), &started.body["desired"]),
        (202, &json!("running")),
        "{}",
        started.text
    );

    let position = made.header("x-clawplane-position").to_owned();
    let waiting =
        tokio::spawn(app.get("/api/bot/one").as_(&ada).header("x-clawplane-min-position", &position).send());
    Runner::start(
        app.pool.clone(),
        app.wakeup.clone(),
        Precedence::default(),
        app.shutdown.clone(),
        &TaskTracker::new(),
    );
    let reply: Reply = waiting.await.unwrap();
    assert_eq!((reply.status.as_u16(), &reply.body["hostname"]), (200, &json!("one")), "{}", reply.text);
}

#[tokio::test]
async fn a_plain_client_sees_its_own_write() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    assert_eq!(app.get("/api/bot/one").as_(&ada).plain().send().await.status, 200);
    app.post("/api/bot/one/start").as_(&ada).send().await;
    assert_eq!(app.get("/api/bot/one").as_(&ada).plain().send().await.body["desired"], "running");
    app.delete("/api/bot/one").as_(&ada).send().await;
    assert_eq!(app.get("/api/bot/one").as_(&ada).plain().send().await.status, 404);
}

#[tokio::test]
async fn a_read_that_waits_too_long_is_told_to_come_back() {
    let app = App::start().await;
    let ada = app.ada().await;
    let far = Position { tx_id: u64::from(u32::MAX), global: 1 };
    let reply =
        app.get("/api/bot").as_(&ada).header("x-clawplane-min-position", &far.to_string()).send().await;
    assert_eq!(reply.problem(), (503, vec![]));
    assert_eq!(reply.header("retry-after"), "1");
}

#[tokio::test]
async fn a_position_must_be_one() {
    let app = App::start().await;
    let ada = app.ada().await;
    for wrong in ["", "7", "a-b", "-1-1"] {
        let reply = app.get("/api/bot").as_(&ada).header("x-clawplane-min-position", wrong).send().await;
        assert_eq!(reply.problem(), (400, vec!["x-clawplane-min-position"]), "{wrong}");
    }
}
