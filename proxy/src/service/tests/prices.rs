//! What administrators say of prices: from the next request on, and never for what is recorded.

use super::*;
use clawplane_domain::{
    PriceId,
    price::Rates,
    quota::{QuotaLimits, QuotaSubject},
    usage::UsageRecorded,
};
use fake::End;
use std::sync::atomic::Ordering;
use tokio::sync::Notify;

const BLEND: &str = r#"{"model":"house-blend","messages":[]}"#;

fn rates(input: u64, output: u64) -> Rates {
    Rates { input_micros: input, output_micros: output, ..Rates::default() }
}

/// An answer that names the model as the request did. 1000 tokens in, 100 out.
async fn stage() -> Stage {
    let stage = Stage::new(|heard| {
        let body: serde_json::Value = serde_json::from_slice(&heard.body).unwrap();
        Script::json(&ANSWER.replace("gpt-4o-mini-2024-07-18", body["model"].as_str().unwrap()))
    })
    .await;
    stage.key("openai", "").await;
    stage
}

impl Stage {
    async fn price(&self, id: PriceId, model: &str, rates: &Rates) {
        self.world.price(id, "openai", model, rates);
        self.followed().await;
    }

    /// The cost of the next request for `house-blend`, and by which price.
    async fn charged(&self) -> (Option<u64>, Option<String>) {
        let before = self.world.usage();
        assert_eq!(self.ask("openai/chat/completions", BLEND).await.status, 200);
        let after = self.world.wait_for(before.len() + 1).await;
        assert_eq!(after[..before.len()], before, "what is recorded stays as it is");
        let UsageRecorded { cost_micros, price_version, .. } = after.last().unwrap().clone();
        (cost_micros, price_version)
    }
}

#[tokio::test]
async fn a_price_counts_from_the_next_request_until_it_is_removed() {
    let (stage, id, wide) = (stage().await, PriceId(fresh()), PriceId(fresh()));
    assert_eq!(stage.charged().await, (None, None));
    stage.price(id, "house-blend", &rates(2_000_000, 3_000_001)).await;
    // 2000 for the input, 300.0001 for the output.
    assert_eq!(stage.charged().await, (Some(2301), Some(format!("price/{id}@1"))));
    stage.price(id, "house-blend", &rates(0, 0)).await;
    assert_eq!(stage.charged().await, (Some(0), Some(format!("price/{id}@2"))), "free is a price");
    stage.price(wide, "house-*", &rates(1_000_000, 0)).await;
    assert_eq!(stage.charged().await.0, Some(0), "the model itself counts before a pattern");
    stage.world.remove_price(id, "openai", "house-blend");
    stage.followed().await;
    assert_eq!(stage.charged().await, (Some(1000), Some(format!("price/{wide}@1"))));
    stage.world.remove_price(wide, "openai", "house-*");
    stage.followed().await;
    assert_eq!(stage.charged().await, (None, None));
}

#[tokio::test]
async fn what_is_said_counts_before_the_price_list_and_for_one_vendor() {
    let (stage, id) = (Stage::new(|_| Script::json(ANSWER)).await, PriceId(fresh()));
    stage.key("openai", "").await;
    stage.world.price(PriceId(fresh()), "groq", "gpt-4o-mini", &rates(7_000_000, 0));
    // The answer names the dated model, which the list knows; the price is for the name that was asked for.
    stage.price(id, "gpt-4o-mini", &rates(1_000_000, 1_000_000)).await;
    stage.ask("openai/chat/completions", CHAT).await;
    stage.world.remove_price(id, "openai", "gpt-4o-mini");
    stage.followed().await;
    stage.world.wait_for(1).await;
    stage.ask("openai/chat/completions", CHAT).await;
    let usage = stage.world.wait_for(2).await;
    let charged: Vec<_> =
        usage.iter().map(|usage| (usage.cost_micros, usage.price_version.clone())).collect();
    let list = (Some(210), Some(crate::price::VERSION.to_owned()));
    assert_eq!(charged, [(Some(1100), Some(format!("price/{id}@1"))), list]);
}

