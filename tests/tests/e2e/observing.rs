//! Seen from outside: exact metrics with bounded labels, a span and a line a request, and of what people and models
//! write not a word anywhere.

use clawplane_tests::{
    Client, Collector, FakeVendor, Platform,
    collector::attribute,
    exposition::Scrape,
    vendor::{ANSWER, CACHE_WRITE, CACHED, FAILURE, INPUT, OUTPUT, REASONING},
    wait,
};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode as SpanStatus};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// In every prompt.
const PROMPT: &str = "canary-prompt-7f3a-the-quick-brown-fox";
/// Is in the spans' way: of a client that traces.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// What may be a label of a metric.
const LABELS: [&str; 13] = [
    "vendor",
    "host",
    "status",
    "code",
    "kind",
    "state",
    "outcome",
    "le",
    "projection",
    "method",
    "route",
    "consumer",
    "quantile",
];

struct Scene {
    platform: Platform,
    vendor: FakeVendor,
    admin: Client,
    token: String,
    poor: String,
    http: reqwest::Client,
}

/// An answer's status and the id that the proxy gave the request.
type Answered = (StatusCode, String);

impl Scene {
    async fn set(env: &[(&str, &str)]) -> Self {
        let vendor = FakeVendor::start().await;
        let platform = Platform::start_with(&[vendor.addr.to_string()], env, &[]).await;
        let admin = platform.admin().await;
        let token = admin.add_bot("scout").await;
        let poor = admin.add_bot("pauper").await;
        let none = json!({"dailyTokens": 0});
        let (status, said) = admin.send(Method::PUT, "/api/bot/pauper/quota", Some(&none)).await;
        assert!(status.is_success(), "{said}");
        // The proxy takes events in their order: where it knows the keys it knows the quota.
        for (name, base) in [("openai", "/v1"), ("groq", "/v1"), ("mistral", "/v1"), ("anthropic", "")] {
            admin.add_key(name, "sk-vendor-secret-4711", &format!("{}{base}", vendor.url())).await;
        }
        Self { platform, vendor, admin, token, poor, http: reqwest::Client::new() }
    }

    async fn ask(
        &self,
        vendor: &str,
        token: &str,
        model: &str,
        stream: bool,
        trace: Option<&str>,
    ) -> Answered {
        let path = if vendor == "anthropic" { "v1/messages" } else { "chat/completions" };
        let body = json!({"model": model, "stream": stream, "max_tokens": 100,
                          "messages": [{"role": "user", "content": PROMPT}]});
        let url = format!("{}/api/v1/{vendor}/{path}", self.platform.url);
        let mut request = self.http.post(url).header("x-api-key", token).json(&body);
        request = request.header("anthropic-version", "2023-06-01");
        if let Some(trace) = trace {
            request = request.header("traceparent", trace);
        }
        let answer = request.send().await.expect("an answer");
        let id = answer.headers()["x-clawplane-request-id"].to_str().expect("a text").to_owned();
        let status = answer.status();
        answer.text().await.expect("a body");
        (status, id)
    }

    async fn scrape(&self) -> (Scrape, String) {
        let answer = self.http.get(format!("{}/metrics", self.platform.url)).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        let kind = answer.headers()["content-type"].to_str().expect("a text");
        assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
        let text = answer.text().await.expect("a body");
        let scrape = Scrape::parse(&text).unwrap_or_else(|line| panic!("no exposition: {line}"));
        (scrape, text)
    }
}

