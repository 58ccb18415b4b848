//! Tokens, keys, headers and queries on their way.

use super::*;
use crate::testing::at;

#[tokio::test]
async fn the_vendors_key_takes_the_place_of_the_token_and_the_rest_passes() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.key("openai", "/v1").await;
    let request = stage
        .post("openai/chat/completions?a=%20b&key=tok&c", CHAT)
        .header("authorization", "Bearer tok")
        .header("cookie", "session=tok")
        .header("openai-beta", "x=1")
        .header("user-agent", "sdk/9")
        .header("accept-encoding", "gzip, br")
        .header("connection", "keep-alive, x-hop")
        .header("x-hop", "1");
    let got = stage.send(request.body(held(CHAT)).unwrap()).await;
    assert_eq!((got.status, &got.body[..]), (StatusCode::OK, ANSWER.as_bytes()));
    assert!(got.headers.contains_key("x-clawplane-request-id"));
    let heard = stage.vendor.last();
    assert_eq!(heard.uri, "/v1/chat/completions?a=%20b&c");
    assert_eq!(&heard.body[..], CHAT.as_bytes(), "byte for byte");
    assert_eq!(heard.headers["authorization"], "Bearer sk-vendor");
    assert_eq!(heard.headers["accept-encoding"], "identity");
    assert_eq!(heard.headers["openai-beta"], "x=1");
    assert_eq!(heard.headers["user-agent"], "sdk/9");
    assert_eq!(heard.headers["host"], stage.vendor.address.to_string());
    for name in ["cookie", "x-hop", "x-api-key", "transfer-encoding"] {
        assert!(!heard.headers.contains_key(name), "{name}");
    }
    assert!(!format!("{heard:?}").contains("tok\""), "{heard:?}");
}

#[tokio::test]
async fn every_place_of_a_token_works_for_every_vendor() {
    let stage = Stage::new(|_| Script::json("{}")).await;
    for (vendor, path, header) in [
        ("anthropic", "v1/messages", "x-api-key"),
        ("google", "v1beta/models/g:generateContent", "x-goog-api-key"),
        ("azure-openai", "openai/v1/chat/completions", "api-key"),
        ("openai", "v1/chat/completions", "authorization"),
    ] {
        stage.key(vendor, "").await;
        for (name, value) in [
            ("authorization", "Bearer tok"),
            ("x-api-key", "tok"),
            ("api-key", "tok"),
            ("x-goog-api-key", "tok"),
        ] {
            let request = stage.post(&format!("{vendor}/{path}"), "{}").header(name, value);
            let request = request.header("anthropic-version", "2023-06-01");
            let got = stage.send(request.body(held("{}")).unwrap()).await;
            assert_eq!(got.status, StatusCode::OK, "{vendor} {name}");
            let heard = stage.vendor.last();
            assert_eq!(heard.headers["anthropic-version"], "2023-06-01");
            assert!(heard.headers[header].to_str().unwrap().ends_with("sk-vendor"), "{vendor} {name}");
            let keys = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];
            assert_eq!(
                keys.iter().filter(|name| heard.headers.contains_key(**name)).count(),
                1,
                "{vendor} {name}"
            );
        }
        let got =
            stage.send(stage.post(&format!("{vendor}/{path}?key=tok"), "{}").body(held("{}")).unwrap()).await;
        assert_eq!((got.status, stage.vendor.last().uri.query()), (StatusCode::OK, None));
    }
}

#[tokio::test]
async fn two_tenants_never_meet() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.key("openai", "/mine").await;
    let other = TenantId(fresh());
    stage.world.bot(other, "other-tok", &[], None);
    stage.world.key(other, "groq", "gsk-other", Some(&stage.base("/other")));
    stage.followed().await;
    assert_eq!(stage.ask("openai/chat/completions", CHAT).await.status, StatusCode::OK);
    let mine = stage.ask("groq/chat/completions", CHAT).await;
    assert_eq!(
        (mine.status, &mine.json()["error"]["code"]),
        (StatusCode::BAD_REQUEST, &"no_provider_key".into())
    );
    let request = stage.post("openai/chat/completions", CHAT).header("authorization", "Bearer other-tok");
    assert_eq!(stage.send(request.body(held(CHAT)).unwrap()).await.status, StatusCode::BAD_REQUEST);
    let paths: Vec<_> = stage.vendor.heard().iter().map(|heard| heard.uri.path().to_owned()).collect();
    assert_eq!(paths, ["/mine/chat/completions"]);
    let usage = stage.world.wait_for(3).await;
    assert_eq!(usage.iter().filter(|usage| usage.tenant_id == other).count(), 1);
    assert_eq!(usage.iter().filter(|usage| usage.key_id.is_some()).count(), 1);
}

