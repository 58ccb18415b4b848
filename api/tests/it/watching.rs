//! Logs, figures, diagnosis and commands: who may, what is shown, what is noted.

use crate::app::{App, Reply, Session};
use axum::http::Method;
use clawplane_api::ports::machines::ExecEnd;
use futures::StreamExt;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use std::time::Duration;
use tokio_tungstenite::tungstenite::{client::IntoClientRequest, http::HeaderValue};

const LONGEST: Duration = Duration::from_secs(10);

/// An app with Ada's bot `one`, and Bea in a tenant of her own.
async fn app() -> (App, Session, Session) {
    let app = App::start().await;
    app.register("bea@example.com", false).await;
    let (ada, bea) = (app.ada().await, app.sign_in("bea@example.com").await);
    app.create_bot(&ada, "one").await;
    (app, ada, bea)
}

fn log(app: &App, lines: &[&str]) {
    *app.fakes.machine.log.lock().unwrap() = lines.iter().map(|&line| line.to_owned()).collect();
}

async fn exec(app: &App, session: &Session, body: Value) -> Reply {
    app.post("/api/bot/one/exec").as_(session).json(&body).send().await
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONGEST, wait).await.unwrap_or_else(|_| panic!("it never came that {what}"));
}

#[tokio::test]
async fn nobody_sees_or_does_anything_with_anothers_bot() {
    let (app, ada, bea) = app().await;
    log(&app, &["x"]);
    *app.fakes.machine.prints.lock().unwrap() = Some(ExecEnd::default());
    for (method, path) in [
        (Method::GET, "/api/bot/one/logs"),
        (Method::GET, "/api/bot/one/stats"),
        (Method::GET, "/api/bot/one/diagnose"),
        (Method::POST, "/api/bot/one/session"),
    ] {
        let nobody = app.call(method.clone(), path).send().await;
        assert_eq!(nobody.status, 401, "{path}");
        let others = app.call(method.clone(), path).as_(&bea).send().await;
        assert_eq!(others.status, 404, "{path}");
        let own = app.call(method, path).as_(&ada).send().await;
        assert_eq!(own.status, 200, "{path}: {}", own.text);
    }
    assert_eq!(exec(&app, &bea, json!({"cmd": ["id"]})).await.status, 403, "she administers nothing");
    assert!(app.fakes.machine.ran.lock().unwrap().is_empty());
    assert_eq!(app.events("bot.exec_requested").await, 0);
}

