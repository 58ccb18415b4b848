use super::*;
use crate::testing::at;
use serde_json::json;

fn verdict(status: u16, headers: &[(&'static str, &str)], body: &Value) -> Verdict {
    let status = StatusCode::from_u16(status).unwrap();
    let headers =
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    judge(status, &headers, body.to_string().as_bytes(), at("2026-11-20T12:00:00Z"))
}

fn plain(status: u16) -> Verdict {
    verdict(status, &[], &json!({"error": {"message": "no"}}))
}

fn passing(code: CoolCode, status: u16, after: Option<u64>) -> Verdict {
    Verdict::Bad(Fault::Passing { code, status: Some(status), after: after.map(Duration::from_millis) })
}

fn refused(status: u16) -> Verdict {
    Verdict::Bad(Fault::Refused { status })
}

#[test]
fn statuses_fall_into_classes() {
    for good in [200, 204, 301, 400, 404, 405, 408, 413, 422, 499, 501] {
        assert_eq!(plain(good), Verdict::Good, "{good}");
    }
    for status in [401, 403] {
        assert_eq!(plain(status), refused(status));
    }
    for status in [500, 502, 503, 504, 529] {
        assert_eq!(plain(status), passing(CoolCode::UpstreamError, status, None));
    }
    assert_eq!(plain(402), passing(CoolCode::QuotaExhausted, 402, None));
    assert_eq!(plain(429), passing(CoolCode::RateLimited, 429, None));
}

#[test]
fn retry_after_comes_in_many_forms() {
    let limited = |name, value| verdict(429, &[(name, value)], &Value::Null);
    let after = |millis| passing(CoolCode::RateLimited, 429, Some(millis));
    assert_eq!(limited("retry-after", "7"), after(7000));
    assert_eq!(limited("retry-after", " 1.5 "), after(1500));
    assert_eq!(limited("retry-after", "Fri, 20 Nov 2026 12:00:30 GMT"), after(30_000));
    assert_eq!(limited("retry-after", "Fri, 20 Nov 2026 11:00:00 GMT"), after(0), "in the past is now");
    assert_eq!(limited("retry-after-ms", "250"), after(250));
    for nonsense in ["soon", "-3", "NaN", "inf", "1e400", ""] {
        assert_eq!(limited("retry-after", nonsense), passing(CoolCode::RateLimited, 429, None), "{nonsense}");
    }
    let google = json!([{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}]}}]);
    assert_eq!(verdict(429, &[], &google), after(34_500));
    assert_eq!(
        verdict(503, &[("retry-after", "9")], &Value::Null),
        passing(CoolCode::UpstreamError, 503, Some(9000))
    );
}

#[test]
fn no_money_is_not_too_fast() {
    let exhausted = |status| passing(CoolCode::QuotaExhausted, status, None);
    let openai =
        json!({"error": {"code": "insufficient_quota", "type": "insufficient_quota", "message": "quota"}});
    assert_eq!(verdict(429, &[("retry-after", "1")], &openai), exhausted(429));
    let anthropic = json!({"type": "error", "error": {"type": "invalid_request_error",
        "message": "Your credit balance is too low to access the Anthropic API."}});
    assert_eq!(verdict(400, &[], &anthropic), exhausted(400));
    let doubao = json!({"error": {"code": "AccountOverdueError", "message": "overdue"}});
    assert_eq!(verdict(403, &[], &doubao), exhausted(403));
    let quoted = json!({"error": {"code": "invalid", "message": "unknown field `insufficient_quota`"}});
    assert_eq!(verdict(400, &[], &quoted), Verdict::Good, "a quotation of the request is none");
}

#[test]
fn what_is_about_the_request_leaves_the_key_alone() {
    let model = json!({"error": {"code": "model_not_found", "message": "no access to gpt-9"}});
    assert_eq!(verdict(403, &[], &model), Verdict::Good);
    let gemini = json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "details": [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]}});
    assert_eq!(verdict(400, &[], &gemini), refused(400));
}

#[test]
fn a_body_that_is_no_json_says_nothing() {
    let now = at("2026-11-20T12:00:00Z");
    for body in [&b""[..], b"<html>insufficient_quota</html>", b"[]", b"\"x\"", b"{\"error\":[1]}", b"\xff"] {
        let verdict = judge(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), body, now);
        assert_eq!(verdict, passing(CoolCode::RateLimited, 429, None));
    }
}