#[tokio::test]
async fn refusals_speak_the_vendors_language() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.world.bot(stage.tenant, "old", &[], Some(at("2026-11-20T11:59:59Z")));
    stage.followed().await;
    let refused = async |path: &str, token: &str| {
        let request = stage.post(path, CHAT).header("authorization", format!("Bearer {token}"));
        let got = stage.send(request.body(held(CHAT)).unwrap()).await;
        (got.status.as_u16(), got.json())
    };
    let (status, body) = refused("openai/chat/completions", "guess").await;
    assert_eq!((status, &body["error"]["code"]), (401, &"invalid_token".into()));
    let (status, body) = refused("anthropic/v1/messages", "guess").await;
    assert_eq!((status, &body["error"]["type"]), (401, &"authentication_error".into()));
    let (status, body) = refused("google/v1beta/models/g:generateContent", "guess").await;
    assert_eq!((status, &body["error"]["status"]), (401, &"UNAUTHENTICATED".into()));
    let (status, body) = refused("openai/chat/completions", "old").await;
    assert_eq!((status, &body["error"]["code"]), (401, &"token_expired".into()));
    let (status, body) = refused("nobody/chat", "tok").await;
    assert_eq!((status, &body["error"]["code"]), (404, &"unknown_vendor".into()));
    let (status, body) = refused("openai/chat/completions", "tok").await;
    assert_eq!((status, &body["error"]["code"]), (400, &"no_provider_key".into()));
    assert!(body["error"]["message"].as_str().unwrap().contains("POST /api/provider-key"));
    let usage = stage.world.wait_for(2).await;
    let codes: Vec<_> = usage.iter().map(|usage| (usage.status, usage.error.as_deref().unwrap())).collect();
    assert_eq!(
        codes,
        [(404, "unknown_vendor"), (400, "no_provider_key")],
        "those of a known token are recorded"
    );
    assert!(stage.vendor.heard().is_empty());
}

#[tokio::test]
async fn a_revoked_token_and_a_deleted_key_are_refused() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    let key = stage.world.key(stage.tenant, "openai", "sk", Some(&stage.base("")));
    stage.followed().await;
    assert_eq!(stage.ask("openai/chat/completions", CHAT).await.status, 200);
    stage.world.delete_key(stage.tenant, key);
    stage.followed().await;
    assert_eq!(stage.ask("openai/chat/completions", CHAT).await.status, 400);
    stage.world.delete_bot(stage.tenant, stage.bot);
    stage.followed().await;
    assert_eq!(stage.ask("openai/chat/completions", CHAT).await.status, 401);
}

#[tokio::test]
async fn a_base_url_that_leads_inside_is_not_followed() {
    let stage = Stage::with(
        |_| Script::json(ANSWER),
        |config| config.upstream_allow = crate::UpstreamAllow::default(),
    )
    .await;
    stage.key("openai", "").await;
    stage.world.key(
        stage.tenant,
        "groq",
        "sk",
        Some(&format!("https://localhost:{}", stage.vendor.address.port())),
    );
    stage.followed().await;
    for vendor in ["openai", "groq"] {
        let got = stage.ask(&format!("{vendor}/chat/completions"), CHAT).await;
        assert_eq!(
            (got.status.as_u16(), &got.json()["error"]["code"]),
            (403, &"upstream_not_allowed".into())
        );
    }
    assert!(stage.vendor.heard().is_empty());
    let usage = stage.world.wait_for(2).await;
    assert!(
        usage
            .iter()
            .all(|usage| usage.tokens.total() == 0 && usage.cost_micros == Some(0) && !usage.estimated)
    );
}

#[tokio::test]
async fn a_path_cannot_leave_its_base() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.key("openai", "/v1").await;
    let got = stage.ask("openai/%2e%2e/admin", "{}").await;
    assert_eq!((got.status.as_u16(), &got.json()["error"]["code"]), (400, &"invalid_path".into()));
    assert!(stage.vendor.heard().is_empty());
}
