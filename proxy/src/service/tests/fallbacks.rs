//! The next vendor: when it is asked, with what, and who is paid for it.

use super::{
    keys::{error, key_of},
    *,
};
use clawplane_domain::{
    provider_key::ApiType,
    quota::{QuotaLimits, QuotaSubject, UnknownPrice},
    usage::UsageRecorded,
};
use fake::{End, Heard};

const LLAMA: &str = "llama-3.3-70b-versatile";
const LLAMA_ANSWER: &str = r#"{"id":"c","model":"llama-3.3-70b-versatile","choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100}}"#;
/// 1,000 tokens of input and 100 of output at Groq.
const LLAMA_COST: Option<u64> = Some(669);

/// Who is asked, by the path that its key's base URL begins with.
fn vendor_of(heard: &Heard) -> String {
    heard.uri.path().split('/').nth(1).unwrap_or_default().to_owned()
}

impl Stage {
    /// A key at a path of its own, so that the fake vendor can tell who is asked.
    fn key_at(&self, vendor: &str) -> clawplane_domain::KeyId {
        let secret = format!("sk-{vendor}");
        self.world.key(self.tenant, vendor, &secret, Some(&self.base(&format!("/{vendor}"))))
    }

    async fn falls_back(&self, list: &[(&str, &str, &str)]) {
        self.world.fallbacks(self.tenant, self.bot, list);
        self.followed().await;
    }

    fn asked(&self) -> Vec<String> {
        self.vendor.heard().iter().map(vendor_of).collect()
    }

    async fn one_usage(&self) -> UsageRecorded {
        let usage = self.world.wait_for(1).await;
        assert_eq!(usage.len(), 1, "{usage:?}");
        usage.into_iter().next().unwrap()
    }
}

/// `openai` gives this, everybody else answers as Groq does.
fn openai_gives(script: impl Fn() -> Script + Send + Sync + 'static) -> impl Fn(&Heard) -> Script {
    move |heard| if vendor_of(heard) == "openai" { script() } else { Script::json(LLAMA_ANSWER) }
}

fn answered_by(got: &Got) -> Option<&str> {
    got.headers.get("x-clawplane-vendor").map(|value| value.to_str().unwrap())
}

fn code(got: &Got) -> (u16, String) {
    (got.status.as_u16(), Stage::code(got))
}

#[tokio::test]
async fn when_all_keys_fail_the_next_vendor_answers_and_is_paid() {
    for status in [401, 402, 403, 429, 500, 503] {
        let stage = Stage::new(openai_gives(move || error(status))).await;
        stage.key_at("openai");
        stage.key_at("openai");
        let groq = stage.key_at("groq");
        stage.falls_back(&[("openai", "groq", LLAMA)]).await;
        let body =
            "{ \"n\":1.0,\t\"model\" : \"gpt-4o-mini\",\r\n\"messages\":[{\"model\":\"gpt-4o-mini\"}] }\n";
        let request = stage
            .post("openai/v1/chat/completions?org=acme", body)
            .header("authorization", "Bearer tok")
            .header("openai-organization", "org-1")
            .header("cookie", "session=1")
            .header("x-acme", "1")
            .header("user-agent", "sdk/1");
        let got = stage.send(request.body(held(body)).unwrap()).await;
        assert_eq!((got.status, &got.body[..]), (StatusCode::OK, LLAMA_ANSWER.as_bytes()), "{status}");
        assert_eq!(answered_by(&got), Some("groq"));
        let heard = stage.vendor.heard();
        assert_eq!(stage.asked(), ["openai", "openai", "groq"]);
        let (first, last) = (&heard[0], &heard[2]);
        assert_eq!(first.body, body.as_bytes());
        assert_eq!(first.headers["openai-organization"], "org-1");
        let expected = body.replacen("\"gpt-4o-mini\"", &format!("\"{LLAMA}\""), 1);
        assert_eq!(std::str::from_utf8(&last.body).unwrap(), expected);
        assert_eq!(last.uri, "/groq/chat/completions");
        assert_eq!(key_of(last), "sk-groq");
        let names: Vec<_> = last.headers.keys().map(http::HeaderName::as_str).collect();
        for name in ["openai-organization", "cookie", "x-acme", "x-api-key"] {
            assert!(!names.contains(&name), "{names:?}");
        }
        assert_eq!(
            (&last.headers["user-agent"], &last.headers["accept-encoding"]),
            (&"sdk/1".parse().unwrap(), &"identity".parse().unwrap())
        );
        let usage = stage.one_usage().await;
        assert_eq!((usage.vendor.as_str(), usage.key_id, usage.attempts), ("groq", Some(groq), 3));
        assert_eq!(usage.model.as_ref().map(clawplane_domain::values::ModelId::as_str), Some(LLAMA));
        assert_eq!((usage.tokens.input_tokens, usage.tokens.output_tokens), (1000, 100));
        assert_eq!((usage.cost_micros, usage.status, usage.estimated), (LLAMA_COST, 200, false));
        assert!(usage.price_version.is_some());
    }
}

