//! Second tries: only before the first byte, only what can be sent again, and honestly accounted.

use super::{keys::*, *};
use fake::End;

#[tokio::test]
async fn a_silent_key_is_left_and_what_it_may_have_cost_is_estimated() {
    let silent = || Script { silent: true, ..Script::json("") };
    let stage =
        Stage::with(bad(silent), |config| config.timeouts.first_byte = Duration::from_millis(80)).await;
    let bad = stage.openai("sk-bad");
    stage.followed().await;
    assert_eq!(Stage::code(&stage.chat().await), "upstream_first_byte_timeout", "there is no other");
    stage.world.wait_for_history(bad, &["added", "cooled"]).await;
    stage.clock.set("2026-11-20T12:00:01Z");
    // Nothing but the bad one is due, until the good one is there.
    let good = stage.openai("sk-good");
    stage.followed().await;
    let mut tries = 0;
    while !stage.world.history(bad).ends_with(&["cooled".into(), "cooled".into()]) {
        assert_eq!(stage.chat().await.status, 200);
        tries += 1;
        assert!(tries <= 3, "it gets its probe at its turn");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let usage = stage.world.wait_for(1 + tries).await;
    let retried = usage.iter().find(|usage| usage.attempts == 2).unwrap();
    let input = CHAT.len().div_ceil(4) as u64;
    assert_eq!((retried.key_id, retried.status), (Some(good), 200));
    assert_eq!((retried.tokens.input_tokens, retried.tokens.output_tokens), (1000 + input, 100));
    assert!(retried.estimated && !retried.interrupted);
}

#[tokio::test]
async fn a_vendor_that_is_away_is_left_and_costs_nothing() {
    let stage = Stage::with(
        |_| Script::json(ANSWER),
        |config| {
            config.upstream_allow = "127.0.0.0/8".parse().unwrap();
        },
    )
    .await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let away = stage.world.key(stage.tenant, "openai", "sk-away", Some(&format!("http://{nobody}")));
    let good = stage.openai("sk-good");
    stage.followed().await;
    for _ in 0..2 {
        assert_eq!(stage.chat().await.status, 200);
    }
    stage.world.wait_for_history(away, &["added", "cooled"]).await;
    let usage = stage.world.wait_for(2).await;
    assert!(usage.iter().all(|usage| usage.key_id == Some(good) && usage.tokens.input_tokens == 1000));
    assert!(usage.iter().all(|usage| !usage.estimated), "nobody heard of the first try");
    assert_eq!(usage.iter().filter(|usage| usage.attempts == 2).count(), 1);
}

#[tokio::test]
async fn an_answer_is_better_than_none() {
    let stage = Stage::with(
        |heard| match key_of(heard) {
            "sk-error" => error(500),
            _ => Script { silent: true, ..Script::json("") },
        },
        |config| config.timeouts.first_byte = Duration::from_millis(80),
    )
    .await;
    let first = stage.openai("sk-error");
    stage.openai("sk-silent");
    stage.followed().await;
    let got = stage.chat().await;
    // Whichever had the first turn: the client gets the vendor's own answer.
    assert_eq!((got.status.as_u16(), got.json()["error"]["message"].as_str()), (500, Some("no")));
    let usage = stage.world.wait_for(1).await.remove(0);
    assert_eq!((usage.status, usage.key_id, usage.attempts), (500, Some(first), 2));
    assert!(usage.estimated && usage.tokens.input_tokens > 0, "the silent one may have worked: {usage:?}");
}

#[tokio::test]
async fn tries_are_bounded() {
    let stage = Stage::new(|_| error(500)).await;
    for n in 0..6 {
        stage.openai(&format!("sk-{n}"));
    }
    stage.followed().await;
    assert_eq!(stage.chat().await.status, 500);
    let shown = stage.shown();
    let different: std::collections::BTreeSet<_> = shown.iter().collect();
    assert_eq!((shown.len(), different.len()), (3, 3));
    let usage = stage.world.wait_for(1).await;
    assert_eq!((usage.len(), usage[0].attempts, usage[0].status, usage[0].cost_micros), (1, 3, 500, Some(0)));
}

#[tokio::test]
async fn after_the_first_byte_there_is_no_second_try() {
    let stage = Stage::new(|_| Script::sse("data: {\"choices\":[]}\n\n").ending(End::Broken)).await;
    stage.openai("sk-a");
    stage.openai("sk-b");
    stage.followed().await;
    let request = stage.post("openai/chat/completions", CHAT_STREAM).header("authorization", "Bearer tok");
    let response = stage.open(request.body(held(CHAT_STREAM)).unwrap()).await;
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(stage.vendor.heard().len(), 1);
}

#[tokio::test]
async fn a_body_that_is_passed_on_is_sent_once() {
    let stage = Stage::new(|_| error(500)).await;
    stage.openai("sk-a");
    stage.openai("sk-b");
    stage.followed().await;
    let form = "--x\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n1\r\n--x--\r\n";
    let request = stage.post("openai/files", form).header("authorization", "Bearer tok");
    let mut request = request.body(held(form)).unwrap();
    request.headers_mut().insert("content-type", "multipart/form-data; boundary=x".parse().unwrap());
    assert_eq!(stage.send(request).await.status, 500);
    assert_eq!(stage.vendor.heard().len(), 1);
}

#[tokio::test]
async fn what_must_not_be_done_twice_is_not_sent_twice_unless_the_vendor_did_nothing() {
    for (status, tries) in [(500, 1), (429, 2), (401, 2)] {
        let stage = Stage::new(move |_| error(status)).await;
        stage.openai("sk-a");
        stage.openai("sk-b");
        stage.followed().await;
        let got = stage.ask("openai/batches", r#"{"input_file_id":"f"}"#).await;
        assert_eq!((got.status.as_u16(), stage.vendor.heard().len()), (status, tries));
    }
}

#[tokio::test]
async fn the_second_key_gets_the_same_request() {
    let stage = Stage::new(bad(|| error(503))).await;
    stage.openai("sk-bad");
    stage.openai("sk-good");
    stage.followed().await;
    for _ in 0..2 {
        let request = stage.post("openai/chat/completions?a=1", CHAT_STREAM);
        let request = request.header("authorization", "Bearer tok").header("openai-beta", "x=1");
        assert_eq!(stage.send(request.body(held(CHAT_STREAM)).unwrap()).await.status, 200);
    }
    let heard = stage.vendor.heard();
    assert_eq!(heard.len(), 3);
    for next in &heard[1..] {
        let first = &heard[0];
        assert_eq!((&next.method, &next.uri, &next.body), (&first.method, &first.uri, &first.body));
        assert!(next.headers["openai-beta"] == "x=1" && !next.headers.contains_key("x-api-key"));
        assert!(std::str::from_utf8(&next.body).unwrap().contains("include_usage"));
    }
}

#[tokio::test]
async fn a_long_error_is_passed_on_whole_and_in_order() {
    let pieces: Vec<_> = (0..40).map(|n| Bytes::from(format!("{n:01000}"))).collect();
    let whole = pieces.concat();
    let stage = Stage::new(move |_| Script { status: 500, ..Script::of("text/plain", pieces.clone()) }).await;
    stage.openai("sk-a");
    stage.followed().await;
    let got = stage.chat().await;
    assert_eq!(got.status, 500);
    assert!(got.body == whole, "{} bytes of {}", got.body.len(), whole.len());
}