#[tokio::test]
async fn a_log_is_text_or_json_lines_without_secrets() {
    let (app, ada, _) = app().await;
    let token = app.post("/api/bot/one/token/rotate").as_(&ada).send().await;
    let token = token.body["gatewayToken"].as_str().unwrap().to_owned();
    log(&app, &["it begins", &format!("!token={token} sk-proj-abcdefgh1234")]);
    let text = app.get("/api/bot/one/logs").as_(&ada).send().await;
    assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
    let lines: Vec<_> = text.text.lines().collect();
    assert_eq!(
        lines,
        [
            "2026-03-01T12:00:00.000Z stdout it begins",
            "2026-03-01T12:00:00.000Z stderr token=[redacted] sk-proj-[redacted]",
        ]
    );
    let call = app.get("/api/bot/one/logs?tail=5&since=2026-03-01T00:00:00Z").as_(&ada);
    let lines = call.header("accept", "application/x-ndjson").send().await;
    let first: Value = serde_json::from_str(lines.text.lines().next().unwrap()).unwrap();
    assert_eq!(
        first,
        json!({"at": "2026-03-01T12:00:00.000000001Z", "stream": "stdout", "text": "it begins"})
    );
    let asked = app.fakes.machine.asked.lock().unwrap().clone();
    assert_eq!((asked[0].tail, asked[1].tail, asked[1].follow), (Some(200), Some(5), false));
    assert_eq!(asked[1].since.unwrap().to_rfc3339(), "2026-03-01T00:00:00+00:00");
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_refused() {
    let (app, ada, _) = app().await;
    let none = app.get("/api/bot/one/logs").as_(&ada).send().await;
    assert_eq!(none.problem(), (409, vec![]), "there is no container");
    log(&app, &["x"]);
    for (query, field) in [
        ("tail=10001", "tail"),
        ("tail=-1", "tail"),
        ("since=yesterday", "since"),
        ("follow=perhaps", "follow"),
        ("follow=true", "follow"),
        ("tails=1", "tails"),
    ] {
        let reply = app.get(&format!("/api/bot/one/logs?{query}")).as_(&ada).send().await;
        assert_eq!(reply.problem(), (400, vec![field]), "{query}");
    }
}

#[tokio::test]
async fn a_log_can_be_followed_and_is_left_with_the_client() {
    let (app, ada, _) = app().await;
    log(&app, &["first"]);
    let call = app.get("/api/bot/one/logs?follow=true").as_(&ada).header("accept", "text/event-stream");
    let mut body = call.stream().await;
    let chunk = tokio::time::timeout(LONGEST, body.next()).await.unwrap().unwrap().unwrap();
    let chunk = String::from_utf8(chunk.to_vec()).unwrap();
    assert!(chunk.contains("event: line") && chunk.contains("id: 2026-03-01T12:00:00.000000001Z"), "{chunk}");
    assert_eq!(*app.fakes.machine.open.lock().unwrap(), 1);
    drop(body);
    until("nobody reads", || *app.fakes.machine.open.lock().unwrap() == 0).await;
    // A client that comes back goes on where it was.
    let call = app.get("/api/bot/one/logs").as_(&ada).header("accept", "text/event-stream");
    let again = call.header("last-event-id", "2026-03-01T12:00:00.000000001Z").send().await;
    assert!(again.text.ends_with("event: end\ndata: {}\n\n"), "{}", again.text);
    let since = app.fakes.machine.asked.lock().unwrap().last().unwrap().since.unwrap();
    assert_eq!(since.to_rfc3339(), "2026-03-01T12:00:00.000000002+00:00");
}

#[tokio::test]
async fn a_followed_log_ends_when_the_platform_stops() {
    let (app, ada, _) = app().await;
    log(&app, &["first"]);
    let call = app.get("/api/bot/one/logs?follow=true").as_(&ada).header("accept", "text/event-stream");
    let mut body = call.stream().await;
    body.next().await.unwrap().unwrap();
    app.shutdown.cancel();
    let rest = tokio::time::timeout(LONGEST, body.collect::<Vec<_>>()).await.expect("it ends");
    let rest: Vec<_> = rest.into_iter().map(Result::unwrap).collect();
    assert!(String::from_utf8(rest.concat()).unwrap().contains("event: end"));
}

#[tokio::test]
async fn a_log_comes_over_a_websocket_too() {
    let (app, ada, bea) = app().await;
    log(&app, &["first", "!second"]);
    let address = app.serve().await;
    let dial = async |token: &str| {
        let url = format!("ws://{address}/api/bot/one/logs");
        let mut request = url.into_client_request().unwrap();
        // As a browser does, which has no other way to say who it is.
        let protocols = format!("clawplane.logs, clawplane.bearer.{token}");
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::try_from(protocols).unwrap());
        tokio_tungstenite::connect_async(request).await
    };
    let (mut socket, answer) = dial(&ada.access).await.unwrap();
    assert_eq!(answer.headers()["sec-websocket-protocol"], "clawplane.logs");
    let mut texts = Vec::new();
    while texts.len() < 2 {
        let message = tokio::time::timeout(LONGEST, socket.next()).await.unwrap().unwrap().unwrap();
        if message.is_text() {
            texts.push(serde_json::from_str::<Value>(message.to_text().unwrap()).unwrap());
        }
    }
    assert_eq!((&texts[0]["text"], &texts[1]["stream"]), (&json!("first"), &json!("stderr")));
    assert!(app.fakes.machine.asked.lock().unwrap()[0].follow, "it follows unless it says otherwise");
    drop(socket);
    until("nobody reads", || *app.fakes.machine.open.lock().unwrap() == 0).await;
    for token in [bea.access.as_str(), "nonsense"] {
        assert!(dial(token).await.is_err());
    }
    // A token among the protocols of what is no WebSocket is nobody's.
    let protocols = format!("clawplane.bearer.{}", ada.access);
    let plain = app.get("/api/bot").header("sec-websocket-protocol", &protocols).send().await;
    assert_eq!(plain.status, 401);
}