#[tokio::test]
async fn the_asked_vendor_answers_as_long_as_it_can() {
    let stage =
        Stage::new(|heard| if key_of(heard) == "sk-bad" { error(500) } else { Script::json(ANSWER) }).await;
    stage.world.key(stage.tenant, "openai", "sk-bad", Some(&stage.base("/openai")));
    stage.key_at("openai");
    stage.key_at("groq");
    stage.falls_back(&[("openai", "groq", LLAMA), ("groq", "openai", "")]).await;
    for _ in 0..3 {
        let got = stage.chat().await;
        assert_eq!((got.status, answered_by(&got)), (StatusCode::OK, None));
    }
    assert!(stage.asked().iter().all(|vendor| vendor == "openai"));
    let usage = stage.world.wait_for(3).await;
    assert!(usage.iter().all(|usage| usage.vendor.as_str() == "openai" && usage.cost_micros == Some(210)));
}

#[tokio::test]
async fn keys_that_are_down_are_not_asked_and_come_back() {
    let failing = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let fails = failing.clone();
    let stage = Stage::new(move |heard| match vendor_of(heard).as_str() {
        "openai" if fails.load(std::sync::atomic::Ordering::SeqCst) => error(503),
        "openai" => Script::json(ANSWER),
        _ => Script::json(LLAMA_ANSWER),
    })
    .await;
    let key = stage.key_at("openai");
    stage.key_at("groq");
    stage.falls_back(&[("openai", "groq", LLAMA)]).await;
    for _ in 0..3 {
        let got = stage.chat().await;
        assert_eq!((got.status, answered_by(&got)), (StatusCode::OK, Some("groq")));
    }
    assert_eq!(stage.asked(), ["openai", "groq", "groq", "groq"]);
    let sent = stage.vendor.heard();
    assert!(sent[1..].iter().all(|heard| heard.body == CHAT.replace("gpt-4o-mini", LLAMA).as_bytes()));
    stage.world.wait_for_history(key, &["added", "cooled"]).await;
    stage.clock.set("2026-11-20T12:05:00Z");
    failing.store(false, std::sync::atomic::Ordering::SeqCst);
    let got = stage.chat().await;
    assert_eq!((got.status, answered_by(&got)), (StatusCode::OK, None));
    let usage = stage.world.wait_for(4).await;
    let told: Vec<_> = usage.iter().map(|one| (one.vendor.as_str(), one.attempts, one.cost_micros)).collect();
    let groq = |attempts| ("groq", attempts, LLAMA_COST);
    assert_eq!(told, [groq(2), groq(1), groq(1), ("openai", 1, Some(210))]);
}

#[tokio::test]
async fn a_tenant_without_a_key_of_the_asked_vendor_is_answered_too() {
    let stage = Stage::new(openai_gives(|| error(500))).await;
    stage.key_at("groq");
    stage.falls_back(&[("openai", "groq", "")]).await;
    let got = stage.chat().await;
    assert_eq!((got.status, answered_by(&got)), (StatusCode::OK, Some("groq")));
    assert_eq!(stage.vendor.last().body, CHAT.as_bytes(), "the same model, so the same bytes");
    assert_eq!(stage.one_usage().await.vendor.as_str(), "groq");
    // Only what costs tokens: files, batches and lists are an account's own.
    for path in ["openai/batches", "openai/v1/responses/r/cancel"] {
        assert_eq!(code(&stage.ask(path, CHAT).await), (400, "no_provider_key".to_owned()), "{path}");
    }
    let listed = Request::get(format!("http://{}/api/v1/openai/models", stage.address));
    let listed = listed.header("authorization", "Bearer tok").body(UpstreamBody::held(Bytes::new())).unwrap();
    assert_eq!(stage.send(listed).await.status, 400);
    assert_eq!(stage.asked().len(), 1);
}

