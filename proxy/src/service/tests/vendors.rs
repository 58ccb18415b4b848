//! Every vendor of the table: what a client sends arrives as it was, but for credentials and what belongs to a connection.

use super::*;
use crate::vendors::{Auth, Family, table};
use clawplane_domain::provider_key::ApiType;
use http::{Method, header};
use std::collections::BTreeSet;

/// One request: the key's base URL behind the host, the client's path and query, and where both lead.
struct Case {
    vendor: &'static str,
    api_type: Option<ApiType>,
    base: String,
    method: Method,
    path: String,
    to: String,
    /// The header that the vendor's key stands in, and what stands before it there.
    key: Option<(&'static str, &'static str)>,
    form: bool,
}

const BEARER: Option<(&str, &str)> = Some(("authorization", "Bearer "));

impl Case {
    fn post(vendor: &'static str, base: &str, path: &str, to: &str) -> Self {
        let (base, path, to) = (base.to_owned(), path.to_owned(), to.to_owned());
        let method = Method::POST;
        Self { vendor, api_type: None, base, method, path, to, key: BEARER, form: false }
    }
    fn by(self, method: Method) -> Self {
        Self { method, ..self }
    }
    fn key(self, header: &'static str) -> Self {
        Self { key: Some((header, "")), ..self }
    }
    fn no_key(self) -> Self {
        Self { key: None, ..self }
    }
    fn form(self) -> Self {
        Self { form: true, ..self }
    }
    fn of(self, api_type: ApiType) -> Self {
        Self { api_type: Some(api_type), ..self }
    }
}

/// What all vendors of OpenAI's kind have, at their own base URL's path.
fn alike() -> Vec<Case> {
    let rows = table().iter().filter(|row| row.family == Family::OpenAi && row.auth == Auth::Bearer);
    let mut cases = Vec::new();
    for row in rows {
        let url = row.base_url.and_then(|url| url::Url::parse(url).ok());
        let base = url.map_or_else(|| "/v1".to_owned(), |url| url.path().trim_end_matches('/').to_owned());
        for path in ["chat/completions?a=%20b&c&d=%2F", "embeddings"] {
            let case = Case::post(row.id, &base, path, &format!("{base}/{path}"));
            cases.push(if row.id == "custom" { case.of(ApiType::Openai) } else { case });
        }
        let list =
            Case::post(row.id, &base, "models?limit=2", &format!("{base}/models?limit=2")).by(Method::GET);
        cases.push(if row.id == "custom" { list.of(ApiType::Openai) } else { list });
    }
    cases
}

fn openai_itself() -> Vec<Case> {
    let post = |path: &str| Case::post("openai", "/v1", path, &format!("/v1/{path}"));
    vec![
        post("responses"),
        post("images/generations"),
        post("images/edits").form(),
        post("audio/transcriptions").form(),
        post("audio/speech"),
        post("files").form(),
        post("files/file-1/content").by(Method::GET),
        post("files/file-1").by(Method::DELETE),
        Case::post("openai", "/v1", "v1/chat/completions", "/v1/chat/completions"),
    ]
}

fn with_their_own_ways() -> Vec<Case> {
    let same = |vendor, path: &str| Case::post(vendor, "", path, &format!("/{path}"));
    vec![
        same("azure-openai", "openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21")
            .key("api-key"),
        same("azure-openai", "openai/deployments/e/embeddings?api-version=2023-05-15").key("api-key"),
        same("azure-openai", "openai/v1/responses?api-version=preview").key("api-key"),
        same("azure-openai", "openai/deployments/w/audio/transcriptions?api-version=2024-06-01")
            .form()
            .key("api-key"),
        same("anthropic", "v1/messages?beta=true").key("x-api-key"),
        same("anthropic", "v1/messages/count_tokens").key("x-api-key"),
        same("anthropic", "v1/messages/batches/b1").by(Method::GET).key("x-api-key"),
        same("anthropic", "v1/chat/completions"),
        Case::post("anthropic", "", "messages", "/v1/messages").key("x-api-key"),
        same("google", "v1beta/models/gemini-2.5-flash:generateContent").key("x-goog-api-key"),
        same("google", "v1/models/gemini-2.5-flash:streamGenerateContent?alt=sse").key("x-goog-api-key"),
        same("google", "v1beta/models/gemini-2.5-flash:streamGenerateContent").key("x-goog-api-key"),
        same("google", "upload/v1beta/files?uploadType=multipart").form().key("x-goog-api-key"),
        same("google", "v1beta/openai/chat/completions"),
        same("google", "v1beta/openai/embeddings"),
        Case::post("google", "", "models/e:embedContent", "/v1beta/models/e:embedContent")
            .key("x-goog-api-key"),
        same("cohere", "v2/chat"),
        same("cohere", "v2/embed"),
        same("cohere", "v1/rerank"),
        same("cohere", "compatibility/v1/chat/completions"),
        Case::post("cohere", "/compatibility/v1", "chat/completions", "/compatibility/v1/chat/completions"),
        same("ollama", "api/chat").no_key(),
        same("ollama", "api/embed").no_key(),
        same("ollama", "api/tags").by(Method::GET).no_key(),
        same("ollama", "api/delete").by(Method::DELETE).no_key(),
        same("ollama", "v1/chat/completions").no_key(),
        Case::post("ollama", "", "embeddings", "/v1/embeddings").no_key(),
        same("custom", "v1/messages").of(ApiType::Anthropic).key("x-api-key"),
        same("custom", "v1beta/models/m:generateContent").of(ApiType::Gemini).key("x-goog-api-key"),
        same("custom", "v2/chat").of(ApiType::Cohere),
        same("custom", "api/chat").of(ApiType::Ollama).no_key(),
    ]
}

