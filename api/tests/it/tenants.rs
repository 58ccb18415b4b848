//! Two tenants never meet, and a role may do what it may and no more.

use crate::app::{App, Session};
use axum::http::Method;
use clawplane_domain::{
    Actor, SessionId, TenantId, UserId,
    session::{OpenSession, Session as Sessions, SessionCommand},
    tenant::{Role, Tenant},
};
use pretty_assertions::assert_eq;
use serde_json::json;

#[tokio::test]
async fn what_belongs_to_one_tenant_does_not_exist_for_another() {
    let app = App::start().await;
    app.register("bob@example.com", false).await;
    let (ada, bob) = (app.ada().await, app.sign_in("bob@example.com").await);
    app.create_bot(&ada, "one").await;
    let body = json!({"vendor": "openai", "secret": "sk-1", "label": "Team"});
    let key = app.post("/api/provider-key").as_(&ada).json(&body).send().await;
    let key = key.header("location");

    let calls = [
        (Method::GET, "/api/bot/one"),
        (Method::DELETE, "/api/bot/one"),
        (Method::POST, "/api/bot/one/start"),
        (Method::POST, "/api/bot/one/stop"),
        (Method::GET, "/api/bot/one/quota"),
        (Method::PUT, "/api/bot/one/quota"),
        (Method::DELETE, "/api/bot/one/quota"),
        (Method::PUT, "/api/bot/one/access"),
        (Method::POST, "/api/bot/one/token/rotate"),
        (Method::POST, "/api/bot/one/token/revoke"),
        (Method::GET, "/api/bot/one/usage/stats"),
        (Method::GET, "/api/bot/one/usage/trend"),
        (Method::GET, "/api/bot/one/usage/breakdown"),
        (Method::GET, "/api/bot/one/usage/logs"),
        (Method::GET, key),
        (Method::DELETE, key),
    ];
    for (method, path) in calls {
        let reply = app.call(method.clone(), path).as_(&bob).json(&json!({})).send().await;
        assert_eq!(reply.problem(), (404, vec![]), "{method} {path}");
    }
    for path in ["/api/bot", "/api/provider-key", "/api/provider-key/health"] {
        assert_eq!(app.get(path).as_(&bob).send().await.body["items"], json!([]), "{path}");
    }
    assert_eq!(app.get("/api/bot/stats").as_(&bob).send().await.body["total"], 0);
    let audit = app.get("/api/audit").as_(&bob).send().await;
    assert!(!audit.text.contains("bot.created"), "{}", audit.text);
    for path in ["/api/bot/one", key] {
        assert_eq!(app.get(path).as_(&ada).send().await.status, 200, "{path} is untouched");
    }
}

#[tokio::test]
async fn nobody_gets_in_without_a_token() {
    let app = App::start().await;
    let calls = [
        (Method::GET, "/api/bot"),
        (Method::POST, "/api/bot"),
        (Method::GET, "/api/audit"),
        (Method::GET, "/api/auth/me"),
        (Method::GET, "/metrics"),
    ];
    for (method, path) in calls {
        for header in ["", "Bearer", "Bearer x", "Basic YTpi", "Bearer a.b.c"] {
            let call = app.call(method.clone(), path).header("authorization", header);
            assert_eq!(call.send().await.problem(), (401, vec![]), "{method} {path} {header}");
        }
    }
}

#[tokio::test]
async fn metrics_are_for_administrators_and_for_this_machine() {
    let app = App::start().await;
    app.register("bob@example.com", false).await;
    let (ada, bob) = (app.ada().await, app.sign_in("bob@example.com").await);
    assert_eq!(app.get("/metrics").as_(&ada).send().await.status, 200);
    assert_eq!(app.get("/metrics").as_(&bob).send().await.problem(), (403, vec![]));
    assert_eq!(app.get("/metrics").peer([127, 0, 0, 1]).send().await.status, 200);
    let forwarded = app.get("/metrics").peer([127, 0, 0, 1]).header("x-forwarded-for", "192.0.2.9");
    assert_eq!(forwarded.send().await.problem(), (401, vec![]));
}