#[tokio::test]
async fn usage_is_asked_for_as_the_stand_in_wants_it() {
    let chunk = r#"data: {"choices":[{"delta":{"content":"hi"}}]}"#;
    let usage = r#"data: {"model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#;
    let sse = format!("{chunk}\n\n{usage}\n\ndata: [DONE]\n\n");
    for (from, to, stripped) in [("openai", "mistral", false), ("mistral", "openai", true)] {
        let (bad, text) = (from.to_owned(), sse.clone());
        let script = move |heard: &Heard| {
            if vendor_of(heard) == bad { error(500) } else { Script::sse(&text) }
        };
        let stage = Stage::new(script).await;
        stage.key_at(from);
        stage.key_at(to);
        stage.falls_back(&[(from, to, "other")]).await;
        let got = stage.ask(&format!("{from}/chat/completions"), CHAT_STREAM).await;
        assert_eq!((got.status, answered_by(&got)), (StatusCode::OK, Some(to)));
        let heard = stage.vendor.heard();
        let asks = |heard: &Heard| std::str::from_utf8(&heard.body).unwrap().contains("include_usage");
        assert_eq!((asks(&heard[0]), asks(&heard[1])), (!stripped, stripped));
        if !stripped {
            assert_eq!(heard[1].body, CHAT_STREAM.replace("gpt-4o-mini", "other").as_bytes());
        }
        let text = std::str::from_utf8(&got.body).unwrap();
        assert_eq!(text.contains("prompt_tokens"), !stripped, "{text}");
        let used = stage.one_usage().await;
        assert_eq!((used.tokens.input_tokens, used.tokens.output_tokens, used.estimated), (7, 3, false));
        assert!(used.stream && used.vendor.as_str() == to);
    }
}

#[tokio::test]
async fn after_the_first_byte_nobody_stands_in() {
    let broken =
        || Script::sse("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n").ending(End::Broken);
    let stage = Stage::new(openai_gives(broken)).await;
    stage.key_at("openai");
    stage.key_at("groq");
    stage.falls_back(&[("openai", "groq", LLAMA)]).await;
    let request = stage.post("openai/chat/completions", CHAT_STREAM).header("authorization", "Bearer tok");
    let response = stage.open(request.body(held(CHAT_STREAM)).unwrap()).await;
    assert_eq!(response.status(), 200);
    assert!(response.into_body().collect().await.is_err());
    let usage = stage.one_usage().await;
    assert_eq!((usage.vendor.as_str(), usage.attempts, usage.interrupted), ("openai", 1, true));
    assert_eq!(stage.asked(), ["openai"]);
}

