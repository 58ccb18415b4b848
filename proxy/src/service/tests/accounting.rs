//! What a usage event says of an ordinary request.

use super::*;
use clawplane_domain::usage::Tokens;

#[tokio::test]
async fn a_request_is_one_event_with_everything_in_it() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    let key = stage.world.key(stage.tenant, "openai", "sk", Some(&stage.base("")));
    stage.followed().await;
    let got = stage.ask("openai/chat/completions", CHAT).await;
    let usage = stage.world.wait_for(1).await.remove(0);
    assert_eq!(got.headers["x-clawplane-request-id"], usage.request_id.to_string());
    assert_eq!((usage.tenant_id, usage.bot_id, usage.key_id), (stage.tenant, stage.bot, Some(key)));
    assert_eq!((usage.vendor.as_str(), usage.model.unwrap().as_str()), ("openai", "gpt-4o-mini-2024-07-18"));
    assert_eq!(usage.tokens, Tokens { input_tokens: 1000, output_tokens: 100, ..Tokens::default() });
    assert_eq!((usage.status, usage.error, usage.stream), (200, None, false));
    assert_eq!((usage.cost_micros, usage.price_version.as_deref()), (Some(210), Some("genai-prices 0.2.1")));
    assert!(!usage.estimated && !usage.interrupted && usage.ttfb_ms.is_some());
    assert_eq!(usage.at, crate::testing::at("2026-11-20T12:00:00Z"));
}

#[tokio::test]
async fn an_unknown_price_is_none_and_an_unknown_model_of_the_answer_falls_back() {
    let stage = Stage::new(|heard| {
        let model = heard.headers["x-model"].to_str().unwrap();
        Script::json(&ANSWER.replace("gpt-4o-mini-2024-07-18", model))
    })
    .await;
    stage.key("openai", "").await;
    let rounds = [("house-blend", "house-blend", None), ("gpt-4o-mini", "who-knows", Some(210))];
    for (count, (asked, answered, cost)) in (1..).zip(rounds) {
        let body = CHAT.replace("gpt-4o-mini", asked);
        let request = stage.post("openai/chat/completions", &body).header("authorization", "Bearer tok");
        stage.send(request.header("x-model", answered).body(held(&body)).unwrap()).await;
        let usage = stage.world.wait_for(count).await;
        let last =
            usage.iter().find(|usage| usage.model.as_ref().is_some_and(|model| model.as_str() == answered));
        assert_eq!(last.unwrap().cost_micros, cost);
    }
}

#[tokio::test]
async fn reading_costs_nothing() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.key("openai", "").await;
    let request = Request::get(format!("http://{}/api/v1/openai/responses/r", stage.address));
    let got = stage.send(request.header("authorization", "Bearer tok").body(held("")).unwrap()).await;
    assert_eq!((got.status, &got.body[..]), (StatusCode::OK, ANSWER.as_bytes()));
    let heard = stage.vendor.last();
    assert_eq!((heard.method, heard.body.len()), (http::Method::GET, 0));
    let usage = stage.world.wait_for(1).await.remove(0);
    assert_eq!((usage.tokens.total(), usage.cost_micros, usage.estimated), (0, Some(0), false));
}

#[tokio::test]
async fn many_at_once_are_each_recorded_once() {
    let stage = Arc::new(Stage::new(|_| Script::json(ANSWER)).await);
    stage.key("openai", "").await;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let stage = Arc::clone(&stage);
            tokio::spawn(async move {
                for _ in 0..25 {
                    assert_eq!(stage.ask("openai/chat/completions", CHAT).await.status, 200);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    stage.world.wait_for(400).await;
    let stored = stage.world.stored();
    assert_eq!(stored.len(), 1);
    assert_eq!(stored.values().next().unwrap(), &(1..=400).collect::<Vec<u64>>(), "no number is missing");
}
