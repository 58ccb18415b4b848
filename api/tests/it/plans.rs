//! A tenant's plan: set by an administrator of the installation, shown to the tenant, kept by what it asks for.

use crate::app::{App, Reply, Session};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A plan with room for two usual bots.
fn small() -> Value {
    json!({
        "bots": 3,
        "each": {"memoryMib": 4096, "cpuMillis": 2000, "pids": 512, "diskMib": 10240},
        "all": {"memoryMib": 4096, "cpuMillis": 4000, "pids": 4096, "diskMib": 102_400},
        "writableRoot": false,
    })
}

async fn tenant(app: &App, session: &Session) -> String {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        // Nothing was answered with a position yet, so the read model may be behind the registration.
        let reply = app.get("/api/tenant").as_(session).send().await;
        if let Some(id) = reply.body["id"].as_str() {
            return id.to_owned();
        }
        assert!(Instant::now() < end, "{}", reply.text);
        tokio::task::yield_now().await;
    }
}

async fn create(app: &App, session: &Session, hostname: &str, limits: Value) -> Reply {
    app.post("/api/bot").as_(session).json(&json!({"hostname": hostname, "limits": limits})).send().await
}

#[tokio::test]
async fn a_plan_bounds_what_is_asked_for() {
    let app = App::start().await;
    let ada = app.ada().await;
    let path = format!("/api/tenant/{}/plan", tenant(&app, &ada).await);
    let usual = app.get("/api/tenant/plan").as_(&ada).send().await;
    assert_eq!((usual.status.as_u16(), &usual.body["bots"]), (200, &json!(0)), "{}", usual.text);
    let set = app.put(&path).as_(&ada).json(&small()).send().await;
    assert_eq!((set.status.as_u16(), &set.body["plan"]), (200, &small()), "{}", set.text);

    for (limits, field) in [
        (json!({"memoryMib": 4097}), "limits.memoryMib"),
        (json!({"cpuMillis": 2001}), "limits.cpuMillis"),
        (json!({"pids": 513}), "limits.pids"),
        (json!({"diskMib": 10_241}), "limits.diskMib"),
        (json!({"writableRoot": true}), "limits.writableRoot"),
    ] {
        let refused = create(&app, &ada, "big", limits).await;
        assert_eq!(refused.problem(), (403, vec![field]));
    }
    assert_eq!(create(&app, &ada, "one", json!({})).await.status, 201);
    assert_eq!(
        create(&app, &ada, "two", json!({"memoryMib": 2049})).await.problem(),
        (403, vec!["limits.memoryMib"])
    );
    assert_eq!(create(&app, &ada, "two", json!({"diskMib": 64})).await.status, 201);
    assert_eq!(
        create(&app, &ada, "three", json!({"memoryMib": 128})).await.problem(),
        (403, vec!["limits.memoryMib"])
    );
    let used = app.get("/api/tenant/plan").as_(&ada).send().await.body;
    let sums = json!({"memoryMib": 4096, "cpuMillis": 2000, "pids": 1024, "diskMib": 10_304});
    assert_eq!((&used["bots"], &used["used"]), (&json!(2), &sums));
    assert_eq!(app.get("/api/bot/two").as_(&ada).send().await.body["limits"]["diskMib"], 64);

    // What is deleted makes room.
    assert_eq!(app.delete("/api/bot/one").as_(&ada).send().await.status, 204);
    assert_eq!(create(&app, &ada, "three", json!({"memoryMib": 128})).await.status, 201);
    assert_eq!(create(&app, &ada, "four", json!({"memoryMib": 128})).await.status, 201);
    assert_eq!(create(&app, &ada, "five", json!({"memoryMib": 128})).await.problem(), (403, vec![]));

    // What there is stays, and is not started beyond the plan.
    let mut smaller = small();
    smaller["each"]["memoryMib"] = json!(1024);
    app.put(&path).as_(&ada).json(&smaller).send().await;
    assert_eq!(
        app.post("/api/bot/two/start").as_(&ada).send().await.problem(),
        (403, vec!["limits.memoryMib"])
    );
    assert_eq!(app.post("/api/bot/four/start").as_(&ada).send().await.status, 202);
}

#[tokio::test]
async fn many_at_once_do_not_pass_it() {
    let app = App::start().await;
    let ada = app.ada().await;
    let path = format!("/api/tenant/{}/plan", tenant(&app, &ada).await);
    app.put(&path).as_(&ada).json(&small()).send().await;
    let names: Vec<_> = (0..8).map(|n| format!("bot-{n}")).collect();
    let replies = names.iter().map(|name| create(&app, &ada, name, json!({})));
    let mut made = 0;
    for reply in futures::future::join_all(replies).await {
        made += u32::from(reply.status == 201);
    }
    assert_eq!(made, 2);
}

#[tokio::test]
async fn a_repeated_request_is_answered_although_the_plan_is_full() {
    let app = App::start().await;
    let ada = app.ada().await;
    let path = format!("/api/tenant/{}/plan", tenant(&app, &ada).await);
    let mut one = small();
    one["bots"] = json!(1);
    app.put(&path).as_(&ada).json(&one).send().await;
    let body = json!({"hostname": "one"});
    let call = || app.post("/api/bot").as_(&ada).header("idempotency-key", "k").json(&body).send();
    let (first, again) = (call().await, call().await);
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201), "{}", again.text);
    assert_eq!(first.body["id"], again.body["id"]);
}

#[tokio::test]
async fn only_an_administrator_of_the_installation_sets_plans() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.register("eve@example.com", false).await;
    let eve = app.sign_in("eve@example.com").await;
    let of_eve = format!("/api/tenant/{}/plan", tenant(&app, &eve).await);
    assert_eq!(app.put(&of_eve).as_(&eve).json(&small()).send().await.problem().0, 403);
    assert_eq!(app.get(&of_eve).as_(&eve).send().await.problem().0, 403);
    assert_eq!(app.put(&of_eve).as_(&ada).json(&small()).send().await.status, 200);
    assert_eq!(app.get("/api/tenant/plan").as_(&eve).send().await.body["plan"], small());
    for nobody in ["/api/tenant/x/plan", "/api/tenant/01990000-0000-7000-8000-000000000099/plan"] {
        assert_eq!(
            app.put(nobody).as_(&ada).json(&small()).send().await.problem(),
            (404, vec![]),
            "{nobody}"
        );
    }
    let mut huge = small();
    huge["all"]["pids"] = json!(1_u64 << 60);
    assert_eq!(app.put(&of_eve).as_(&ada).json(&huge).send().await.problem(), (400, vec!["all.pids"]));
}