#[tokio::test]
async fn figures_are_shown_once_and_as_they_change() {
    let (app, ada, _) = app().await;
    let none = app.get("/api/bot/one/stats").as_(&ada).send().await;
    assert_eq!(none.problem(), (409, vec![]));
    log(&app, &["x"]);
    let one = app.get("/api/bot/one/stats").as_(&ada).send().await;
    assert_eq!((&one.body["cpuPercent"], &one.body["pids"]), (&json!(12.35), &json!(3)), "{}", one.text);
    assert_eq!(one.body["folderBytes"], Value::Null);
    let live = app.get("/api/bot/one/stats").as_(&ada).header("accept", "text/event-stream").send().await;
    assert_eq!(live.text.matches("event: stats").count(), 2);
    assert!(live.text.contains("\"folderBytes\":7") && live.text.contains("event: end"), "{}", live.text);
    let counts = app.get("/api/bot/stats").as_(&ada).send().await;
    assert_eq!(counts.body["total"], json!(1));
    let call = app.get("/api/bot/stats").as_(&ada).header("accept", "text/event-stream");
    let mut body = call.stream().await;
    let first = tokio::time::timeout(LONGEST, body.next()).await.unwrap().unwrap().unwrap();
    let first = String::from_utf8(first.to_vec()).unwrap();
    assert!(first.contains("\"total\":1") && first.contains("\"bots\":{}"), "{first}");
}

#[tokio::test]
async fn a_diagnosis_knows_of_keys_and_access_too() {
    let (app, ada, _) = app().await;
    let find = |body: &Value, name: &str| {
        let checks = body["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {body}"))
    };
    let look = async || app.get("/api/bot/one/diagnose").as_(&ada).send().await.body;
    let found = look().await;
    assert_eq!(found["status"], "fail");
    let key = find(&found, "provider_key");
    assert_eq!(key["status"], "fail");
    assert!(key["remedy"].as_str().unwrap().contains("/api/provider-key"), "{key}");
    assert_eq!(
        find(&found, "config"),
        json!({"name": "config", "status": "warn", "detail": "read-only", "remedy": "repair it"})
    );
    assert!(app.fakes.machine.wanted.lock().unwrap()[0].token.is_some());

    let key = json!({"vendor": "openai", "label": "k", "secret": "sk-123456789"});
    let key = app.post("/api/provider-key").as_(&ada).json(&key).send().await;
    let found = look().await;
    assert_eq!((&found["status"], &find(&found, "provider_key")["status"]), (&json!("warn"), &json!("ok")));
    let id = key.body["id"].as_str().unwrap();
    app.post(&format!("/api/provider-key/{id}/disable")).as_(&ada).send().await;
    assert_eq!(find(&look().await, "provider_key")["status"], "fail");
    app.put("/api/bot/one/access").as_(&ada).json(&json!({"allowedVendors": ["anthropic"]})).send().await;
    let access = find(&look().await, "model_access");
    assert_eq!(access["status"], "fail");
    assert!(access["remedy"].as_str().unwrap().contains("allowedVendors"), "{access}");
}