#[tokio::test]
async fn requests_of_every_kind_are_counted_traced_and_logged_without_their_contents() {
    let collector = Collector::start().await;
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("CLAWPLANE_LOG", "debug".to_owned()),
        ("CLAWPLANE_LOG_FORMAT", "json".to_owned()),
    ];
    let mut scene = Scene::set(&env.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    let traced = format!("00-{TRACE}-{PARENT}-01");
    let unsampled = format!("00-{TRACE}-{PARENT}-00");
    let (token, poor) = (scene.token.as_str(), scene.poor.as_str());
    let sent = [
        ("ok", scene.ask("openai", token, "gpt-4o-mini", false, None).await),
        ("traced", scene.ask("openai", token, "gpt-4o-mini", true, Some(&traced)).await),
        ("anthropic", scene.ask("anthropic", token, "claude-sonnet-4-5", true, None).await),
        ("unsampled", scene.ask("anthropic", token, "claude-sonnet-4-5", false, Some(&unsampled)).await),
        ("refused", scene.ask("openai", token, "fail-400", false, None).await),
        ("limited", scene.ask("groq", token, "fail-429", false, None).await),
        ("revoked", scene.ask("mistral", token, "fail-401", true, None).await),
        ("quota", scene.ask("openai", poor, "gpt-4o-mini", false, None).await),
        ("stranger", scene.ask("openai", "cpk_not-a-token", "gpt-4o-mini", false, None).await),
    ];
    let statuses: Vec<_> = sent.iter().map(|(_, (status, _))| status.as_u16()).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 400, 429, 401, 429, 401], "{sent:?}");
    let ids: BTreeMap<&str, &str> = sent.iter().map(|(what, (_, id))| (*what, id.as_str())).collect();
    let rows = scene.admin.usage("scout", 7).await;
    let cost: u64 = rows.iter().filter_map(|row| row["costMicros"].as_u64()).sum();
    assert!(cost > 0, "{rows:?}");

    let metrics = counted(&scene, &rows).await;
    let spans = spans(&collector).await;
    the_spans_say_what_happened(&spans, &ids, &scene.vendor);
    the_lines_say_what_happened(&scene.platform, &ids).await;

    scene.platform.stop();
    let log = scene.platform.log();
    for canary in [PROMPT, ANSWER, FAILURE] {
        assert!(scene.vendor_said(canary), "{canary} was never said");
        assert!(!metrics.contains(canary), "in the metrics: {canary}");
        assert!(!log.contains(canary), "in the log: {canary}");
        for message in collector.raw() {
            assert!(!contains(&message, canary.as_bytes()), "in a trace: {canary}");
        }
        assert_eq!(search(&scene.platform.data_dir(), canary.as_bytes()), None, "{canary}");
    }
    // What is kept is found in this way.
    assert!(search(&scene.platform.data_dir(), b"fail-429").is_some(), "the model that was asked for");
}

impl Scene {
    /// Prompts went up to the vendor; the rest is what it answers with.
    fn vendor_said(&self, canary: &str) -> bool {
        canary != PROMPT || self.vendor.seen().iter().any(|seen| contains(&seen.raw, canary.as_bytes()))
    }
}

/// The metrics once everything is in Postgres: as text, after each number was looked at.
async fn counted(scene: &Scene, rows: &[Value]) -> String {
    let (scrape, text) = wait::until("what is pending to be stored", 20, || async {
        let (scrape, text) = scene.scrape().await;
        let known =
            scrape.count("clawplane_proxy_keys", &[("vendor", "mistral"), ("state", "disabled")]) == 1;
        if known && scrape.count("clawplane_proxy_spool_pending", &[]) == 0 {
            Ok((scrape, text))
        } else {
            Err(text)
        }
    })
    .await;
    let is = |name: &str, labels: &[(&str, &str)], wanted: u64| {
        assert_eq!(
            scrape.count(&format!("clawplane_proxy_{name}"), labels),
            wanted,
            "{name} {labels:?}\n{text}"
        );
    };
    for (vendor, status, count) in [
        ("openai", "2xx", 2),
        ("openai", "4xx", 2),
        ("anthropic", "2xx", 2),
        ("groq", "4xx", 1),
        ("mistral", "4xx", 1),
        ("mistral", "2xx", 0),
    ] {
        is("requests_total", &[("vendor", vendor), ("status", status)], count);
    }
    for (vendor, code, count) in [
        ("openai", "vendor_refused_request", 1),
        ("openai", "quota_exceeded", 1),
        ("groq", "vendor_rate_limited", 1),
        ("mistral", "vendor_key_refused", 1),
        ("anthropic", "vendor_failed", 0),
    ] {
        is("errors_total", &[("vendor", vendor), ("code", code)], count);
    }
    for (vendor, kind, count) in [
        ("openai", "input", 2 * INPUT),
        ("openai", "cached_input", 2 * CACHED),
        ("openai", "output", 2 * OUTPUT),
        ("openai", "reasoning", 2 * REASONING),
        ("anthropic", "input", 2 * INPUT),
        ("anthropic", "cache_write", 2 * CACHE_WRITE),
        ("anthropic", "output", 2 * OUTPUT),
        ("groq", "input", 0),
        ("mistral", "output", 0),
    ] {
        is("tokens_total", &[("vendor", vendor), ("kind", kind)], count);
    }
    for vendor in ["openai", "anthropic"] {
        let of = rows.iter().filter(|row| row["vendor"] == json!(vendor));
        let cost: u64 = of.filter_map(|row| row["costMicros"].as_u64()).sum();
        assert!(cost > 0, "{rows:?}");
        is("cost_micros_total", &[("vendor", vendor)], cost);
    }
    // With a head of the vendor's, and sent at all: all but what the quota refused and what nobody known asked.
    for (vendor, heads, ended) in [("openai", 3, 4), ("anthropic", 2, 2), ("groq", 1, 1), ("mistral", 1, 1)] {
        is("ttfb_seconds_count", &[("vendor", vendor)], heads);
        is("request_seconds_count", &[("vendor", vendor)], ended);
    }
    is("added_seconds_count", &[], 7);
    is("unauthenticated_total", &[], 1);
    is("in_flight", &[], 0);
    is("upload_lag_seconds", &[], 0);
    is("spool_corrupt_total", &[], 0);
    assert!(scrape.count("clawplane_proxy_spool_bytes", &[]) > 0, "{text}");
    for (vendor, state) in
        [("openai", "healthy"), ("anthropic", "healthy"), ("groq", "cooling"), ("mistral", "disabled")]
    {
        for other in ["healthy", "cooling", "disabled"] {
            is("keys", &[("vendor", vendor), ("state", other)], u64::from(other == state));
        }
    }
    the_labels_are_bounded(&scrape);
    text
}