#[tokio::test]
async fn a_request_is_charged_as_it_was_known_when_it_arrived() {
    let gate = Arc::new(Notify::new());
    let held_back = Arc::clone(&gate);
    let stage =
        Stage::new(move |_| Script { gate: Some(Arc::clone(&held_back)), ..Script::json(ANSWER) }).await;
    let id = PriceId(fresh());
    stage.key("openai", "").await;
    stage.price(id, "gpt-*", &rates(1_000_000, 0)).await;
    let change = async {
        stage.vendor.arrival().await;
        stage.price(id, "gpt-*", &rates(9_000_000, 0)).await;
        gate.notify_one();
    };
    let (got, ()) = tokio::join!(stage.ask("openai/chat/completions", CHAT), change);
    assert_eq!(got.status, 200);
    let usage = stage.world.wait_for(1).await.remove(0);
    assert_eq!((usage.cost_micros, usage.price_version), (Some(1000), Some(format!("price/{id}@1"))));
}

#[tokio::test]
async fn a_unit_without_a_rate_leaves_the_price_unknown() {
    let answer = r#"{"id":"m","type":"message","role":"assistant","model":"claude-x","content":[],"stop_reason":"end_turn",
        "usage":{"input_tokens":1000,"output_tokens":100,"server_tool_use":{"web_search_requests":2}}}"#;
    let (stage, id) = (Stage::new(move |_| Script::json(answer)).await, PriceId(fresh()));
    stage.key("anthropic", "").await;
    let searches = Rates { web_search_micros: Some(10_000), ..rates(1_000_000, 0) };
    for (count, (rates, cost)) in (1..).zip([(rates(1_000_000, 0), None), (searches, Some(21_000))]) {
        stage.world.price(id, "anthropic", "claude-x", &rates);
        stage.followed().await;
        let got =
            stage.ask("anthropic/v1/messages", r#"{"model":"claude-x","max_tokens":9,"messages":[]}"#).await;
        assert_eq!(got.status, 200);
        let usage = stage.world.wait_for(count).await;
        assert_eq!(usage.last().unwrap().tokens.details.web_searches, 2);
        assert_eq!(usage.last().unwrap().cost_micros, cost);
        assert_eq!(usage.last().unwrap().price_version.is_some(), cost.is_some());
    }
}

#[tokio::test]
async fn a_price_opens_a_quota_that_refuses_the_unknown() {
    let (stage, id) = (stage().await, PriceId(fresh()));
    // The first request takes half of it.
    let limits = QuotaLimits { daily_cost_micros: Some(4000), ..QuotaLimits::default() };
    stage.world.limit(QuotaSubject::bot(stage.tenant, stage.bot), Some(limits));
    stage.followed().await;
    let refused = stage.ask("openai/chat/completions", BLEND).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]["code"]), (403, &"unknown_price".into()));
    stage.price(id, "house-blend", &rates(2_000_000, 0)).await;
    for status in [200, 200, 429] {
        assert_eq!(stage.ask("openai/chat/completions", BLEND).await.status, status);
    }
    let costs: Vec<_> = stage.world.wait_for(4).await.iter().map(|usage| usage.cost_micros).collect();
    assert_eq!(
        costs,
        [Some(0), Some(2000), Some(2000), Some(0)],
        "what was refused is known to cost nothing"
    );
}

#[tokio::test]
async fn what_a_crash_left_is_priced_by_what_is_said() {
    let mut stage = Stage::new(|_| Script::sse("data: {\"choices\":[]}\n\n").ending(End::Hang)).await;
    stage.key("openai", "").await;
    stage.world.down.store(true, Ordering::SeqCst);
    let hanging = r#"{"model":"house-blend","stream":true}"#;
    let request = stage.post("openai/chat/completions", hanging).header("authorization", "Bearer tok");
    let response = stage.open(request.body(held(hanging)).unwrap()).await;
    let after = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(stage.spool_dir()).unwrap() {
        let path = file.unwrap().path();
        std::fs::copy(&path, after.path().join(path.file_name().unwrap())).unwrap();
    }
    drop(response);
    stage.spool = None;
    let (world, id) = (Arc::new(World::default()), PriceId(fresh()));
    world.price(id, "openai", "house-blend", &rates(2_000_000, 0));
    let (_, _, _, cancel, tasks) = start(ProxyConfig::new(after.path()), &world, &stage.clock).await;
    let usage = world.wait_for(1).await.remove(0);
    assert!(usage.estimated && usage.tokens.input_tokens > 0, "{usage:?}");
    let cost = Some(2 * usage.tokens.input_tokens);
    assert_eq!((usage.cost_micros, usage.price_version), (cost, Some(format!("price/{id}@1"))));
    cancel.cancel();
    tasks.close();
    tasks.wait().await;
}
