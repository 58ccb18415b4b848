use super::DemoVendor;
use clawplane_domain::Secret;
use pretty_assertions::assert_eq;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

struct Client {
    vendor: DemoVendor,
    _running: DropGuard,
}

impl Client {
    fn start() -> Self {
        let shutdown = CancellationToken::new();
        let key = Secret::new("sk-demo".to_owned());
        let vendor = DemoVendor::start(([127, 0, 0, 1], 0).into(), key, shutdown.clone()).unwrap();
        Self { vendor, _running: shutdown.drop_guard() }
    }
    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.vendor.base_url())
    }
    async fn post(&self, path: &str, body: &Value) -> reqwest::Response {
        reqwest::Client::new().post(self.url(path)).bearer_auth("sk-demo").json(body).send().await.unwrap()
    }
    async fn json(&self, path: &str, body: &Value) -> Value {
        let response = self.post(path, body).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.json().await.unwrap()
    }
    /// The `data:` lines of an event stream.
    async fn stream(&self, path: &str, body: &Value) -> Vec<String> {
        let response = self.post(path, body).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let text = response.text().await.unwrap();
        text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
    }
}

fn chat(extra: &Value) -> Value {
    let mut body = json!({"model": "m", "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "hello my bot"},
    ]});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn a_chat_is_answered_whole() {
    let client = Client::start();
    let answer = client.json("chat/completions", &chat(&json!({}))).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "You said: hello my bot");
    assert_eq!((&answer["object"], &answer["model"]), (&json!("chat.completion"), &json!("m")));
    let usage = &answer["usage"];
    assert_eq!(
        (&usage["prompt_tokens"], &usage["completion_tokens"], &usage["total_tokens"]),
        (&json!(5), &json!(5), &json!(10))
    );
}

#[tokio::test]
async fn a_chat_is_streamed_by_word_with_usage_if_asked_for() {
    let client = Client::start();
    for with_usage in [true, false] {
        let extra = json!({"stream": true, "stream_options": {"include_usage": with_usage}});
        let mut lines = client.stream("chat/completions", &chat(&extra)).await;
        assert_eq!(lines.pop().as_deref(), Some("[DONE]"));
        let chunks: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let words: Vec<_> =
            chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(words, ["", "You", " said:", " hello", " my", " bot"]);
        let finished = chunks.iter().filter(|chunk| chunk["choices"][0]["finish_reason"] == "stop").count();
        assert_eq!(finished, 1);
        let last = chunks.last().unwrap();
        if with_usage {
            assert_eq!((&last["choices"], &last["usage"]["total_tokens"]), (&json!([]), &json!(10)));
        } else {
            assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
        }
    }
}

#[tokio::test]
async fn only_its_key_opens_it() {
    let client = Client::start();
    let get = |value: Option<&str>| {
        let request = reqwest::Client::new().get(client.url("models"));
        value.into_iter().fold(request, |request, value| request.header("authorization", value)).send()
    };
    for value in [None, Some("Bearer sk-demo2"), Some("Bearer "), Some("sk-demo"), Some("Basic sk-demo")] {
        let refused = get(value).await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{value:?}");
        assert_eq!(refused.json::<Value>().await.unwrap()["error"]["code"], "invalid_api_key");
    }
    let listed: Value = get(Some("Bearer sk-demo")).await.unwrap().json().await.unwrap();
    assert_eq!(listed["data"][0]["id"], "demo-echo");
}

#[tokio::test]
async fn responses_are_answered_in_both_modes() {
    let client = Client::start();
    let whole = client.json("responses", &json!({"model": "m", "input": "hello my bot"})).await;
    assert_eq!(whole["output"][0]["content"][0]["text"], "You said: hello my bot");
    assert_eq!((&whole["usage"]["input_tokens"], &whole["usage"]["output_tokens"]), (&json!(3), &json!(5)));
    let items = json!([{"role": "user", "content": [{"type": "input_text", "text": "hello my bot"}]}]);
    let lines = client.stream("responses", &json!({"model": "m", "input": items, "stream": true})).await;
    let events: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let text: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(text, "You said: hello my bot");
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["response"]["usage"]), (&json!("response.completed"), &whole["usage"]));
}

#[tokio::test]
async fn embeddings_follow_from_the_text_alone() {
    let client = Client::start();
    let ask =
        |extra: &'static str| json!({"model": "m", "input": ["a b", "c", "a b"], "encoding_format": extra});
    let floats = client.json("embeddings", &ask("float")).await;
    let vector = |index: usize| floats["data"][index]["embedding"].as_array().unwrap().clone();
    assert_eq!((vector(0), vector(0).len()), (vector(2), 8));
    assert_ne!(vector(0), vector(1));
    assert_eq!(floats["usage"]["prompt_tokens"], 5);
    let base64 = client.json("embeddings", &ask("base64")).await;
    assert_eq!(base64["data"][0]["embedding"].as_str().unwrap().len(), 44);
}

#[tokio::test]
async fn bad_requests_get_openai_errors() {
    let client = Client::start();
    for (path, body, status) in [
        ("chat/completions", json!({"model": "m"}), StatusCode::BAD_REQUEST),
        ("chat/completions", json!([]), StatusCode::BAD_REQUEST),
        ("embeddings", json!({"model": "m", "input": []}), StatusCode::BAD_REQUEST),
        ("models", json!({}), StatusCode::NOT_FOUND),
        ("else", json!({}), StatusCode::NOT_FOUND),
    ] {
        let response = client.post(path, &body).await;
        assert_eq!(response.status(), status, "{path} {body}");
        let error: Value = response.json().await.unwrap();
        assert_eq!(error["error"]["type"], "invalid_request_error");
    }
}

#[tokio::test]
async fn it_stops_when_told_to() {
    let shutdown = CancellationToken::new();
    let vendor =
        DemoVendor::start(([127, 0, 0, 1], 0).into(), Secret::new("k".to_owned()), shutdown.clone()).unwrap();
    let url = format!("{}/models", vendor.base_url());
    assert!(reqwest::get(&url).await.is_ok());
    shutdown.cancel();
    vendor.stopped().await;
    assert!(reqwest::get(&url).await.is_err());
}
