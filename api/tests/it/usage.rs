//! Usage as the proxy records it, as a client reads it.

use crate::app::{App, Reply, Session};
use clawplane_domain::{
    BotId, KeyId, RequestId, TenantId, Timestamp,
    usage::{Tokens, UsageRecorded},
};
use clawplane_eventstore::UsageAppender;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use uuid::Uuid;

/// A request of a minute, with a status and a price.
fn record(
    bot: &Value,
    tenant: TenantId,
    key: KeyId,
    minute: u32,
    status: u16,
    cost: Option<u64>,
) -> UsageRecorded {
    let at: Timestamp = format!("2026-03-01T10:{minute:02}:00Z").parse().unwrap();
    UsageRecorded {
        request_id: RequestId(Uuid::from_u128(u128::from(minute))),
        tenant_id: tenant,
        bot_id: BotId(bot["id"].as_str().unwrap().parse().unwrap()),
        key_id: Some(key),
        vendor: "openai".parse().unwrap(),
        model: Some("gpt-4o-mini".parse().unwrap()),
        status,
        error: None,
        stream: true,
        tokens: Tokens {
            input_tokens: 100,
            cached_input_tokens: 40,
            cache_write_tokens: 10,
            output_tokens: 20,
            reasoning_tokens: 5,
            ..Tokens::default()
        },
        service_tier: None,
        cost_micros: cost,
        price_version: None,
        estimated: false,
        interrupted: false,
        ttfb_ms: Some(12),
        duration_ms: 34,
        at,
        attempts: 1,
    }
}

struct Used {
    app: App,
    ada: Session,
    key: Value,
    position: String,
}

/// Three requests of the bot `one`, of which the last one failed and has no price.
async fn used() -> Used {
    let app = App::start().await;
    let ada = app.ada().await;
    let bot = app.create_bot(&ada, "one").await.body;
    let body = json!({"vendor": "openai", "secret": "sk-1", "label": "Team"});
    let key = app.post("/api/provider-key").as_(&ada).json(&body).send().await.body;
    let tenant = app.get("/api/auth/me").as_(&ada).send().await.body["tenantId"].clone();
    let tenant: TenantId = tenant.as_str().unwrap().parse().unwrap();
    let key_id: KeyId = key["id"].as_str().unwrap().parse().unwrap();
    let records = [(5, 200, Some(7)), (6, 200, Some(8)), (7, 429, None)];
    let records = records.map(|(minute, status, cost)| record(&bot, tenant, key_id, minute, status, cost));
    let records: Vec<_> = (1..).zip(records).collect();
    UsageAppender::new(app.pool.clone(), app.wakeup.clone()).append("p:1", &records).await.unwrap();
    let last = "SELECT tx_id || '-' || global_position FROM events ORDER BY tx_id DESC, global_position DESC LIMIT 1";
    let position = sqlx::query_scalar(last).fetch_one(&app.pool).await.unwrap();
    Used { app, ada, key, position }
}

impl Used {
    async fn get(&self, path: &str) -> Reply {
        let call = self.app.get(path).as_(&self.ada);
        call.header("x-clawplane-min-position", &self.position).send().await
    }
}

