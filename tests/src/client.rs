//! A small REST client: what a user would do with curl.

use crate::wait;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A signed-in client of one platform.
#[derive(Clone, Debug)]
pub struct Client {
    /// The platform's root.
    pub url: String,
    token: String,
    http: reqwest::Client,
}

impl Client {
    /// Signs in.
    pub async fn login(url: &str, email: &str, password: &str) -> Self {
        let http = reqwest::Client::new();
        let answer = http
            .post(format!("{url}/api/auth/login"))
            .json(&json!({"email": email, "password": password}))
            .send()
            .await
            .expect("an answer");
        let status = answer.status();
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(status, StatusCode::OK, "login: {body}");
        let token = body["accessToken"].as_str().expect("an access token").to_owned();
        Self { url: url.to_owned(), token, http }
    }

    /// Its access token.
    pub fn token(&self) -> String {
        self.token.clone()
    }

    /// Sends a request and gives back status and body (null where there is none).
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// PUTs what follows the version or file of this etag.
    pub async fn put_if(&self, path: &str, etag: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.http.put(format!("{}{path}", self.url)).bearer_auth(&self.token).json(body);
        let answer = request.header("if-match", format!("\"{etag}\"")).send().await.expect("an answer");
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    /// GET that must succeed.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.send(Method::GET, path, None).await;
        assert!(status.is_success(), "GET {path}: {status} {body}");
        body
    }

    /// POST that must succeed.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.send(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "POST {path}: {status} {answer}");
        answer
    }

    /// Adds a provider key and gives back its id.
    pub async fn add_key(&self, vendor: &str, secret: &str, base_url: &str) -> String {
        let body = json!({"vendor": vendor, "secret": secret, "label": format!("{vendor} key"), "baseUrl": base_url});
        self.post("/api/provider-key", &body).await["id"].as_str().expect("an id").to_owned()
    }

    /// Creates a bot and gives back its gateway token.
    pub async fn add_bot(&self, hostname: &str) -> String {
        let bot = self.post("/api/bot", &json!({"hostname": hostname})).await;
        bot["gatewayToken"].as_str().expect("a gateway token").to_owned()
    }

    /// The usage log of a bot once it has at least `count` rows.
    pub async fn usage(&self, hostname: &str, count: usize) -> Vec<Value> {
        let path = format!("/api/bot/{hostname}/usage/logs?limit=200");
        wait::until("usage in the log", 30, || async {
            let rows = self.get(&path).await["items"].as_array().cloned().unwrap_or_default();
            if rows.len() >= count { Ok(rows) } else { Err(rows) }
        })
        .await
    }

    /// What `path` answers once `enough` is true of it: each read model follows the events at its own pace.
    pub async fn get_when(&self, path: &str, enough: impl Fn(&Value) -> bool) -> Value {
        wait::until(path, 30, || async {
            let body = self.get(path).await;
            if enough(&body) { Ok(body) } else { Err(body) }
        })
        .await
    }

    /// The audit log's entries of recorded usage, once there are at least `count`.
    pub async fn audited_usage(&self, count: usize) -> Vec<Value> {
        let items = |body: &Value| body["items"].as_array().cloned().unwrap_or_default();
        let path = "/api/audit?action=usage.recorded&limit=200";
        items(&self.get_when(path, |body| items(body).len() >= count).await)
    }

    /// The usage statistics of a bot, once they know of `requests` requests.
    pub async fn stats(&self, hostname: &str, requests: usize) -> Value {
        let path = format!("/api/bot/{hostname}/usage/stats");
        self.get_when(&path, |stats| stats["requests"].as_u64() >= Some(requests as u64)).await
    }

    /// Waits until a bot is in `state`.
    pub async fn bot_in_state(&self, hostname: &str, state: &str, seconds: u64) -> Value {
        let path = format!("/api/bot/{hostname}");
        wait::until(&format!("bot {hostname} to be {state}"), seconds, || async {
            let bot = self.get(&path).await;
            if bot["state"] == json!(state) { Ok(bot) } else { Err(bot) }
        })
        .await
    }
}
