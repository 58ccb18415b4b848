//! Quotas of bots and tenants, and the time zone that their days begin in.

use crate::app::{App, Session};
use axum::http::Method;
use clawplane_domain::{
    BotId, TenantId, Timestamp,
    quota::{Quota, QuotaLimits, UnknownPrice},
    usage::{Tokens, UsageRecorded},
};
use clawplane_eventstore::UsageAppender;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use uuid::Uuid;

struct Scene {
    app: App,
    ada: Session,
    tenant: TenantId,
    bots: [BotId; 2],
}

async fn scene() -> Scene {
    let app = App::start().await;
    let ada = app.ada().await;
    let mut bots = Vec::new();
    for name in ["one", "two"] {
        let bot = app.create_bot(&ada, name).await.body;
        bots.push(bot["id"].as_str().unwrap().parse().unwrap());
    }
    let me = app.get("/api/auth/me").as_(&ada).send().await.body;
    let tenant = me["tenantId"].as_str().unwrap().parse().unwrap();
    Scene { app, ada, tenant, bots: bots.try_into().unwrap() }
}

impl Scene {
    /// Requests of 120 tokens and 30 micro-dollars each; gives the position after them.
    async fn used(&self, requests: &[(usize, &str)]) -> String {
        let record = |(number, (bot, at)): (u64, &(usize, &str))| {
            let usage = UsageRecorded {
                request_id: clawplane_domain::RequestId(Uuid::from_u128(u128::from(number))),
                tenant_id: self.tenant,
                bot_id: self.bots[*bot],
                key_id: None,
                vendor: "openai".parse().unwrap(),
                model: None,
                status: 200,
                error: None,
                stream: false,
                tokens: Tokens { input_tokens: 100, output_tokens: 20, ..Tokens::default() },
                cost_micros: Some(30),
                price_version: None,
                service_tier: None,
                attempts: 1,
                estimated: false,
                interrupted: false,
                ttfb_ms: None,
                duration_ms: 1,
                at: at.parse::<Timestamp>().unwrap(),
            };
            (number, usage)
        };
        let records: Vec<_> = (1..).zip(requests).map(record).collect();
        let appender = UsageAppender::new(self.app.pool.clone(), self.app.wakeup.clone());
        appender.append("p:1", &records).await.unwrap();
        let last = "SELECT tx_id || '-' || global_position FROM events ORDER BY tx_id DESC, global_position DESC LIMIT 1";
        sqlx::query_scalar(last).fetch_one(&self.app.pool).await.unwrap()
    }

    async fn window(&self, path: &str, position: &str, name: &str) -> Value {
        let call = self.app.get(path).as_(&self.ada).header("x-clawplane-min-position", position);
        let reply = call.send().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let windows = reply.body["windows"].as_array().unwrap();
        windows.iter().find(|window| window["name"] == name).unwrap().clone()
    }
}

#[tokio::test]
async fn quotas_of_bots_and_tenants_are_set_shown_and_cleared() {
    let Scene { app, ada, tenant, bots } = scene().await;
    let subjects = [("/api/bot/one/quota", bots[0].to_string()), ("/api/tenant/quota", tenant.to_string())];
    for (path, stream) in subjects {
        let empty = app.get(path).as_(&ada).send().await;
        assert_eq!((empty.status.as_u16(), &empty.body["limits"]["dailyTokens"]), (200, &Value::Null));
        let body = json!({"dailyTokens": 1000, "monthlyCostMicros": 0, "unknownPrice": "allow"});
        let reply = app.put(path).as_(&ada).json(&body).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let stored = app.deps.executor.load::<Quota>(&stream).await.unwrap().limits;
        let expected = QuotaLimits {
            daily_tokens: Some(1000),
            monthly_cost_micros: Some(0),
            unknown_price: UnknownPrice::Allow,
            ..QuotaLimits::default()
        };
        assert_eq!(stored, Some(expected));
        let shown = app.get(path).as_(&ada).send().await.body;
        assert_eq!(shown["limits"], reply.body);
        assert_eq!(shown["timeZone"], "UTC");
        let daily = json!({
            "name": "dailyTokens", "limit": 1000, "used": 0, "remaining": 1000,
            "startsAt": "2026-03-01T00:00:00Z", "resetAt": "2026-03-02T00:00:00Z",
        });
        assert_eq!(shown["windows"][0], daily);
        let monthly = json!({
            "name": "monthlyTokens", "used": 0,
            "startsAt": "2026-03-01T00:00:00Z", "resetAt": "2026-04-01T00:00:00Z",
        });
        assert_eq!(shown["windows"][1], monthly);

        let cleared = app.delete(path).as_(&ada).send().await;
        assert_eq!((cleared.status.as_u16(), cleared.text.as_str()), (204, ""));
        assert!(cleared.header("x-clawplane-position").contains('-'));
        assert_eq!(app.deps.executor.load::<Quota>(&stream).await.unwrap().limits, None);
        let shown = app.get(path).as_(&ada).send().await.body;
        assert_eq!(shown["limits"]["dailyTokens"], Value::Null);
        let again = app.delete(path).as_(&ada).send().await;
        assert_eq!((again.status.as_u16(), again.header("x-clawplane-position")), (204, ""));
    }
    let bot = app.get("/api/bot/one").as_(&ada).send().await.body;
    assert_eq!(bot.get("quota"), None, "what was cleared is not shown");
}