/// Headers as SDKs send them, and some that nobody knows.
const HEADERS: [(&str, &str); 12] = [
    ("accept", "application/json, text/event-stream"),
    ("user-agent", "OpenAI/Python 3.52.0"),
    ("anthropic-version", "2023-06-01"),
    ("anthropic-beta", "one,two"),
    ("openai-organization", "org-1"),
    ("idempotency-key", "k-1"),
    ("x-goog-api-client", "gl-python/3.11"),
    ("x-stainless-retry-count", "0"),
    ("http-referer", "https://example.org"),
    ("x-title", "a client"),
    ("accept-language", "de"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
];
/// What must not arrive: of the connection, or the client's own.
const DROPPED: [(&str, &str); 8] = [
    ("connection", "keep-alive, x-of-this-hop"),
    ("x-of-this-hop", "1"),
    ("keep-alive", "timeout=5"),
    ("proxy-authorization", "Basic dG9r"),
    ("cookie", "session=tok"),
    ("api-key", "tok"),
    ("x-goog-api-key", "tok"),
    ("accept-encoding", "gzip, br"),
];

/// JSON with every freedom that a reader must not take away, or a form with every byte.
fn body(case: &Case) -> (Bytes, &'static str) {
    if case.form {
        let mut form =
            b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n".to_vec();
        form.extend(0..=255_u8);
        form.extend_from_slice(b"\r\n--x--\r\n");
        return (form.into(), "multipart/form-data; boundary=x");
    }
    if matches!(case.method, Method::GET | Method::HEAD) {
        return (Bytes::new(), "application/json");
    }
    let text = "{ \"model\" :\"m\",\r\n\t\"a\\u00e4\": 1.0e0, \"z\":null, \"a\":[ ], \"stream\":false,\"gr\u{fc}n\":\"\u{1f980}\"} ";
    (Bytes::from_static(text.as_bytes()), "application/json; charset=utf-8")
}

async fn arrives(stage: &Stage, case: &Case) {
    let label = format!("{} {} {}", case.vendor, case.method, case.path);
    let base = stage.base(&case.base);
    let key = stage.world.key_with(stage.tenant, case.vendor, "sk-vendor", Some(&base), &[], case.api_type);
    stage.followed().await;
    let (body, kind) = body(case);
    let url = format!("http://{}/api/v1/{}/{}", stage.address, case.vendor, case.path);
    let mut request = Request::builder().method(case.method.clone()).uri(url).header("content-type", kind);
    for (name, value) in HEADERS.iter().chain(&DROPPED) {
        request = request.header(*name, *value);
    }
    let request = request.header("authorization", "Bearer tok");
    let got = stage.send(request.body(UpstreamBody::held(body.clone())).unwrap()).await;
    assert_eq!((got.status.as_u16(), &got.body[..]), (200, ANSWER.as_bytes()), "{label}");

    let heard = stage.vendor.last();
    assert_eq!((&heard.method, heard.uri.to_string()), (&case.method, case.to.clone()), "{label}");
    assert_eq!(heard.body, body, "{label}: byte for byte");
    let mut wanted: HeaderMap =
        HEADERS.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    wanted.insert(header::CONTENT_TYPE, kind.parse().unwrap());
    wanted.insert(header::HOST, stage.vendor.address.to_string().parse().unwrap());
    wanted.insert(header::ACCEPT_ENCODING, "identity".parse().unwrap());
    if !body.is_empty() {
        wanted.insert(header::CONTENT_LENGTH, body.len().into());
    }
    if let Some((name, before)) = case.key {
        wanted.insert(name, format!("{before}sk-vendor").parse().unwrap());
    }
    assert_eq!(heard.headers, wanted, "{label}: nothing more, nothing less");
    stage.world.delete_key(stage.tenant, key);
}

#[tokio::test]
async fn what_a_client_sends_to_any_vendor_arrives_as_it_was() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    let cases: Vec<Case> = [alike(), openai_itself(), with_their_own_ways()].into_iter().flatten().collect();
    let tried: BTreeSet<_> = cases.iter().map(|case| case.vendor).collect();
    let all: BTreeSet<_> = table().iter().map(|row| row.id).collect();
    assert_eq!(tried, all, "every vendor is tried");
    for case in &cases {
        arrives(&stage, case).await;
    }
    let usage = stage.world.wait_for(cases.len()).await;
    assert!(usage.iter().all(|usage| usage.status == 200 && usage.error.is_none()));
}