#[tokio::test]
async fn what_is_not_held_or_names_no_model_is_not_sent_elsewhere() {
    let stage = Stage::new(openai_gives(|| error(500))).await;
    stage.key_at("groq");
    stage.falls_back(&[("openai", "groq", LLAMA)]).await;
    let ask = async |kind: &'static str, body: &'static str| {
        let request = Request::post(format!("http://{}/api/v1/openai/chat/completions", stage.address))
            .header("content-type", kind)
            .header("authorization", "Bearer tok");
        code(&stage.send(request.body(held(body)).unwrap()).await)
    };
    let refused = (400, "no_provider_key".to_owned());
    for body in ["{}", r#"{"model":"a","model":"b"}"#, r#"{"model":1}"#, "nothing"] {
        assert_eq!(ask("application/json", body).await, refused, "{body}");
    }
    assert_eq!(ask("multipart/form-data; boundary=x", "--x--").await, refused);
    assert!(stage.asked().is_empty());
    stage.key_at("openai");
    stage.followed().await;
    assert_eq!(ask("multipart/form-data; boundary=x", "--x--").await.0, 500);
    assert_eq!(stage.asked(), ["openai"]);
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_refused_before_anybody_is_asked() {
    let stage = Stage::with(openai_gives(|| error(500)), |config| config.max_body = 16).await;
    stage.key_at("openai");
    stage.key_at("groq");
    stage.falls_back(&[("openai", "groq", LLAMA)]).await;
    assert_eq!(code(&stage.chat().await), (413, "request_too_large".to_owned()));
    assert!(stage.asked().is_empty());
}

#[tokio::test]
async fn without_a_stand_in_that_can_the_asked_vendors_error_counts() {
    let stage = Stage::new(openai_gives(|| error(500))).await;
    let key = stage.key_at("openai");
    stage.falls_back(&[("openai", "groq", LLAMA)]).await;
    let got = stage.chat().await;
    assert_eq!((got.status.as_u16(), got.json()["error"]["message"].as_str()), (500, Some("no")));
    assert_eq!(answered_by(&got), None);
    stage.world.wait_for_history(key, &["added", "cooled"]).await;
    // Now it is not even asked, and the refusal is about both.
    let got = stage.chat().await;
    assert_eq!(code(&got), (503, "no_healthy_key".to_owned()));
    let message = got.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains(&key.to_string()) && message.contains("no provider key for `groq`"),
        "{message}"
    );
    assert!(got.headers.contains_key("retry-after"));
    let usage = stage.world.wait_for(2).await;
    assert!(usage.iter().all(|usage| usage.vendor.as_str() == "openai" && usage.attempts == 1));
}

