//! Which tokens are let in, and what each may reach.

use super::*;
use crate::testing::{at, seal};
use clawplane_domain::{
    TokenHash,
    bot::{Access, BotEvent, EarlierToken, GatewayToken},
};

const CHAT: &str = r#"{"model":"gpt-4o-mini","messages":[]}"#;

fn narrowed(models: Option<&[&str]>, vendors: Option<&[&str]>) -> BotEvent {
    let access = Access {
        allowed_models: models.map(|all| all.iter().map(|one| one.parse().unwrap()).collect()),
        allowed_vendors: vendors.map(|all| all.iter().map(|one| one.parse().unwrap()).collect()),
    };
    BotEvent::AccessSet { access }
}

impl Stage {
    async fn happens(&self, event: &BotEvent) {
        self.world.bot_event(self.tenant, self.bot, event);
        self.followed().await;
    }

    async fn status_of(&self, token: &str) -> (u16, String) {
        let request =
            self.post("openai/chat/completions", CHAT).header("authorization", format!("Bearer {token}"));
        let got = self.send(request.body(held(CHAT)).unwrap()).await;
        let code = got.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
        (got.status.as_u16(), code)
    }
}

fn rotated(token: &str, expires_at: Option<&str>, earlier: &[(&str, &str)]) -> BotEvent {
    let earlier = earlier.iter();
    let token =
        GatewayToken { hash: TokenHash::of(token), sealed: seal(token, "x"), expires_at: expires_at.map(at) };
    let earlier =
        earlier.map(|(old, until)| EarlierToken { hash: TokenHash::of(old), valid_until: at(until) });
    BotEvent::TokenRotated { token, earlier: earlier.collect() }
}

fn ok() -> (u16, String) {
    (200, String::new())
}

fn unknown() -> (u16, String) {
    (401, "invalid_token".to_owned())
}

fn expired() -> (u16, String) {
    (401, "token_expired".to_owned())
}

#[tokio::test]
async fn an_earlier_token_is_good_to_the_second_and_not_beyond() {
    let stage = Stage::new(|_| Script::json("{}")).await;
    stage.key("openai", "").await;
    let until = "2026-11-20T12:10:00Z";
    stage.happens(&rotated("two", None, &[("tok", until)])).await;
    assert_eq!((stage.status_of("tok").await, stage.status_of("two").await), (ok(), ok()));
    stage.clock.set("2026-11-20T12:09:59.999999Z");
    assert_eq!(stage.status_of("tok").await, ok());
    stage.clock.set(until);
    assert_eq!((stage.status_of("tok").await, stage.status_of("two").await), (expired(), ok()));
    // What a rotation does not name is void at once, and the new one's own end counts as well.
    let end = "2026-11-20T12:20:00Z";
    stage.happens(&rotated("four", Some(end), &[("three", end), ("two", end)])).await;
    assert_eq!(stage.status_of("tok").await, unknown());
    for token in ["two", "three", "four"] {
        assert_eq!(stage.status_of(token).await, ok(), "{token}");
    }
    stage.clock.set(end);
    for token in ["two", "three", "four"] {
        assert_eq!(stage.status_of(token).await, expired(), "{token}");
    }
}