#[tokio::test]
async fn what_is_used_is_told_for_the_days_of_the_tenants_time_zone() {
    let scene = scene().await;
    let (app, ada) = (&scene.app, &scene.ada);
    app.put("/api/bot/one/quota").as_(ada).json(&json!({"dailyTokens": 200})).send().await;
    app.put("/api/tenant/quota").as_(ada).json(&json!({"monthlyCostMicros": 1000})).send().await;
    // It is noon of the first of March in UTC; in Kolkata the day began at 18:30 before.
    let requests = [
        (0, "2026-02-28T18:29:59Z"),
        (0, "2026-02-28T18:30:00Z"),
        (0, "2026-02-28T23:59:59Z"),
        (0, "2026-03-01T00:00:00Z"),
        (1, "2026-03-01T11:00:00Z"),
    ];
    let position = scene.used(&requests).await;
    let used = |window: &Value| window["used"].as_u64().unwrap();
    let bot = scene.window("/api/bot/one/quota", &position, "dailyTokens").await;
    assert_eq!((used(&bot), &bot["remaining"]), (120, &json!(80)));
    let tenant = scene.window("/api/tenant/quota", &position, "monthlyCostMicros").await;
    assert_eq!((used(&tenant), &tenant["remaining"]), (60, &json!(940)));

    let body = json!({"timeZone": "Asia/Kolkata"});
    let reply = app.call(Method::PATCH, "/api/tenant").as_(ada).json(&body).send().await;
    assert_eq!(
        (reply.status.as_u16(), &reply.body["timeZone"]),
        (200, &json!("Asia/Kolkata")),
        "{}",
        reply.text
    );
    let position = reply.header("x-clawplane-position").to_owned();
    assert_eq!(app.get("/api/tenant").as_(ada).send().await.body, reply.body);
    let bot = scene.window("/api/bot/one/quota", &position, "dailyTokens").await;
    assert_eq!((used(&bot), &bot["remaining"]), (360, &json!(0)));
    assert_eq!(
        (&bot["startsAt"], &bot["resetAt"]),
        (&json!("2026-02-28T18:30:00Z"), &json!("2026-03-01T18:30:00Z"))
    );
    let tenant = scene.window("/api/tenant/quota", &position, "monthlyCostMicros").await;
    assert_eq!((used(&tenant), &tenant["startsAt"]), (120, &json!("2026-02-28T18:30:00Z")));
    assert_eq!(app.events("tenant.time_zone_set").await, 1);
}

#[tokio::test]
async fn bad_input_is_named() {
    let Scene { app, ada, .. } = scene().await;
    let limits = [
        (json!({"dailyTokens": 9_007_199_254_740_992_u64}), "dailyTokens"),
        (json!({"dailyTokens": -1}), "dailyTokens"),
        (json!({"unknownPrice": "maybe"}), "unknownPrice"),
        (json!({"hourlyTokens": 1}), "hourlyTokens"),
    ];
    for (body, field) in limits {
        for path in ["/api/bot/one/quota", "/api/tenant/quota"] {
            let reply = app.put(path).as_(&ada).json(&body).send().await;
            assert_eq!(reply.problem(), (400, vec![field]), "{body}");
        }
    }
    for (body, field) in [
        (json!({"timeZone": "Mars/Olympus"}), "timeZone"),
        (json!({}), "timeZone"),
        (json!({"name": "x", "timeZone": "UTC"}), "name"),
    ] {
        let reply = app.call(Method::PATCH, "/api/tenant").as_(&ada).json(&body).send().await;
        assert_eq!(reply.problem(), (400, vec![field]), "{body}");
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let reply = app.call(method.clone(), "/api/bot/none/quota").as_(&ada).json(&json!({})).send().await;
        assert_eq!(reply.problem(), (404, vec![]), "{method}");
    }
}