fn the_labels_are_bounded(scrape: &Scrape) {
    let kinds = BTreeSet::from(["counter", "gauge", "histogram"].map(str::to_owned));
    assert!(scrape.types.values().all(|kind| kinds.contains(kind)), "{:?}", scrape.types);
    for (family, _) in scrape.types.iter().filter(|(family, _)| family.starts_with("clawplane_proxy_")) {
        assert!(scrape.help.contains_key(family), "{family} does not say what it is");
    }
    for sample in &scrape.samples {
        for (name, value) in &sample.labels {
            assert!(LABELS.contains(&name.as_str()), "{sample:?}");
            let id = value.split(|c: char| !c.is_ascii_hexdigit() && c != '-').any(|word| word.len() >= 32);
            let named = ["scout", "pauper", "gpt-", "claude", "fail-", "@", " key"]
                .iter()
                .any(|it| value.contains(it));
            assert!(!id && !named, "{sample:?}");
        }
    }
}

/// The spans of the eight requests of somebody known, but for the one whose client does not sample.
async fn spans(collector: &Collector) -> BTreeMap<String, Span> {
    wait::until("a span a request", 20, || async {
        let spans = collector.spans();
        for (resource, _) in &spans {
            assert_eq!(attribute(&resource.attributes, "service.name").as_deref(), Some("clawplane"));
        }
        let spans: Vec<Span> = spans.into_iter().map(|(_, span)| span).collect();
        if spans.len() < 7 { Err(spans) } else { Ok(spans) }
    })
    .await
    .into_iter()
    .map(|span| (attribute(&span.attributes, "clawplane.request.id").expect("an id"), span))
    .collect()
}

