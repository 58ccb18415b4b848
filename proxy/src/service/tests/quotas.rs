//! Quotas of bots and tenants, under load, and shared by two proxies.

use super::*;
use clawplane_domain::quota::{QuotaLimits, QuotaSubject, Threshold, UnknownPrice};
use futures::future::join_all;

/// Costs what is reserved for it: 1,000 tokens of input, 100 of output.
fn exact() -> String {
    let start = r#"{"model":"gpt-4o-mini","max_tokens":100,"messages":[{"role":"user","content":""#;
    let end = r#""}]}"#;
    format!("{start}{}{end}", "x".repeat(4000 - start.len() - end.len()))
}

fn daily(tokens: u64) -> QuotaLimits {
    QuotaLimits { daily_tokens: Some(tokens), ..QuotaLimits::default() }
}

impl Stage {
    async fn limit(&self, subject: QuotaSubject, limits: impl Into<Option<QuotaLimits>>) {
        self.world.limit(subject, limits.into());
        self.followed().await;
    }

    fn of_bot(&self) -> QuotaSubject {
        QuotaSubject::bot(self.tenant, self.bot)
    }

    fn of_tenant(&self) -> QuotaSubject {
        QuotaSubject::tenant(self.tenant)
    }

    /// `each` requests one after the other by `clients` at once, at one of several proxies; their statuses.
    async fn load(&self, addresses: &[SocketAddr], clients: usize, each: usize) -> Vec<u16> {
        let body = exact();
        let client = |n: usize| {
            let (address, body) = (addresses[n % addresses.len()], body.as_str());
            async move {
                let mut statuses = Vec::new();
                for _ in 0..each {
                    let request = Request::post(format!("http://{address}/api/v1/openai/chat/completions"))
                        .header("content-type", "application/json")
                        .header("content-length", body.len())
                        .header("authorization", "Bearer tok");
                    statuses.push(self.send(request.body(held(body)).unwrap()).await.status.as_u16());
                }
                statuses
            }
        };
        join_all((0..clients).map(client)).await.concat()
    }

    /// Another proxy on the same world. Its client may reach it.
    async fn second(&mut self) -> (Proxy, SocketAddr, CancellationToken, TaskTracker, TempDir) {
        let spool = tempfile::tempdir().unwrap();
        let mut config = ProxyConfig::new(spool.path());
        config.upstream_allow = self.vendor.address.to_string().parse().unwrap();
        let (proxy, address, _, cancel, tasks) = start(config, &self.world, &self.clock).await;
        let allowed = format!("{},{address}", self.address);
        self.client = crate::connect::client(allowed.parse().unwrap(), Duration::from_secs(5), &[]).unwrap();
        (proxy, address, cancel, tasks, spool)
    }
}

fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|seen| **seen == status).count()
}

#[tokio::test]
async fn what_a_tenant_has_used_up_no_bot_of_it_has() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.key("openai", "").await;
    stage.limit(stage.of_tenant(), daily(1500)).await;
    assert_eq!([stage.chat().await.status, stage.chat().await.status], [200, 200]);
    let got = stage.chat().await;
    assert_eq!((got.status.as_u16(), &got.json()["error"]["code"]), (429, &"quota_exceeded".into()));
    assert_eq!(got.json()["error"]["type"], "insufficient_quota");
    assert!(got.json()["error"]["message"].as_str().unwrap().contains("the tenant's quota"));
    assert_eq!(got.headers["retry-after"], (12 * 3600).to_string());
    stage.limit(stage.of_tenant(), None).await;
    assert_eq!(stage.chat().await.status, 200);
}

#[tokio::test]
async fn a_limit_on_money_says_what_it_does_with_an_unknown_price() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.key("openai", "").await;
    let ask = || stage.ask("openai/chat/completions", r#"{"model":"house-blend","messages":[]}"#);
    assert_eq!(ask().await.status, 200, "nobody limits money");
    let refuse = QuotaLimits { monthly_cost_micros: Some(1_000_000), ..QuotaLimits::default() };
    for subject in [stage.of_bot(), stage.of_tenant()] {
        stage.limit(subject, refuse).await;
        let got = ask().await;
        assert_eq!((got.status.as_u16(), &got.json()["error"]["code"]), (403, &"unknown_price".into()));
        assert!(got.json()["error"]["message"].as_str().unwrap().contains("house-blend"));
        assert_eq!(got.headers["x-should-retry"], "false");
        assert_eq!(stage.chat().await.status, 200, "the price of this one is known");
        stage.limit(subject, QuotaLimits { unknown_price: UnknownPrice::Allow, ..refuse }).await;
        assert_eq!(ask().await.status, 200);
    }
}

