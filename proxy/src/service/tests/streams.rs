//! Streams of every format, in one piece and byte by byte.

use super::*;
use crate::meter::tests::streams;
use clawplane_domain::usage::Tokens;

fn bytes(text: &str, size: usize) -> Vec<Bytes> {
    text.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect()
}

#[tokio::test]
async fn every_format_is_metered_and_passed_unchanged_however_it_is_cut() {
    for (at, (_, kind, text, tokens, model)) in streams().into_iter().enumerate() {
        let (vendor, path, body) = [
            ("openai", "chat/completions", r#"{"stream":true,"stream_options":{"include_usage":true}}"#),
            ("openai", "responses", r#"{"stream":true}"#),
            ("anthropic", "v1/messages", r#"{"stream":true}"#),
            ("google", "v1beta/models/g:streamGenerateContent?alt=sse", "{}"),
            ("google", "v1beta/models/g:streamGenerateContent", "{}"),
            ("cohere", "v2/chat", r#"{"stream":true}"#),
            ("ollama", "api/chat", r#"{"model":"llama3"}"#),
        ][at];
        let whole = text.clone();
        let stage = Stage::new(move |heard| {
            let size = if heard.headers.contains_key("x-bytes") { 1 } else { whole.len() };
            Script::of(kind, bytes(&whole, size))
        })
        .await;
        stage.key(vendor, "").await;
        for split in [false, true] {
            let mut request = stage.post(&format!("{vendor}/{path}"), body).header("x-api-key", "tok");
            if split {
                request = request.header("x-bytes", "1");
            }
            let got = stage.send(request.body(held(body)).unwrap()).await;
            assert_eq!(String::from_utf8_lossy(&got.body), text, "{vendor}/{path} split: {split}");
            assert_eq!(stage.vendor.last().body, body.as_bytes(), "{vendor}/{path}");
        }
        for usage in stage.world.wait_for(2).await {
            assert_eq!(usage.tokens, tokens, "{vendor}/{path}");
            assert!(
                usage.stream && !usage.estimated && !usage.interrupted && usage.error.is_none(),
                "{usage:?}"
            );
            assert_eq!(usage.status, 200);
            if !model.is_empty() {
                assert_eq!(usage.model.unwrap().as_str(), model);
            }
        }
    }
}

#[tokio::test]
async fn usage_is_asked_for_and_kept_from_a_client_that_did_not_ask() {
    let text = streams().remove(0).2;
    let (before, rest) =
        text.split_once("data: {\"id\":\"c\",\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\"").unwrap();
    let after = rest.split_once("\n\n").unwrap().1;
    let visible = format!("{before}{after}");
    let whole = text.clone();
    let stage = Stage::new(move |heard| {
        let size = if heard.headers.contains_key("x-bytes") { 1 } else { 40 };
        Script::of("text/event-stream", bytes(&whole, size))
    })
    .await;
    stage.key("openai", "/v1").await;
    for name in ["x-none", "x-bytes"] {
        let request = stage
            .post("openai/chat/completions", CHAT_STREAM)
            .header("authorization", "Bearer tok")
            .header(name, "1");
        let got = stage.send(request.body(held(CHAT_STREAM)).unwrap()).await;
        assert_eq!(String::from_utf8_lossy(&got.body), visible);
        let sent = String::from_utf8(stage.vendor.last().body.to_vec()).unwrap();
        assert_eq!(sent, CHAT_STREAM.replacen('{', "{\"stream_options\":{\"include_usage\":true},", 1));
        assert_eq!(stage.vendor.last().headers["content-length"], sent.len().to_string());
    }
    let usage = stage.world.wait_for(2).await;
    assert!(usage.iter().all(|usage| usage.tokens.input_tokens == 100 && usage.tokens.output_tokens == 20));
}

#[tokio::test]
async fn it_is_not_asked_for_where_that_breaks() {
    let stage = Stage::new(|_| Script::sse("data: [DONE]\n\n")).await;
    for vendor in ["cohere", "mistral", "openai", "azure-openai"] {
        stage.key(vendor, "").await;
    }
    for path in [
        "cohere/chat/completions",
        "mistral/v1/chat/completions",
        "openai/v1/responses",
        "azure-openai/openai/deployments/d/chat/completions?api-version=2023-05-15",
    ] {
        stage.ask(path, CHAT_STREAM).await;
        assert_eq!(stage.vendor.last().body, CHAT_STREAM.as_bytes(), "{path}");
    }
    stage.ask("azure-openai/openai/deployments/d/chat/completions?api-version=2024-10-21", CHAT_STREAM).await;
    assert_ne!(stage.vendor.last().body, CHAT_STREAM.as_bytes());
    assert_eq!(stage.vendor.last().uri.query(), Some("api-version=2024-10-21"));
}

#[tokio::test]
async fn a_chunk_is_passed_on_while_the_vendor_still_thinks() {
    let first = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let stage = Stage::new(move |_| Script::sse(first).ending(fake::End::Hang)).await;
    stage.key("openai", "").await;
    let request = stage.post("openai/chat/completions", CHAT_STREAM).header("authorization", "Bearer tok");
    let mut response = stage.open(request.body(held(CHAT_STREAM)).unwrap()).await;
    let frame =
        tokio::time::timeout(Duration::from_secs(5), response.frame()).await.unwrap().unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), first);
}

#[tokio::test]
async fn compressed_answers_pass_and_are_estimated() {
    let stage = Stage::new(|_| {
        let mut script = Script::of("application/json", vec![Bytes::from_static(b"\x1f\x8b\x08not really")]);
        script.headers.push(("content-encoding", "gzip".to_owned()));
        script
    })
    .await;
    stage.key("openai", "").await;
    let got = stage.ask("openai/chat/completions", CHAT).await;
    assert_eq!(
        (&got.headers["content-encoding"], &got.body[..]),
        (&"gzip".parse().unwrap(), &b"\x1f\x8b\x08not really"[..])
    );
    let usage = stage.world.wait_for(1).await.remove(0);
    let estimate = Tokens { input_tokens: CHAT.len().div_ceil(4) as u64, ..Tokens::default() };
    assert_eq!((usage.tokens, usage.estimated, usage.interrupted), (estimate, true, false));
}
