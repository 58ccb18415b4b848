use crate::world::{World, at, noon};
use clawplane_domain::{
    SessionId, TokenHash, UserId,
    bot::{Access, BotCommand},
    clock::Ids,
    provider_key::{KeyCommand, ProviderKey},
    session::{OpenSession, Session, SessionCommand},
    user::{Account, User, UserCommand},
};
use clawplane_projections::{AuditFilter, AuditRow};
use pretty_assertions::assert_eq;
use serde_json::Value;
use std::collections::BTreeSet;

async fn rows(world: &World, tenant: clawplane_domain::TenantId, filter: AuditFilter) -> Vec<AuditRow> {
    world.views.audit.page(tenant, &filter, None, 100).await.unwrap().items
}

/// The texts under names that tell of ciphertext, hashes and keys.
fn collect_hidden(value: &Value, hidden: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let tells = ["ciphertext", "nonce", "hash", "Hash", "dataKeyId"]
                    .iter()
                    .any(|end| name.ends_with(end));
                match value.as_str().filter(|_| tells) {
                    Some(text) => drop(hidden.insert(text.to_owned())),
                    None => collect_hidden(value, hidden),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_hidden(item, hidden)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_seals_or_hashes_is_in_the_audit_log() {
    let world = World::new().await;
    let tenant = world.tenant();
    let bot = world.new_bot(tenant, "alpha");
    let (id, token) = (bot.id, world.token());
    world.command(tenant, id, BotCommand::Create(Box::new(bot), token.clone(), Access::default())).await;
    world.command(tenant, id, BotCommand::Delete).await;
    let key = world.key(tenant, "main").await;
    world.executor.execute::<ProviderKey>(key, KeyCommand::Delete, world.metadata(tenant)).await.unwrap();
    let user_id = UserId(world.ids.uuid());
    let account = Account {
        id: user_id,
        email: "ada@example.org".parse().unwrap(),
        name: "Ada".parse().unwrap(),
        password_hash: "$argon2id$first".to_owned(),
        personal_tenant: tenant,
        administrator: false,
    };
    let register = UserCommand::Register(Box::new(account));
    world.executor.execute::<User>(user_id, register, world.metadata(tenant)).await.unwrap();
    let session = OpenSession {
        id: SessionId(world.ids.uuid()),
        user_id,
        tenant_id: tenant,
        refresh_hash: TokenHash::of("refresh"),
        expires_at: noon(),
    };
    let (session_id, open) = (session.id, SessionCommand::Open(session));
    world.executor.execute::<Session>(session_id, open, world.metadata(tenant)).await.unwrap();
    let _running = world.run();
    world.settled().await;

    // Whatever was sealed or hashed, read out of the events themselves.
    let payloads = sqlx::query_scalar("SELECT payload FROM events").fetch_all(&world.pool).await.unwrap();
    let mut hidden = BTreeSet::new();
    for payload in &payloads {
        collect_hidden(payload, &mut hidden);
    }
    // Token: hash, nonce, ciphertext, data key; key: nonce, ciphertext, data key; password; refresh token.
    assert_eq!(hidden.len(), 9, "{hidden:?}");
    let shown: String = sqlx::query_scalar("SELECT string_agg(t::text, ' ') FROM view_audit.audit_log t")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    for secret in hidden {
        assert!(!shown.contains(&secret), "{secret} is in the audit log");
    }
    assert!(shown.contains("ada@example.org") && shown.contains("https://vendor.example/v1"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_told_with_who_what_and_when() {
    let world = World::new().await;
    let _running = world.run();
    let tenant = world.tenant();
    let (bot, position) = world.bot(tenant, "alpha").await;
    let mut usage = world.usage(tenant, bot, at("2026-03-10T13:00:00Z"));
    usage.error = Some("vendor_failed".to_owned());
    world.append("proxy:1", 1, vec![usage.clone()]).await;
    world.settled().await;

    let all = rows(&world, tenant, AuditFilter::default()).await;
    let actions: Vec<_> = all.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["usage.recorded", "bot.token_issued", "bot.created"]);
    assert_eq!((all[1].position, all[1].at), (position, noon()));
    assert_eq!((all[1].actor.as_str(), all[1].thing_type.as_str()), ("system:test", "bot"));
    assert_eq!(all[2].details["hostname"], "alpha");
    assert_eq!(all[2].details.get("type"), None);
    assert!(all[2].request_id.is_some());
    let recorded = &all[0];
    assert_eq!((recorded.thing_type.as_str(), &recorded.thing_id), ("bot", &bot.to_string()));
    assert_eq!((recorded.actor.as_str(), recorded.request_id), ("system:proxy", Some(usage.request_id)));
    let expected = serde_json::json!({
        "requestId": usage.request_id, "vendor": "openai", "model": "gpt-x", "keyId": usage.key_id, "status": 200,
        "inputTokens": 100, "outputTokens": 20, "costMicros": 30, "error": "vendor_failed",
    });
    assert_eq!(recorded.details, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_gives_what_it_says() {
    let world = World::new().await;
    let _running = world.run();
    let tenant = world.tenant();
    let (alpha, _) = world.bot(tenant, "alpha").await;
    let (beta, _) = world.bot(tenant, "beta").await;
    world.append("proxy:1", 1, vec![world.usage(tenant, beta, at("2026-03-10T13:00:00Z"))]).await;
    world.settled().await;
    let count = async |filter| rows(&world, tenant, filter).await.len();
    let text = |text: &str| Some(text.to_owned());
    let none = AuditFilter::default();
    assert_eq!(count(none.clone()).await, 5);
    assert_eq!(count(AuditFilter { action: text("bot.created"), ..none.clone() }).await, 2);
    assert_eq!(count(AuditFilter { action: text("usage.recorded"), ..none.clone() }).await, 1);
    assert_eq!(count(AuditFilter { thing_id: text(&alpha.to_string()), ..none.clone() }).await, 2);
    assert_eq!(count(AuditFilter { thing_id: text(&beta.to_string()), ..none.clone() }).await, 3);
    assert_eq!(count(AuditFilter { thing_type: text("provider_key"), ..none.clone() }).await, 0);
    assert_eq!(count(AuditFilter { actor: text("system:proxy"), ..none.clone() }).await, 1);
    assert_eq!(count(AuditFilter { from: Some(at("2026-03-10T12:30:00Z")), ..none.clone() }).await, 1);
    assert_eq!(count(AuditFilter { to: Some(at("2026-03-10T12:30:00Z")), ..none }).await, 4);
}