#[tokio::test]
async fn sums_logs_trend_and_breakdown_agree() {
    let used = used().await;
    let stats = used.get("/api/bot/one/usage/stats").await;
    let sums = json!({
        "requests": 3, "errors": 1, "inputTokens": 300, "cachedInputTokens": 120, "cacheWriteTokens": 30,
        "outputTokens": 60, "reasoningTokens": 15, "totalTokens": 360, "costMicros": 15, "unpricedRequests": 1,
        "estimatedRequests": 0, "interruptedRequests": 0,
    });
    let mut expected = sums.clone();
    expected["from"] = json!("2026-01-30T12:00:01Z");
    expected["to"] = json!("2026-03-01T12:00:01Z");
    assert_eq!(stats.body, expected, "{}", stats.text);

    let logs = used.get("/api/bot/one/usage/logs?limit=2").await;
    assert_eq!(logs.body["items"].as_array().unwrap().len(), 2);
    let row = json!({
        "requestId": "00000000-0000-0000-0000-000000000007", "at": "2026-03-01T10:07:00Z", "vendor": "openai",
        "model": "gpt-4o-mini", "keyId": used.key["id"], "status": 429, "stream": true, "inputTokens": 100,
        "cachedInputTokens": 40, "cacheWriteTokens": 10, "outputTokens": 20, "reasoningTokens": 5,
        "costMicros": null, "estimated": false, "interrupted": false, "ttfbMs": 12, "durationMs": 34,
    });
    assert_eq!(logs.body["items"][0], row);
    let next = logs.body["nextCursor"].as_str().unwrap();
    let rest = used.get(&format!("/api/bot/one/usage/logs?limit=2&cursor={next}")).await;
    assert_eq!(rest.body["items"][0]["at"], "2026-03-01T10:05:00Z");

    let day = used.get("/api/bot/one/usage/trend").await;
    let mut point = sums.clone();
    point["at"] = json!("2026-03-01T00:00:00Z");
    let points = day.body["points"].as_array().unwrap();
    assert_eq!(points.iter().filter(|point| point["requests"] != 0).collect::<Vec<_>>(), [&point]);
    let hour = used.get("/api/bot/one/usage/trend?bucket=hour").await;
    let points = hour.body["points"].as_array().unwrap();
    let busy: Vec<_> = points.iter().filter(|point| point["requests"] != 0).collect();
    assert_eq!((busy.len(), &busy[0]["at"]), (1, &json!("2026-03-01T10:00:00Z")));

    for (by, name) in
        [("vendor", json!("openai")), ("model", json!("gpt-4o-mini")), ("key", used.key["id"].clone())]
    {
        let shares = used.get(&format!("/api/bot/one/usage/breakdown?by={by}")).await;
        let mut share = sums.clone();
        share["key"] = name;
        assert_eq!((&shares.body["by"], &shares.body["items"]), (&json!(by), &json!([share])));
    }
}

#[tokio::test]
async fn a_key_tells_how_it_did() {
    let used = used().await;
    let health = used.get("/api/provider-key/health").await;
    let expected = json!([{
        "id": used.key["id"], "label": "Team", "vendor": "openai", "health": "failing", "lastStatus": 429,
        "lastUsedAt": "2026-03-01T10:07:00Z", "lastSuccessAt": "2026-03-01T10:06:00Z",
        "lastFailureAt": "2026-03-01T10:07:00Z", "state": "healthy", "since": crate::app::NOON,
    }]);
    assert_eq!(health.body["items"], expected, "{}", health.text);
}

#[tokio::test]
async fn a_range_can_be_asked_for_and_must_be_one() {
    let used = used().await;
    let range = "from=2026-03-01T10:06:00Z&to=2026-03-01T10:07:00Z";
    let stats = used.get(&format!("/api/bot/one/usage/stats?{range}")).await;
    assert_eq!(
        (&stats.body["requests"], &stats.body["costMicros"]),
        (&json!(1), &json!(8)),
        "{}",
        stats.text
    );
    let offset = used.get("/api/bot/one/usage/stats?from=2026-03-01T12:06:00+02:00").await;
    assert_eq!(offset.body["requests"], 2);

    let wrong = [
        ("stats?from=yesterday", "from"),
        ("stats?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "from"),
        ("stats?from=1990-01-01T00:00:00Z", "from"),
        ("stats?since=1", "since"),
        ("trend?bucket=minute", "bucket"),
        ("trend?bucket=hour&from=2025-01-01T00:00:00Z", "from"),
        ("breakdown?by=moon", "by"),
        ("logs?limit=x", "limit"),
    ];
    for (query, field) in wrong {
        assert_eq!(
            used.get(&format!("/api/bot/one/usage/{query}")).await.problem(),
            (400, vec![field]),
            "{query}"
        );
    }
    assert_eq!(used.get("/api/bot/two/usage/stats").await.problem(), (404, vec![]));
}