/// A session of a member whose role is not the owner's: the domain has no command for it yet, so its event is stored
/// as a later version of the domain would store it.
async fn member(app: &App, tenant: TenantId, user: UserId, role: Role) -> Session {
    let event = json!({"type": "tenant.member_added", "userId": user, "role": role});
    let metadata = json!({"tenantId": tenant, "actor": "system:test", "at": "2026-03-01T12:00:00Z"});
    sqlx::query(
        "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
         SELECT 'tenant', $1, max(sequence) + 1, 'tenant.member_added', '1', $2, $3
         FROM events WHERE aggregate_type = 'tenant' AND aggregate_id = $1",
    )
    .bind(tenant.to_string())
    .bind(event)
    .bind(metadata)
    .execute(&app.pool)
    .await
    .unwrap();
    let refresh = format!("{}.secret", app.deps.ids.uuid());
    let id: SessionId = refresh.split_once('.').unwrap().0.parse().unwrap();
    let open = SessionCommand::Open(OpenSession {
        id,
        user_id: user,
        tenant_id: tenant,
        refresh_hash: clawplane_domain::TokenHash::of(&refresh),
        expires_at: app.deps.clock.now() + std::time::Duration::from_mins(1),
    });
    let metadata =
        clawplane_domain::Metadata { actor: Actor::User(user), ..crate::support::metadata(tenant) };
    app.deps.executor.execute::<Sessions>(id, open, metadata).await.unwrap();
    let reply = app.post("/api/auth/refresh").json(&json!({"refreshToken": refresh})).send().await;
    assert_eq!((reply.status.as_u16(), &reply.body["user"]["role"]), (200, &json!(role)), "{}", reply.text);
    let text = |field: &str| reply.body[field].as_str().unwrap().to_owned();
    Session { access: text("accessToken"), refresh: text("refreshToken") }
}

#[tokio::test]
async fn a_role_may_do_what_it_may() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    let me = app.get("/api/auth/me").as_(&ada).send().await.body;
    let tenant: TenantId = me["tenantId"].as_str().unwrap().parse().unwrap();
    let viewer = app.register("viewer@example.com", false).await;
    let viewer = member(&app, tenant, viewer, Role::Viewer).await;
    let operator = app.register("operator@example.com", false).await;
    let operator = member(&app, tenant, operator, Role::Operator).await;
    let admin = app.register("admin@example.com", false).await;
    let admin = member(&app, tenant, admin, Role::Admin).await;

    let calls = [
        (Method::GET, "/api/bot/one", [200, 200, 200]),
        (Method::POST, "/api/bot/one/start", [403, 202, 202]),
        (Method::GET, "/api/audit", [403, 403, 200]),
        (Method::GET, "/api/tenant", [200, 200, 200]),
        (Method::GET, "/api/tenant/quota", [200, 200, 200]),
        (Method::DELETE, "/api/tenant/quota", [403, 403, 204]),
        (Method::PATCH, "/api/tenant", [403, 403, 415]),
        (Method::GET, "/api/bot/one/fallbacks", [200, 200, 200]),
        (Method::DELETE, "/api/bot/one/fallbacks", [403, 403, 204]),
        (Method::PUT, "/api/bot/one/fallbacks", [403, 403, 415]),
        (Method::PUT, "/api/bot/one/access", [403, 403, 415]),
        (Method::POST, "/api/bot/one/token/rotate", [403, 403, 200]),
        (Method::POST, "/api/bot/one/token/revoke", [403, 403, 204]),
        (Method::DELETE, "/api/bot/one", [403, 403, 204]),
    ];
    for (method, path, expected) in calls {
        for (session, expected) in [&viewer, &operator, &admin].into_iter().zip(expected) {
            let reply = app.call(method.clone(), path).as_(session).send().await;
            assert_eq!(reply.status, expected, "{method} {path}: {}", reply.text);
        }
    }
    let personal = app.deps.executor.load::<Tenant>(&tenant.to_string()).await.unwrap();
    assert_eq!(personal.members.len(), 4);
}
