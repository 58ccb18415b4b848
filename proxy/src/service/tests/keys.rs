//! What each answer does to its key, and that another one answers instead.

use super::*;
use clawplane_domain::{KeyId, provider_key::KeyCommand};

const ERROR: &str = r#"{"error":{"message":"no"}}"#;

/// What a vendor answers to the key `sk-bad`; all others work.
pub(super) fn bad(script: impl Fn() -> Script + Send + Sync + 'static) -> impl Fn(&fake::Heard) -> Script {
    move |heard| if key_of(heard) == "sk-bad" { script() } else { Script::json(ANSWER) }
}

pub(super) fn error(status: u16) -> Script {
    Script { status, ..Script::json(ERROR) }
}

pub(super) fn limited(after: &str) -> Script {
    let mut script = error(429);
    script.headers.push(("retry-after", after.to_owned()));
    script
}

/// The key that the vendor was shown.
pub(super) fn key_of(heard: &fake::Heard) -> &str {
    heard.headers["authorization"].to_str().unwrap().trim_start_matches("Bearer ")
}

impl Stage {
    pub(super) fn openai(&self, secret: &str) -> KeyId {
        self.world.key(self.tenant, "openai", secret, Some(&self.base("")))
    }

    /// The keys that the vendor was shown, in order.
    pub(super) fn shown(&self) -> Vec<String> {
        self.vendor.heard().iter().map(|heard| key_of(heard).to_owned()).collect()
    }

    pub(super) async fn chat(&self) -> Got {
        self.ask("openai/chat/completions", CHAT).await
    }