fn the_spans_say_what_happened(
    spans: &BTreeMap<String, Span>,
    ids: &BTreeMap<&str, &str>,
    vendor: &FakeVendor,
) {
    assert_eq!(spans.len(), 7);
    assert!(!spans.contains_key(ids["unsampled"]) && !spans.contains_key(ids["stranger"]));
    let span = |what: &str| &spans[ids[what]];
    let traced = span("traced");
    assert_eq!(
        (hex::encode(&traced.trace_id), hex::encode(&traced.parent_span_id)),
        (TRACE.into(), PARENT.into())
    );
    assert!(span("ok").parent_span_id.is_empty() && hex::encode(&span("ok").trace_id) != TRACE);
    let port = vendor.addr.port().to_string();
    let (input, output, cached) = (INPUT.to_string(), OUTPUT.to_string(), CACHED.to_string());
    for (what, provider, model, status, error) in [
        ("ok", "openai", "gpt-4o-mini", "200", None),
        ("traced", "openai", "gpt-4o-mini", "200", None),
        ("anthropic", "anthropic", "claude-sonnet-4-5", "200", None),
        ("refused", "openai", "fail-400", "400", Some("vendor_refused_request")),
        ("limited", "groq", "fail-429", "429", Some("vendor_rate_limited")),
        ("revoked", "mistral_ai", "fail-401", "401", Some("vendor_key_refused")),
        ("quota", "openai", "gpt-4o-mini", "429", Some("quota_exceeded")),
    ] {
        let span = span(what);
        let is = |key: &str, wanted: Option<&str>| {
            assert_eq!(attribute(&span.attributes, key).as_deref(), wanted, "{what}: {key} of {span:?}");
        };
        assert_eq!((span.name.as_str(), span.kind()), (format!("chat {model}").as_str(), SpanKind::Client));
        is("gen_ai.operation.name", Some("chat"));
        is("gen_ai.provider.name", Some(provider));
        is("gen_ai.request.model", Some(model));
        is("http.response.status_code", Some(status));
        is("error.type", error);
        let failed = span.status.as_ref().is_some_and(|status| status.code() == SpanStatus::Error);
        assert_eq!(failed, error.is_some(), "{what}: {span:?}");
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano && span.start_time_unix_nano > 0);
        assert!(span.events.is_empty(), "{what}: an event could hold a prompt");
        is("server.address", Some("127.0.0.1"));
        is("server.port", Some(&port));
        // What was not answered by a model names none.
        is("gen_ai.response.model", error.is_none().then_some(model));
        if error.is_none() {
            is("gen_ai.usage.input_tokens", Some(&input));
            is("gen_ai.usage.output_tokens", Some(&output));
            is("gen_ai.usage.cache_read.input_tokens", Some(&cached));
        }
    }
}

/// One line a request in the log, each of them JSON, with the fields that `docs/OPERATIONS.md` names.
async fn the_lines_say_what_happened(platform: &Platform, ids: &BTreeMap<&str, &str>) {
    let lines = wait::until("a line a request", 10, || async {
        let log = platform.log();
        let lines = log.lines().filter(|line| line.contains("clawplane::proxy::access"));
        let lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).expect("JSON")).collect();
        if lines.len() < ids.len() { Err(lines) } else { Ok(lines) }
    })
    .await;
    assert_eq!(lines.len(), ids.len(), "{lines:?}");
    for (what, id) in ids {
        let of: Vec<_> = lines.iter().filter(|line| line["request_id"] == json!(id)).collect();
        let [line] = of.as_slice() else { panic!("{what} has {} lines", of.len()) };
        assert_eq!((&line["target"], &line["level"]), (&json!("clawplane::proxy::access"), &json!("INFO")));
        let (status, code, cost) = match *what {
            "ok" | "traced" | "anthropic" | "unsampled" => (200, Value::Null, true),
            "refused" => (400, json!("vendor_refused_request"), false),
            "limited" => (429, json!("vendor_rate_limited"), false),
            "revoked" => (401, json!("vendor_key_refused"), false),
            "quota" => (429, json!("quota_exceeded"), false),
            _ => (401, json!("invalid_token"), false),
        };
        assert_eq!((&line["status"], &line["code"]), (&json!(status), &code), "{line}");
        if *what == "stranger" {
            continue;
        }
        let counts =
            |name: &str| line[name].as_u64().unwrap_or_else(|| panic!("{what} has no {name}: {line}"));
        for name in ["tenant", "bot", "vendor", "model", "operation"] {
            assert!(line[name].as_str().is_some_and(|text| !text.is_empty()), "{what} has no {name}: {line}");
        }
        for name in ["input_tokens", "cached_input_tokens", "output_tokens", "duration_ms"] {
            counts(name);
        }
        assert_eq!(line["stream"], json!(matches!(*what, "traced" | "anthropic")), "{line}");
        if cost {
            assert_eq!((counts("input_tokens"), counts("output_tokens")), (INPUT, OUTPUT), "{line}");
            assert!(counts("cost_micros") > 0 && counts("added_us") > 0, "{line}");
            counts("ttfb_ms");
        }
        if *what != "quota" {
            assert!(line["key"].is_string(), "{line}");
        }
    }
}