#[tokio::test]
async fn a_stand_in_that_refuses_the_request_is_no_answer() {
    for status in [400, 404, 422, 500] {
        let stage = Stage::new(move |heard| match vendor_of(heard).as_str() {
            "openai" => Script { status: 503, ..Script::json(r#"{"error":{"message":"asked"}}"#) },
            _ => error(status),
        })
        .await;
        let key = stage.key_at("openai");
        stage.key_at("groq");
        stage.key_at("mistral");
        stage.falls_back(&[("openai", "groq", LLAMA), ("openai", "mistral", "")]).await;
        let got = stage.chat().await;
        assert_eq!((got.status.as_u16(), got.json()["error"]["message"].as_str()), (503, Some("asked")));
        assert_eq!(
            (answered_by(&got), stage.asked()),
            (None, ["openai", "groq", "mistral"].map(String::from).to_vec())
        );
        let usage = stage.one_usage().await;
        assert_eq!((usage.vendor.as_str(), usage.key_id, usage.attempts), ("openai", Some(key), 3));
        assert_eq!((usage.status, usage.cost_micros, usage.tokens.total()), (503, Some(0), 0));
        assert_eq!(usage.model.as_ref().map(clawplane_domain::values::ModelId::as_str), Some("gpt-4o-mini"));
    }
}

#[tokio::test]
async fn vendors_in_a_circle_are_asked_once_each() {
    let stage = Stage::new(|_| error(500)).await;
    for vendor in ["openai", "groq", "mistral"] {
        stage.key_at(vendor);
    }
    let circle =
        [("openai", "groq", ""), ("groq", "mistral", ""), ("mistral", "openai", ""), ("groq", "openai", "")];
    stage.falls_back(&circle).await;
    assert_eq!(stage.chat().await.status, 500);
    assert_eq!(stage.asked(), ["openai", "groq"]);
    // All are down now: nobody is asked, and it ends.
    assert_eq!(code(&stage.chat().await), (503, "no_healthy_key".to_owned()));
    assert_eq!(stage.asked().len(), 2);
}

#[tokio::test]
async fn each_vendor_has_its_tries() {
    let stage = Stage::new(|heard| {
        let good = key_of(heard) == "sk-mistral";
        if good { Script::json(ANSWER) } else { error(500) }
    })
    .await;
    for vendor in ["openai", "groq"] {
        for _ in 0..5 {
            stage.key_at(vendor);
        }
    }
    stage.key_at("mistral");
    stage.falls_back(&[("openai", "groq", ""), ("openai", "mistral", "")]).await;
    let got = stage.chat().await;
    assert_eq!((got.status, answered_by(&got)), (StatusCode::OK, Some("mistral")));
    assert_eq!(stage.asked().len(), 7);
    assert_eq!(stage.one_usage().await.attempts, 7);
}

#[tokio::test]
async fn what_a_silent_vendor_may_have_cost_is_its_own_price() {
    let silent = || Script { silent: true, ..Script::json("") };
    let stage = Stage::with(openai_gives(silent), |config| {
        config.timeouts.first_byte = Duration::from_millis(80);
    })
    .await;
    stage.key_at("openai");
    stage.key_at("groq");
    stage.falls_back(&[("openai", "groq", LLAMA)]).await;
    // 40,000 tokens at 0.15 dollars a million are 6,000 micro-dollars.
    let start = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":""#;
    let body = format!("{start}{}\"}}]}}", "x".repeat(160_000 - start.len() - 4));
    assert_eq!(stage.ask("openai/chat/completions", &body).await.status, 200);
    let usage = stage.one_usage().await;
    assert_eq!((usage.vendor.as_str(), usage.tokens.input_tokens), ("groq", 41_000));
    assert_eq!((usage.cost_micros, usage.estimated), (Some(6000 + 669), true));
}

#[tokio::test]
async fn where_nobody_answers_each_silence_is_counted_once() {
    let silent = |_: &Heard| Script { silent: true, ..Script::json("") };
    let stage = Stage::with(silent, |config| config.timeouts.first_byte = Duration::from_millis(80)).await;
    let key = stage.key_at("openai");
    stage.key_at("groq");
    stage.falls_back(&[("openai", "groq", LLAMA)]).await;
    assert_eq!(code(&stage.chat().await), (504, "upstream_first_byte_timeout".to_owned()));
    let usage = stage.one_usage().await;
    let input = CHAT.len().div_ceil(4) as u64;
    assert_eq!((usage.vendor.as_str(), usage.key_id, usage.attempts), ("openai", Some(key), 2));
    assert_eq!((usage.tokens.input_tokens, usage.tokens.output_tokens), (2 * input, 0));
    // 20 tokens at 0.15 and at 0.59 dollars a million, each rounded up.
    assert_eq!((usage.cost_micros, usage.estimated), (Some(3 + 12), true));
}

#[tokio::test]
async fn a_price_that_must_be_known_is() {
    let stage = Stage::new(openai_gives(|| error(500))).await;
    stage.key_at("openai");
    stage.key_at("venice");
    stage.key_at("groq");
    let limits = QuotaLimits {
        daily_cost_micros: Some(1_000_000),
        unknown_price: UnknownPrice::Refuse,
        ..QuotaLimits::default()
    };
    stage.world.limit(QuotaSubject::bot(stage.tenant, stage.bot), Some(limits));
    stage.falls_back(&[("openai", "venice", "nobody-knows"), ("openai", "groq", LLAMA)]).await;
    let got = stage.chat().await;
    assert_eq!((got.status, answered_by(&got)), (StatusCode::OK, Some("groq")));
    assert_eq!(stage.asked(), ["openai", "groq"]);
    assert_eq!(stage.one_usage().await.cost_micros, LLAMA_COST);
    let ledger = stage.proxy.inner.directory.load().caller("tok").unwrap().ledger.clone();
    assert_eq!(ledger.held().cost_micros, 0, "nothing stays reserved");
}

#[tokio::test]
async fn a_price_that_must_be_known_is_known_of_the_first_stand_in_too() {
    let stage = Stage::new(openai_gives(|| error(500))).await;
    stage.key_at("venice");
    let limits = QuotaLimits { daily_cost_micros: Some(1_000_000), ..QuotaLimits::default() };
    let limits = QuotaLimits { unknown_price: UnknownPrice::Refuse, ..limits };
    stage.world.limit(QuotaSubject::bot(stage.tenant, stage.bot), Some(limits));
    let list = [("openai", "venice", "nobody-knows"), ("openai", "groq", LLAMA)];
    stage.falls_back(&list).await;
    assert_eq!(code(&stage.chat().await), (400, "no_provider_key".to_owned()));
    stage.key_at("groq");
    stage.followed().await;
    let got = stage.chat().await;
    assert_eq!((got.status, answered_by(&got)), (StatusCode::OK, Some("groq")));
    assert_eq!(stage.asked(), ["groq"]);
    let usage = stage.world.wait_for(2).await;
    let told: Vec<_> = usage.iter().map(|one| (one.vendor.as_str(), one.status, one.attempts)).collect();
    assert_eq!(told, [("openai", 400, 1), ("groq", 200, 1)]);
}

#[tokio::test]
async fn other_formats_keep_theirs() {
    let answer = r#"{"model":"claude-sonnet-4-5","usage":{"input_tokens":5,"output_tokens":2},"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2}}"#;
    let stage = Stage::new(move |heard| match vendor_of(heard).as_str() {
        "anthropic" | "google" => error(500),
        _ => Script::json(answer),
    })
    .await;
    stage.key_at("anthropic");
    stage.key_at("google");
    let custom = |api_type, path: &str| {
        let base = stage.base(path);
        stage.world.key_with(stage.tenant, "custom", "sk-own", Some(&base), &[], Some(api_type));
    };
    custom(ApiType::Openai, "/own-openai");
    custom(ApiType::Anthropic, "/own-anthropic");
    custom(ApiType::Gemini, "/own-gemini");
    stage.falls_back(&[("anthropic", "custom", "claude-x"), ("google", "custom", "gemini-x")]).await;
    let request = stage
        .post("anthropic/v1/messages", r#"{"model":"claude-a","max_tokens":5}"#)
        .header("x-api-key", "tok")
        .header("anthropic-version", "2023-06-01");
    let got = stage.send(request.body(held(r#"{"model":"claude-a","max_tokens":5}"#)).unwrap()).await;
    assert_eq!((got.status, answered_by(&got)), (StatusCode::OK, Some("custom")));
    let last = stage.vendor.last();
    assert_eq!(
        (last.uri.path(), &last.body[..]),
        ("/own-anthropic/v1/messages", &br#"{"model":"claude-x","max_tokens":5}"#[..])
    );
    assert_eq!(
        (&last.headers["x-api-key"], &last.headers["anthropic-version"]),
        (&"sk-own".parse().unwrap(), &"2023-06-01".parse().unwrap())
    );
    let body = r#"{"contents":[]}"#;
    let got = stage.ask("google/v1beta/models/gemini-2.5-pro:generateContent?alt=json&key=tok", body).await;
    assert_eq!((got.status, answered_by(&got)), (StatusCode::OK, Some("custom")));
    let last = stage.vendor.last();
    assert_eq!(last.uri, "/own-gemini/v1beta/models/gemini-x:generateContent?alt=json");
    assert_eq!(
        (&last.body[..], &last.headers["x-goog-api-key"]),
        (body.as_bytes(), &"sk-own".parse().unwrap())
    );
    let usage = stage.world.wait_for(2).await;
    assert!(usage.iter().all(|usage| usage.vendor.as_str() == "custom" && usage.tokens.total() == 7));
}

#[tokio::test]
async fn a_changed_list_counts_for_the_next_request() {
    let stage = Stage::new(openai_gives(|| error(500))).await;
    stage.key_at("openai");
    stage.key_at("groq");
    stage.followed().await;
    assert_eq!(stage.chat().await.status, 500);
    stage.falls_back(&[("openai", "groq", LLAMA)]).await;
    assert_eq!(stage.chat().await.status, 200);
    stage.world.token(stage.tenant, stage.bot, "tok", None);
    stage.followed().await;
    assert_eq!(stage.chat().await.status, 200, "another token is no other bot");
    stage.falls_back(&[]).await;
    assert_eq!(code(&stage.chat().await), (503, "no_healthy_key".to_owned()));
    let other = stage.world.bot(stage.tenant, "other", &[], None);
    stage.world.fallbacks(stage.tenant, other, &[("openai", "groq", LLAMA)]);
    stage.followed().await;
    assert_eq!(stage.chat().await.status, 503, "each bot has its own");
}