    pub(super) fn code(got: &Got) -> String {
        got.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Each failure: the other key answers, the bad one is not asked again, and its history says why.
async fn passes_on(script: impl Fn() -> Script + Send + Sync + 'static, event: &str, until: Option<&str>) {
    let stage =
        Stage::with(bad(script), |config| config.timeouts.first_byte = Duration::from_millis(300)).await;
    // The older one is first.
    let (bad, good) = (stage.openai("sk-bad"), stage.openai("sk-good"));
    let swapped = bad > good;
    stage.followed().await;
    if swapped {
        assert_eq!(stage.chat().await.status, 200, "the good one has the first turn");
    }
    let got = stage.chat().await;
    assert_eq!((got.status, &got.body[..]), (StatusCode::OK, ANSWER.as_bytes()));
    let skip = usize::from(swapped);
    assert_eq!(stage.shown()[skip..], ["sk-bad", "sk-good"]);
    for _ in 0..4 {
        assert_eq!(stage.chat().await.status, 200);
    }
    assert!(stage.shown()[skip + 1..].iter().all(|key| key == "sk-good"), "{:?}", stage.shown());
    stage.world.wait_for_history(bad, &["added", event]).await;
    let usage = stage.world.wait_for(5 + skip).await;
    assert_eq!(usage.len(), 5 + skip, "one event a request");
    let retried: Vec<_> = usage.iter().filter(|usage| usage.attempts == 2).collect();
    assert_eq!(retried.len(), 1);
    assert!(
        usage.iter().all(|usage| usage.key_id == Some(good) && usage.status == 200 && usage.error.is_none())
    );
    let Some(until) = until else { return };
    stage.clock.set(until);
    for _ in 0..2 {
        assert_eq!(stage.chat().await.status, 200);
    }
    assert_eq!(
        stage.shown().iter().filter(|key| *key == "sk-bad").count(),
        2,
        "it is tried again after its time"
    );
}

#[tokio::test]
async fn refused_keys_are_disabled() {
    passes_on(|| error(401), "disabled", None).await;
    passes_on(|| error(403), "disabled", None).await;
}

#[tokio::test]
async fn limited_keys_cool_down_for_as_long_as_the_vendor_says() {
    passes_on(|| limited("7"), "cooled", Some("2026-11-20T12:00:07Z")).await;
    passes_on(|| limited("Fri, 20 Nov 2026 12:00:07 GMT"), "cooled", Some("2026-11-20T12:00:07Z")).await;
    passes_on(|| error(429), "cooled", Some("2026-11-20T12:00:05Z")).await;
}

#[tokio::test]
async fn keys_without_money_cool_down_for_long() {
    passes_on(|| error(402), "cooled", Some("2026-11-20T13:00:00Z")).await;
    let poor = || Script { status: 429, ..Script::json(r#"{"error":{"code":"insufficient_quota"}}"#) };
    passes_on(poor, "cooled", Some("2026-11-20T13:00:00Z")).await;
}

#[tokio::test]
async fn failing_vendors_cool_down_for_a_moment() {
    passes_on(|| error(500), "cooled", Some("2026-11-20T12:00:01Z")).await;
    passes_on(|| error(529), "cooled", Some("2026-11-20T12:00:01Z")).await;
}

#[tokio::test]
async fn what_is_wrong_with_the_request_is_passed_on_at_once() {
    for status in [400, 404, 413, 422] {
        let stage = Stage::new(move |_| error(status)).await;
        let keys = [stage.openai("sk-a"), stage.openai("sk-b")];
        stage.followed().await;
        let got = stage.chat().await;
        assert_eq!((got.status.as_u16(), &got.body[..]), (status, ERROR.as_bytes()));
        assert_eq!(stage.vendor.heard().len(), 1);
        stage.followed().await;
        assert!(keys.iter().all(|key| stage.world.history(*key) == ["added"]));
    }
}

#[tokio::test]
async fn when_all_are_down_the_answer_says_which_and_until_when() {
    let stage = Stage::new(|heard| limited(if key_of(heard) == "sk-a" { "7" } else { "30" })).await;
    let keys = [stage.openai("sk-a"), stage.openai("sk-b")];
    stage.followed().await;
    let last = stage.chat().await;
    assert_eq!((last.status.as_u16(), &last.body[..]), (429, ERROR.as_bytes()), "the vendor's own answer");
    assert_eq!(stage.vendor.heard().len(), 2);

    let got = stage.chat().await;
    assert_eq!((got.status.as_u16(), Stage::code(&got).as_str()), (503, "no_healthy_key"));
    assert_eq!(got.headers["retry-after"], "7");
    assert!(!got.headers.contains_key("x-should-retry"));
    let message = got.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(keys.iter().all(|key| message.contains(&key.to_string())), "{message}");
    assert!(message.contains("2026-11-20T12:00:07Z") && message.contains("12:00:30Z"), "{message}");
    assert_eq!(stage.vendor.heard().len(), 2, "nothing was sent");
    let usage = stage.world.wait_for(2).await;
    let refused = usage.iter().find(|usage| usage.status == 503).unwrap();
    assert_eq!((refused.error.as_deref(), refused.key_id), (Some("no_healthy_key"), None));

    for key in keys {
        let disabling = clawplane_domain::provider_key::Disabling {
            by: clawplane_domain::provider_key::DisabledBy::Person,
            reason: "leaked".to_owned(),
            status: None,
        };
        stage.world.command_key(key, KeyCommand::Disable { disabling, secret: None }, None);
    }
    stage.followed().await;
    let got = stage.chat().await;
    assert_eq!((got.status.as_u16(), Stage::code(&got).as_str()), (503, "no_healthy_key"));
    assert!(!got.headers.contains_key("retry-after"));
    assert_eq!(got.headers["x-should-retry"], "false");
}

#[tokio::test]
async fn what_is_far_away_must_not_be_hammered() {
    let stage = Stage::new(|_| limited("600")).await;
    stage.openai("sk-a");
    stage.followed().await;
    assert_eq!(stage.chat().await.status, 429);
    let got = stage.chat().await;
    assert_eq!((got.status.as_u16(), &got.headers["retry-after"]), (503, &"600".parse().unwrap()));
    assert_eq!(got.headers["x-should-retry"], "false");
}