#[tokio::test]
async fn a_command_is_noted_before_and_after_and_shows_no_secret() {
    let (app, ada, _) = app().await;
    let (stdout, stderr) = (b"it is sk-proj-abcdefgh1234\n".to_vec(), vec![0xff, b'x']);
    *app.fakes.machine.prints.lock().unwrap() =
        Some(ExecEnd { exit_code: Some(3), output_bytes: 29, stdout, stderr, ..ExecEnd::default() });
    let body = json!({"cmd": ["sh", "-c", "echo password=hunter22"], "timeoutSeconds": 7, "stdin": "in"});
    let reply = exec(&app, &ada, body).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!((&reply.body["exitCode"], &reply.body["timedOut"]), (&json!(3), &json!(false)));
    assert_eq!(
        (&reply.body["stdout"], &reply.body["stderr"]),
        (&json!("it is sk-proj-[redacted]\n"), &json!("\u{fffd}x"))
    );
    let ran = app.fakes.machine.ran.lock().unwrap().clone();
    assert_eq!((ran[0].timeout, &ran[0].stdin[..]), (Duration::from_secs(7), &b"in"[..]));
    assert_eq!(ran[0].command[2], "echo password=hunter22");
    let noted = app.get("/api/audit?action=bot.exec_requested").as_(&ada).send().await;
    let noted = &noted.body["items"][0];
    assert_eq!(noted["details"]["command"], "sh -c echo password=[redacted]", "{noted}");
    assert!(noted["actor"].as_str().unwrap().starts_with("user:"), "{noted}");
    let ended = app.get("/api/audit?action=bot.exec_finished").as_(&ada).send().await;
    let ended = &ended.body["items"][0]["details"];
    assert_eq!((&ended["exitCode"], &ended["execId"]), (&json!(3), &reply.body["execId"]), "{ended}");
}

#[tokio::test]
async fn a_command_that_cannot_run_is_noted_as_one() {
    let (app, ada, _) = app().await;
    let reply = exec(&app, &ada, json!({"cmd": ["id"]})).await;
    assert_eq!(reply.problem(), (409, vec![]));
    assert_eq!((app.events("bot.exec_requested").await, app.events("bot.exec_finished").await), (1, 1));
    for (body, field) in [
        (json!({"cmd": []}), "cmd"),
        (json!({"cmd": vec!["x"; 65]}), "cmd"),
        (json!({"cmd": [""]}), "cmd[0]"),
        (json!({"cmd": ["a", "b\u{0}"]}), "cmd[1]"),
        (json!({"cmd": ["a"], "timeoutSeconds": 0}), "timeoutSeconds"),
        (json!({"cmd": ["a"], "timeoutSeconds": 301}), "timeoutSeconds"),
        (json!({"cmd": ["a"], "stdin": "x".repeat(524_289)}), "stdin"),
    ] {
        assert_eq!(exec(&app, &ada, body).await.problem(), (400, vec![field]));
    }
    assert_eq!(app.events("bot.exec_requested").await, 1);
}

#[tokio::test]
async fn a_command_goes_on_without_its_client_and_runs_once() {
    let (app, ada, _) = app().await;
    *app.fakes.machine.prints.lock().unwrap() = Some(ExecEnd::default());
    *app.fakes.machine.hold.lock().unwrap() = true;
    let call =
        app.post("/api/bot/one/exec").as_(&ada).header("idempotency-key", "k").json(&json!({"cmd": ["id"]}));
    let gone = tokio::spawn(call.send());
    until("it runs", || !app.fakes.machine.ran.lock().unwrap().is_empty()).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    *app.fakes.machine.hold.lock().unwrap() = false;
    app.fakes.machine.go_on.notify_waiters();
    let noted = async {
        while app.events("bot.exec_finished").await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONGEST, noted).await.expect("its end is noted");
    let call =
        app.post("/api/bot/one/exec").as_(&ada).header("idempotency-key", "k").json(&json!({"cmd": ["id"]}));
    assert_eq!(call.send().await.problem(), (409, vec![]));
    assert_eq!(app.fakes.machine.ran.lock().unwrap().len(), 1);
}