/// A collector that does not answer, and then one that is not there, change nothing for anybody.
#[tokio::test]
async fn a_collector_that_hangs_or_is_down_is_nobodys_trouble() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", silent.local_addr().expect("an address"));
    let mut scene = Scene::set(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]).await;
    let began = Instant::now();
    for number in 0..40 {
        let (status, _) = scene.ask("openai", &scene.token, "gpt-4o-mini", number % 2 == 0, None).await;
        assert_eq!(status, StatusCode::OK);
    }
    // The exporter has come, and waits: nothing was sent in vain.
    let waiting = tokio::time::timeout(Duration::from_secs(20), silent.accept()).await.expect("it comes");
    for _ in 0..20 {
        let (status, _) = scene.ask("openai", &scene.token, "gpt-4o-mini", false, None).await;
        assert_eq!(status, StatusCode::OK);
    }
    drop((waiting, silent));
    for _ in 0..20 {
        let (status, _) = scene.ask("openai", &scene.token, "gpt-4o-mini", false, None).await;
        assert_eq!(status, StatusCode::OK);
    }
    assert!(began.elapsed() < Duration::from_secs(40), "{:?} for 80 requests", began.elapsed());
    assert_eq!(scene.admin.usage("scout", 80).await.len(), 80);
    let (scrape, text) = scene.scrape().await;
    assert_eq!(
        scrape.count("clawplane_proxy_requests_total", &[("vendor", "openai"), ("status", "2xx")]),
        80,
        "{text}"
    );
    assert!(scene.platform.stop() < Duration::from_secs(15));
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// A file that has `needle` in it.
fn search(folder: &Path, needle: &[u8]) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    entries.map(|entry| entry.path()).find_map(|path| match path.symlink_metadata().expect("a file") {
        kind if kind.is_dir() => search(&path, needle),
        kind if kind.is_file() => contains(&fs::read(&path).expect("a file"), needle).then_some(path),
        _ => None,
    })
}

/// Each metric that the documents, the dashboard and the alerts name is recorded somewhere, and each that is recorded is
/// in the documents.
#[test]
fn the_documents_and_the_dashboard_name_the_metrics_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut recorded = BTreeSet::new();
    for part in ["api", "cli", "eventstore", "projections", "proxy", "workers"] {
        for text in sources(&root.join(part).join("src")) {
            // As the macros are given them: whole, and in quotation marks.
            recorded.extend(
                names(&text, "\"clawplane_").into_iter().filter(|(_, next)| *next == '"').map(|(n, _)| n),
            );
        }
    }
    assert!(recorded.len() > 30, "{recorded:?}");
    let read = |path: &str| fs::read_to_string(root.join(path)).expect(path);
    let documented = named(&read("docs/OPERATIONS.md"));
    for path in ["docs/OPERATIONS.md", "deploy/grafana/clawplane.json", "deploy/prometheus/alerts.yml"] {
        for name in named(&read(path)) {
            let ends = ["_bucket", "_sum", "_count"].into_iter();
            let family =
                ends.filter_map(|end| name.strip_suffix(end)).find(|family| recorded.contains(*family));
            assert!(
                recorded.contains(&name) || family.is_some(),
                "{path} names {name}, which is not recorded"
            );
        }
    }
    let missing: Vec<_> = recorded.difference(&documented).collect();
    assert!(missing.is_empty(), "not in docs/OPERATIONS.md: {missing:?}");
}

fn named(text: &str) -> BTreeSet<String> {
    names(text, "clawplane_").into_iter().map(|(name, _)| name).collect()
}

/// Words that begin so, and what follows each.
fn names(text: &str, begin: &str) -> Vec<(String, char)> {
    let starts = text.match_indices(begin).map(|(at, _)| &text[at + begin.len() - "clawplane_".len()..]);
    let words = starts.map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len());
        (rest[..end].to_owned(), rest[end..].chars().next().unwrap_or(' '))
    });
    words.collect()
}

fn sources(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        match path.extension() {
            _ if path.is_dir() => found.extend(sources(&path)),
            Some(end) if end == "rs" && !path.ends_with("tests.rs") => {
                found.push(fs::read_to_string(&path).expect("a source file"));
            }
            _ => {}
        }
    }
    found
}
