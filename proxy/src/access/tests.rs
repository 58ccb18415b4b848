use super::*;
use http::Request;

fn access(models: &[&str]) -> Access {
    let models = models.iter().map(|model| model.parse().unwrap()).collect();
    Access { allowed_models: Some(models), allowed_vendors: None }
}

/// `ok`, or the code of the refusal. The bot may use `good`, `good-*` and `gemini-2.5*`.
fn judged(method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> &'static str {
    let mut request = Request::builder().method(method).uri(format!("/api/v1/{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let body = body.map(|body| Bytes::copy_from_slice(body.as_bytes()));
    match check(&access(&["good", "good-*", "gemini-2.5*"]), &parts, body.as_ref()) {
        Ok(()) => "ok",
        Err(refusal) => {
            assert_eq!(refusal.status, 403);
            refusal.code
        }
    }
}

fn post(path: &str, body: &str) -> &'static str {
    judged("POST", path, &[("content-type", "application/json")], Some(body))
}

const NO: &str = "model_not_allowed";
const UNKNOWN: &str = "model_unknown";
const CHAT: &str = "openai/chat/completions";

#[test]
fn without_allowed_models_everything_passes() {
    let (parts, ()) = Request::post("/api/v1/openai/%64/%zz").body(()).unwrap().into_parts();
    check(&Access::default(), &parts, None).unwrap();
}

#[test]
fn a_model_in_the_body_is_judged() {
    for (body, verdict) in [
        (r#"{"model":"good"}"#, "ok"),
        (r#"{"model":"good-4"}"#, "ok"),
        (r#"{"model":"models/good"}"#, "ok"),
        (r#"{"model":"evil"}"#, NO),
        (r#"{"model":"Good"}"#, NO),
        (r#"{"model":" good"}"#, NO),
        (r#"{"model":"goo\u0064"}"#, "ok"),
        (r#"{"mod\u0065l":"evil"}"#, NO),
        ("{}", UNKNOWN),
        (r#"{"model":null}"#, UNKNOWN),
        (r#"{"model":7}"#, UNKNOWN),
        (r#"{"model":""}"#, UNKNOWN),
        (r#"{"model":["good"]}"#, UNKNOWN),
        (r#"{"model":{"id":"evil"}}"#, NO),
        (r#"[{"model":"good"}]"#, UNKNOWN),
        ("", UNKNOWN),
        ("model=good", UNKNOWN),
        ("\u{feff}{\"model\":\"good\"}", UNKNOWN),
        (r#"{"model":"good"} {"model":"evil"}"#, UNKNOWN),
    ] {
        assert_eq!(post(CHAT, body), verdict, "{body}");
    }
}

/// Parsers take the first of two keys, or the last, and some do not look at their case.
#[test]
fn every_name_of_a_body_is_judged() {
    for body in [
        r#"{"model":"good","model":"evil"}"#,
        r#"{"model":"evil","model":"good"}"#,
        r#"{"model":"good","MODEL":"evil"}"#,
        r#"{"model":"good","models":["good","evil"]}"#,
        r#"{"model":"good","fallbacks":[{"good":["evil"]}]}"#,
        r#"{"model":"good","preset":"evil"}"#,
        r#"{"model":"good","from":"evil"}"#,
        r#"{"model":"good","tools":[{"type":"image_generation","model":"evil"}]}"#,
        r#"{"model":"good","tools":[{"type":"x","parameters":{"model":"evil"}}]}"#,
        r#"{"model":"good","audio":{"input":{"transcription":{"model":"evil"}}}}"#,
        r#"{"model":"good","tunedModel":{"baseModel":"models/evil"}}"#,
    ] {
        assert_eq!(post(CHAT, body), NO, "{body}");
    }
    // Only the word itself is sure to be taken for the request's model.
    for body in [
        r#"{"Model":"good"}"#,
        r#"{"models":["good"]}"#,
        r#"{"tools":[{"model":"good"}],"prompt":{"id":"p"}}"#,
    ] {
        assert_eq!(post("openai/responses", body), UNKNOWN, "{body}");
    }
}

#[test]
fn what_is_talked_about_is_no_model() {
    for body in [
        r#"{"model":"good","messages":[{"role":"user","content":[{"type":"tool_use","input":{"model":"Tesla"}}]}]}"#,
        r#"{"model":"good","input":[{"model":"Tesla"}]}"#,
        r#"{"model":"good","tools":[{"function":{"parameters":{"type":"object","properties":{"model":{"type":"string","default":"x"}}}}}]}"#,
        r#"{"model":"good","metadata":{"car_model":"Tesla"}}"#,
    ] {
        assert_eq!(post(CHAT, body), "ok", "{body}");
    }
}

#[test]
fn path_and_body_both_count() {
    for (path, body, verdict) in [
        ("google/v1beta/models/gemini-2.5-flash:generateContent", "{}", "ok"),
        ("google/v1beta/models/evil:generateContent", "{}", NO),
        ("google/v1beta/models/evil:generateContent", r#"{"model":"good"}"#, NO),
        ("google/v1beta/models/gemini-2.5-flash:generateContent", r#"{"model":"evil"}"#, NO),
        ("google/v1beta/models/evil%3AgenerateContent", r#"{"model":"good"}"#, NO),
        ("google/v1beta/%6Dodels/evil:generateContent", r#"{"model":"good"}"#, NO),
        ("google/v1beta/tunedModels/evil:generateContent", r#"{"model":"good"}"#, NO),
        (
            "google/v1beta/models/gemini-2.5-pro:batchEmbedContents",
            r#"{"requests":[{"model":"models/evil"}]}"#,
            NO,
        ),
        ("azure-openai/openai/deployments/good/chat/completions?api-version=2024-10-21", "{}", "ok"),
        ("azure-openai/openai/deployments/evil/chat/completions", r#"{"model":"good"}"#, NO),
        ("azure-openai/openai/Deployments/evil/chat/completions", r#"{"model":"good"}"#, NO),
        ("azure-openai/openai//deployments//evil/chat/completions", r#"{"model":"good"}"#, NO),
        ("azure-openai/openai/deployments/good/chat/completions", r#"{"model":"evil"}"#, NO),
        ("openai/engines/evil/completions", r#"{"model":"good"}"#, NO),
        ("openai/%2564eployments/evil/chat", r#"{"model":"good"}"#, UNKNOWN),
        ("openai/a%2fdeployments%2fevil", r#"{"model":"good"}"#, UNKNOWN),
        ("openai/deployments;x/evil", r#"{"model":"good"}"#, UNKNOWN),
        ("azure-openai/openai/deployments/good/../evil/chat/completions", "{}", UNKNOWN),
        ("azure-openai/openai/deployments/good/%2e%2e/evil/chat/completions", "{}", UNKNOWN),
        ("openai/%ff/chat", r#"{"model":"good"}"#, UNKNOWN),
        ("openai/realtime/calls?model=evil", r#"{"model":"good"}"#, NO),
        ("openai/chat/completions?%4dodel=evil", r#"{"model":"good"}"#, NO),
    ] {
        assert_eq!(post(path, body), verdict, "{path} {body}");
    }
}

#[test]
fn batches_are_judged_entry_by_entry_or_not_let_through() {
    let entry = |model: &str| format!(r#"{{"custom_id":"a","params":{{"model":"{model}","messages":[]}}}}"#);
    let both = format!(r#"{{"requests":[{},{}]}}"#, entry("good"), entry("evil"));
    assert_eq!(post("anthropic/v1/messages/batches", &both), NO);
    assert_eq!(
        post("anthropic/v1/messages/batches", &format!(r#"{{"requests":[{}]}}"#, entry("good"))),
        "ok"
    );
    // The models are in a file that was uploaded before.
    let file = r#"{"input_file_id":"file-1","endpoint":"/v1/chat/completions","completion_window":"24h"}"#;
    assert_eq!(post("openai/batches", file), UNKNOWN);
    assert_eq!(post("openai/v1/assistants/x/runs", r#"{"assistant_id":"a"}"#), UNKNOWN);
}

#[test]
fn a_body_that_is_not_surely_json_is_refused() {
    let json = r#"{"model":"good"}"#;
    let with = |headers: &[(&str, &str)], body| judged("POST", CHAT, headers, body);
    assert_eq!(with(&[], Some(json)), "ok");
    assert_eq!(with(&[("content-type", "application/json; charset=\"UTF-8\"")], Some(json)), "ok");
    for kind in ["application/json; charset=utf-7", "application/json; charset=utf-16"] {
        assert_eq!(with(&[("content-type", kind)], Some(json)), UNKNOWN, "{kind}");
    }
    let twice = [("content-type", "application/json"), ("content-type", "multipart/form-data; boundary=x")];
    assert_eq!(with(&twice, Some(json)), UNKNOWN);
    // Multipart and compressed bodies are not held.
    assert_eq!(with(&[("content-type", "multipart/form-data; boundary=x")], None), UNKNOWN);
    assert_eq!(with(&[("x-http-method-override", "PUT")], Some(json)), UNKNOWN);
    assert_eq!(with(&[("azureml-model-deployment", "evil")], Some(json)), NO);
}

#[test]
fn other_methods_read_and_delete_but_run_nothing() {
    for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
        assert_eq!(judged(method, "openai/chat/completions", &[], Some("")), "ok", "{method}");
        assert_eq!(judged(method, "openai/chat/completions", &[], None), UNKNOWN, "{method} with a body");
        assert_eq!(
            judged(method, "google/v1beta/models/evil:generateContent", &[], Some("")),
            NO,
            "{method}"
        );
        assert_eq!(judged(method, "openai/realtime?model=evil", &[], Some("")), NO, "{method}");
    }
    for method in ["PUT", "PATCH", "QUERY"] {
        assert_eq!(judged(method, CHAT, &[], None), UNKNOWN, "{method}");
        assert_eq!(judged(method, CHAT, &[], Some("")), UNKNOWN, "{method}");
    }
}

#[test]
fn files_may_be_uploaded_and_work_be_cancelled() {
    for path in [
        "openai/files",
        "openai/v1/uploads/u/parts",
        "openai/responses/r/cancel",
        "google/upload/v1beta/files",
    ] {
        assert_eq!(judged("POST", path, &[("content-type", "multipart/form-data")], None), "ok", "{path}");
    }
    for path in [
        "openai/chat/completions/files",
        "openai/chat%2Fcompletions/files",
        "openai/%66iles",
        "openai//files",
        "openai/files/",
        "openai/files/x/content",
        "openai/chat/completions/",
        "openai/uploads/u/run",
    ] {
        let verdict = judged("POST", path, &[("content-type", "multipart/form-data")], None);
        // A slash at the end is the same place.
        assert_eq!(verdict, if path == "openai/files/" { "ok" } else { UNKNOWN }, "{path}");
    }
}