#[tokio::test]
async fn a_revocation_ends_every_token_and_a_new_one_is_let_in() {
    let stage = Stage::new(|_| Script::json("{}")).await;
    stage.key("openai", "").await;
    stage.happens(&rotated("two", None, &[("tok", "2026-11-20T12:10:00Z")])).await;
    stage.happens(&BotEvent::TokensRevoked { token_hashes: Vec::new() }).await;
    assert_eq!((stage.status_of("tok").await, stage.status_of("two").await), (unknown(), unknown()));
    stage.happens(&narrowed(None, Some(&["groq"]))).await;
    assert_eq!(stage.status_of("two").await, unknown(), "a later change brings nothing back");
    stage.happens(&narrowed(None, None)).await;
    stage.happens(&rotated("three", None, &[])).await;
    assert_eq!((stage.status_of("two").await, stage.status_of("three").await), (unknown(), ok()));
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_in_the_vendors_words() {
    let stage = Stage::new(|_| Script::json("{}")).await;
    for vendor in ["openai", "anthropic", "google"] {
        stage.key(vendor, "").await;
    }
    stage.happens(&narrowed(Some(&["claude-*", "gemini-2.5-flash"]), None)).await;
    let error = async |path: &str, body: &str| {
        let got = stage.ask(path, body).await;
        assert_eq!(got.headers["content-type"], "application/json");
        (got.status.as_u16(), got.json()["error"].clone())
    };
    let (status, refused) = error("openai/chat/completions", CHAT).await;
    assert_eq!((status, &refused["code"]), (403, &"model_not_allowed".into()));
    assert!(refused["message"].as_str().unwrap().contains("gpt-4o-mini"), "{refused}");
    let body = r#"{"model":"gpt-4o","max_tokens":1,"messages":[]}"#;
    let (status, refused) = error("anthropic/v1/messages", body).await;
    assert_eq!((status, &refused["type"]), (403, &"permission_error".into()));
    assert!(refused["message"].as_str().unwrap().contains("gpt-4o"), "{refused}");
    let (status, refused) = error("google/v1beta/models/gemini-2.5-pro:generateContent", "{}").await;
    assert_eq!((status, &refused["status"]), (403, &"PERMISSION_DENIED".into()));
    assert!(stage.vendor.heard().is_empty(), "nothing got through");
    for (path, body) in [
        ("anthropic/v1/messages", r#"{"model":"claude-sonnet-4-5","messages":[]}"#),
        ("google/v1beta/models/gemini-2.5-flash:generateContent", "{}"),
    ] {
        assert_eq!(stage.ask(path, body).await.status, StatusCode::OK, "{path}");
    }
    stage.happens(&narrowed(None, Some(&["anthropic"]))).await;
    let (status, refused) = error("openai/chat/completions", CHAT).await;
    assert_eq!((status, &refused["code"]), (403, &"vendor_not_allowed".into()));
    let got = stage.ask("anthropic/v1/messages", CHAT).await;
    assert_eq!(got.status, StatusCode::OK, "any model of an allowed vendor");
    let usage = stage.world.wait_for(7).await;
    let refused = usage.iter().filter_map(|usage| usage.error.as_deref());
    let expected = ["model_not_allowed", "model_not_allowed", "model_not_allowed", "vendor_not_allowed"];
    assert_eq!(refused.collect::<Vec<_>>(), expected);
}

/// Whatever we cannot read a vendor might.
#[tokio::test]
async fn a_body_that_cannot_be_read_does_not_pass_a_list_of_models() {
    let stage = Stage::new(|_| Script::json("{}")).await;
    stage.key("openai", "").await;
    let bodies = [
        ("application/json", Some("gzip"), CHAT),
        ("application/json", Some("identity"), CHAT),
        ("multipart/form-data; boundary=x", None, "--x--"),
        ("text/plain", None, CHAT),
        ("application/json; charset=utf-16", None, CHAT),
        ("application/json", None, r#"{"model":"gpt-4o-mini""#),
        ("application/json", None, r#"{"model":null}"#),
    ];
    let ask = async |(kind, encoding, body): (&str, Option<&str>, &'static str)| {
        let request = Request::post(format!("http://{}/api/v1/openai/chat/completions", stage.address));
        let mut request = request.header("content-type", kind).header("authorization", "Bearer tok");
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        let got = stage.send(request.body(held(body)).unwrap()).await;
        (got.status.as_u16(), got.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    for body in bodies {
        assert_eq!(ask(body).await, ok(), "without a list it is the vendor's business: {body:?}");
    }
    let heard = stage.vendor.heard().len();
    stage.happens(&narrowed(Some(&["gpt-4o-mini"]), None)).await;
    for body in bodies {
        assert_eq!(ask(body).await, (403, "model_unknown".to_owned()), "{body:?}");
    }
    assert_eq!(stage.vendor.heard().len(), heard);
    assert_eq!(stage.status_of("tok").await, ok());
}
