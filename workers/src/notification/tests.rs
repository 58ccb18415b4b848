use super::*;
use clawplane_domain::{Actor, Metadata, TenantId};
use clawplane_eventstore::Payload;
use serde_json::json;

fn event(event_type: &str, payload: &serde_json::Value) -> RecordedEvent {
    let tenant_id = TenantId(uuid::Uuid::nil());
    let at = chrono::DateTime::UNIX_EPOCH;
    RecordedEvent {
        position: Position::START,
        event_id: uuid::Uuid::nil(),
        aggregate_type: "bot".into(),
        aggregate_id: "b".into(),
        sequence: 1,
        event_type: event_type.into(),
        event_version: "1".into(),
        payload: Payload::of(payload).unwrap(),
        metadata: Metadata { tenant_id, actor: Actor::system("test"), at, request_id: None, causation: None },
        tenant_id,
        recorded_at: at,
    }
}

fn observed(state: &str) -> RecordedEvent {
    event("bot.observed", &json!({ "type": "bot.observed", "state": state, "reason": "it broke" }))
}

#[test]
fn of_observations_only_failures_are_notable() {
    let failed = notable(&observed("failed")).unwrap().unwrap();
    assert_eq!(
        failed,
        Notable { kind: "bot_failed", about: "bot/b".into(), detail: Some("it broke".into()) }
    );
    for state in ["created", "starting", "running", "unhealthy", "stopping", "stopped", "deleting"] {
        assert_eq!(notable(&observed(state)).unwrap(), None, "{state}");
    }
}

#[test]
fn keys_and_quotas_are_notable_and_nothing_of_their_payload_is_said() {
    let added = event("provider_key.added", &json!({ "sealed": "x" }));
    assert_eq!(notable(&added).unwrap().unwrap().detail, None);
    assert_eq!(notable(&event("quota.set", &json!({}))).unwrap().unwrap().kind, "quota_set");
    assert_eq!(notable(&event("session.opened", &json!({}))).unwrap(), None);
}

#[test]
fn a_key_that_the_vendor_refuses_is_notable_with_its_reason() {
    let disabled = |by: &str| {
        let payload =
            json!({ "type": "provider_key.disabled", "by": by, "reason": "refused with 401", "status": 401 });
        notable(&event("provider_key.disabled", &payload)).unwrap().unwrap()
    };
    let refused = disabled("proxy");
    assert_eq!((refused.kind, refused.detail.as_deref()), ("provider_key_refused", Some("refused with 401")));
    assert_eq!(disabled("person").kind, "provider_key_disabled");
    assert_eq!(notable(&event("provider_key.cooled", &json!({}))).unwrap(), None, "that passes by itself");
}

#[test]
fn thresholds_say_which_limit_and_how_much() {
    let reached = |percent: u8, used: u64| {
        event(
            "quota.threshold_reached",
            &json!({
                "type": "quota.threshold_reached", "tenantId": uuid::Uuid::nil(), "limit": "dailyTokens", "of": 1000,
                "windowStart": "2026-11-20T00:00:00Z", "percent": percent, "used": used,
            }),
        )
    };
    let near = notable(&reached(80, 812)).unwrap().unwrap();
    assert_eq!(
        (near.kind, near.detail.as_deref()),
        ("quota_nearly_used_up", Some("812 of dailyTokens 1000 (80 %)"))
    );
    assert_eq!(notable(&reached(100, 1003)).unwrap().unwrap().kind, "quota_used_up");
}

#[test]
fn no_notable_event_is_filtered_out_by_its_name() {
    for name in [
        "bot.observed",
        "bot.created",
        "provider_key.deleted",
        "provider_key.disabled",
        "quota.set",
        "quota.threshold_reached",
    ] {
        assert!(may_be_notable(name));
    }
    assert!(!may_be_notable("session.refreshed"));
}

#[test]
fn a_bot_that_is_left_alone_and_an_upgrade_that_failed_are_told_apart() {
    let payload =
        json!({ "type": "bot.observed", "state": "failed", "reason": "it broke", "leftAlone": true });
    let alone = notable(&event("bot.observed", &payload)).unwrap().unwrap();
    assert_eq!((alone.kind, alone.detail.as_deref()), ("bot_left_alone", Some("it broke")));
    let payload = json!({ "type": "bot.upgrade_rolled_back", "number": 1, "reason": "it ended" });
    let back = notable(&event("bot.upgrade_rolled_back", &payload)).unwrap().unwrap();
    assert_eq!((back.kind, back.detail.as_deref()), ("bot_upgrade_rolled_back", Some("it ended")));
    assert!(may_be_notable("bot.upgrade_rolled_back") && may_be_notable("bot.upgrade_committed"));
}