#[tokio::test]
async fn limits_are_told_on_every_answer_and_refusal() {
    let stage = Stage::new(|_| {
        let mut script = Script::json(ANSWER);
        script.headers.push(("x-ratelimit-limit-requests", "9999".to_owned()));
        script.headers.push(("x-ratelimit-remaining-tokens", "777".to_owned()));
        script
    })
    .await;
    stage.key("openai", "").await;
    let got = stage.chat().await;
    assert_eq!(got.headers["x-ratelimit-limit-requests"], "9999", "the vendor's own");
    let limits = QuotaLimits { requests_per_minute: Some(2), ..QuotaLimits::default() };
    stage.limit(stage.of_bot(), limits).await;
    stage.limit(stage.of_tenant(), daily(100_000)).await;
    let got = stage.chat().await;
    let header =
        |got: &Got, name: &str| got.headers[&format!("x-ratelimit-{name}")].to_str().unwrap().to_owned();
    assert_eq!(
        ["limit-requests", "remaining-requests", "reset-requests"].map(|name| header(&got, name)),
        ["2", "1", "1m1s"]
    );
    // 1,100 were used before the quota was set, and an estimate is reserved.
    let reserved = 512 + CHAT.len().div_ceil(4);
    assert_eq!(header(&got, "limit-tokens"), "100000");
    assert_eq!(header(&got, "remaining-tokens"), (100_000 - 1100 - reserved).to_string());
    assert_eq!(header(&got, "reset-tokens"), "12h0m0s");
    assert_eq!(stage.chat().await.status, 200);
    let got = stage.chat().await;
    assert_eq!((got.status.as_u16(), &got.json()["error"]["code"]), (429, &"rate_limit_exceeded".into()));
    assert_eq!(got.json()["error"]["type"], "rate_limit_error");
    assert_eq!(
        (header(&got, "remaining-requests").as_str(), got.headers["retry-after"].to_str().unwrap()),
        ("0", "61")
    );
    assert!(got.headers.get("x-should-retry").is_none(), "it passes soon");
    assert_eq!(header(&got, "remaining-tokens"), (100_000 - 3 * 1100).to_string());
}

#[tokio::test]
async fn two_hundred_at_once_use_a_limit_up_exactly() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.key("openai", "").await;
    stage.limit(stage.of_bot(), daily(110_000)).await;
    stage.limit(stage.of_tenant(), daily(165_000)).await;
    let statuses = stage.load(&[stage.address], 200, 2).await;
    assert_eq!((count(&statuses, 200), count(&statuses, 429)), (100, 300));
    assert_eq!(stage.vendor.heard().len(), 100);
}

#[tokio::test]
async fn an_estimate_that_was_wrong_passes_a_limit_by_what_was_in_flight() {
    let answer = ANSWER.replace("1000", "1400");
    let stage = Stage::new(move |_| Script::json(&answer)).await;
    stage.key("openai", "").await;
    stage.limit(stage.of_bot(), daily(300_000)).await;
    let statuses = stage.load(&[stage.address], 200, 3).await;
    let used = count(&statuses, 200) * 1500;
    // Each was underestimated by 400.
    assert!((300_000..=300_000 + 200 * 400).contains(&used), "{used}");
}

#[tokio::test]
async fn a_mostly_unused_quota_refuses_nobody() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.key("openai", "").await;
    // All that is reserved at once is half of it, and in the end a third is used.
    stage.limit(stage.of_bot(), daily(660_000)).await;
    stage.limit(stage.of_tenant(), QuotaLimits { monthly_tokens: Some(660_000), ..daily(700_000) }).await;
    let begun = std::time::Instant::now();
    let statuses = stage.load(&[stage.address], 200, 1).await;
    assert_eq!(count(&statuses, 200), 200);
    assert!(begun.elapsed() < Duration::from_secs(10));
    let asked = stage.world.desk.lock().unwrap().asked;
    assert!(asked <= 20, "one proxy alone asks seldom: {asked}");
}

