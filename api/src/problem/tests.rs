use super::*;
use axum::body::to_bytes;
use clawplane_domain::{
    bot::BotRefusal,
    claim::{Claim, Scope},
    provider_key::KeyRefusal,
};
use clawplane_eventstore::{ExecuteError, StoreError};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

async fn parts(problem: &Problem) -> (u16, Value, Response) {
    let mut response = problem.render(Some(("0197f3a2-7c1e-7d4a-9b52-3f0c8a61d2e4", "/api/bot")));
    let body = std::mem::take(response.body_mut());
    let body = serde_json::from_slice(&to_bytes(body, 10_000).await.unwrap()).unwrap();
    (response.status().as_u16(), body, response)
}

#[tokio::test]
async fn a_problem_is_a_document_of_rfc_9457() {
    let (status, body, response) = parts(&Problem::field("hostname", "is a reserved name")).await;
    assert_eq!(status, 400);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let expected = json!({
        "type": "urn:clawplane:problem:invalid-input",
        "title": "The request is not valid",
        "status": 400,
        "detail": "`hostname` is a reserved name",
        "instance": "/api/bot",
        "requestId": "0197f3a2-7c1e-7d4a-9b52-3f0c8a61d2e4",
        "errors": [{"field": "hostname", "message": "is a reserved name"}],
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_taken_hostname_is_a_conflict_that_names_it() {
    let claim = Claim::new(Scope::BotHostname, &"support-bot");
    let problem = Problem::from(ExecuteError::<BotRefusal>::Taken(claim));
    let (status, body, _) = parts(&problem).await;
    assert_eq!(status, 409);
    assert_eq!(body["errors"], json!([{"field": "hostname", "message": "`support-bot` is taken"}]));
}

#[tokio::test]
async fn refusals_keep_their_meaning() {
    let of = |refusal: KeyRefusal| Problem::from(ExecuteError::Refused(refusal));
    let (status, body, _) = parts(&of(KeyRefusal::CustomNeeds { field: "baseUrl" })).await;
    assert_eq!((status, body["errors"][0]["field"].as_str()), (400, Some("baseUrl")));
    let (status, body, _) = parts(&of(KeyRefusal::Unknown)).await;
    assert_eq!((status, body["detail"].as_str()), (404, Some("there is no such provider key")));
    let (status, body, _) = parts(&Problem::from(ExecuteError::<KeyRefusal>::KeyReused)).await;
    assert_eq!((status, body["errors"][0]["field"].as_str()), (422, Some("Idempotency-Key")));
}

#[tokio::test]
async fn what_is_inside_stays_inside() {
    let inside = StoreError::Unreadable { at: "bot/1/1".to_owned(), why: "internal detail".to_owned() };
    let problem = Problem::from(inside);
    let (status, body, _) = parts(&problem).await;
    assert_eq!(status, 500);
    assert!(!body.to_string().contains("internal detail"), "{body}");
    assert_eq!(problem.causes().unwrap(), "event bot/1/1 cannot be read: internal detail");
}

#[tokio::test]
async fn times_are_rounded_up_to_whole_seconds() {
    let retry = |millis| async move {
        let problem = Problem::unavailable("later", Duration::from_millis(millis));
        parts(&problem).await.2.headers()["retry-after"].to_str().unwrap().to_owned()
    };
    assert_eq!(retry(0).await, "1");
    assert_eq!(retry(1000).await, "1");
    assert_eq!(retry(1001).await, "2");
}