#[tokio::test]
async fn requests_that_hold_all_of_a_quota_make_others_wait_and_not_fail() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.key("openai", "").await;
    // Each reserves 1,512 tokens and uses 1,100: the quota is enough for all of them, one after the other.
    stage.limit(stage.of_bot(), daily(250_000)).await;
    let body = exact().replace("\"max_tokens\":100", "\"max_tokens\":999");
    let asks = (0..200).map(|_| stage.ask("openai/chat/completions", &body));
    let statuses: Vec<_> = join_all(asks).await.iter().map(|got| got.status.as_u16()).collect();
    assert_eq!(count(&statuses, 200), 200, "220,000 tokens of 250,000");
}

#[tokio::test]
async fn two_proxies_share_one_quota() {
    let mut stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.key("openai", "").await;
    let (_proxy, other, cancel, tasks, _spool) = stage.second().await;
    stage.limit(stage.of_bot(), daily(220_000)).await;
    let both = [stage.address, other];
    let statuses = stage.load(&both, 200, 2).await;
    let served = count(&statuses, 200);
    // Neither knows of the other's usage but through the desk.
    assert!(served <= 200, "{served} times 1,100 tokens of 220,000");
    assert!(served >= 180, "what the one does not use the other gets: {served}");
    assert_eq!(served + count(&statuses, 429), 400);
    cancel.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test]
async fn two_proxies_refuse_nothing_of_a_mostly_unused_quota() {
    let mut stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.key("openai", "").await;
    let (_proxy, other, ..) = stage.second().await;
    stage.limit(stage.of_bot(), daily(1_500_000)).await;
    let statuses = stage.load(&[stage.address, other], 200, 2).await;
    assert_eq!(count(&statuses, 200), 400);
}

#[tokio::test]
async fn slices_are_given_back_at_the_end() {
    let mut stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.key("openai", "").await;
    stage.limit(stage.of_bot(), daily(100_000)).await;
    assert_eq!(stage.chat().await.status, 200);
    assert_eq!(stage.world.desk.lock().unwrap().returned, 0);
    let (_proxy, other, ..) = stage.second().await;
    stage.cancel.cancel();
    stage.tasks.close();
    tokio::time::timeout(Duration::from_secs(10), stage.tasks.wait()).await.unwrap();
    assert_eq!(stage.world.desk.lock().unwrap().returned, 1);
    // All that is left is there for the other one.
    let statuses = stage.load(&[other], 20, 5).await;
    let served = count(&statuses, 200);
    assert!((88..=90).contains(&served), "98,900 tokens were left: {served}");
}

#[tokio::test]
async fn without_the_desk_a_proxy_goes_by_what_it_knows() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.key("openai", "").await;
    stage.limit(stage.of_bot(), daily(11_000)).await;
    stage.world.down.store(true, std::sync::atomic::Ordering::SeqCst);
    let statuses = stage.load(&[stage.address], 5, 5).await;
    assert_eq!((count(&statuses, 200), count(&statuses, 429)), (10, 15));
    stage.world.down.store(false, std::sync::atomic::Ordering::SeqCst);
    stage.limit(stage.of_bot(), daily(22_000)).await;
    let statuses = stage.load(&[stage.address], 5, 5).await;
    assert_eq!((count(&statuses, 200), count(&statuses, 429)), (10, 15), "what was used meanwhile counts");
}

#[tokio::test]
async fn thresholds_are_said() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.key("openai", "").await;
    stage.limit(stage.of_tenant(), daily(3000)).await;
    let stage = &stage;
    let reached = |count: usize| async move {
        let seen = async {
            loop {
                let reached = stage.world.desk.lock().unwrap().reached.clone();
                if reached.len() >= count {
                    return reached;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), seen).await.unwrap()
    };
    for _ in 0..3 {
        assert_eq!(stage.chat().await.status, 200);
    }
    let full = reached(1).await.pop().unwrap();
    assert_eq!((full.0, full.1.percent, full.1.of), (stage.of_tenant(), Threshold::Full, 3000));
    stage.clock.set("2026-11-21T00:00:01Z");
    for _ in 0..2 {
        assert_eq!(stage.chat().await.status, 200);
    }
    stage.limit(stage.of_tenant(), daily(2700)).await;
    let near = reached(2).await.pop().unwrap().1;
    assert_eq!((near.percent, near.used), (Threshold::Near, 2200));
    assert_eq!(near.window_start, crate::testing::at("2026-11-21T00:00:00Z"));
}
