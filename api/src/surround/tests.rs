use super::*;
use axum::{Router, body::Body, body::to_bytes, routing::get};
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;

#[tokio::test]
async fn a_panic_is_a_problem_that_says_nothing_of_the_inside() {
    let router = Router::new().route("/", get(async || -> () { panic!("inside {}", 7) }));
    let router = router.layer(CatchPanicLayer::custom(panicked));
    let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
    assert_eq!(response.status(), 500);
    let problem = response.extensions().get::<Problem>().unwrap();
    assert_eq!(problem.causes().unwrap(), "a handler panicked: inside 7");
    let text = to_bytes(response.into_body(), 10_000).await.unwrap();
    let text = std::str::from_utf8(&text).unwrap();
    assert!(text.contains("urn:clawplane:problem:internal") && !text.contains("inside"), "{text}");
}

#[test]
fn only_a_uuid_is_taken_as_the_id_of_a_request() {
    let given = |text: &'static str| {
        given_id(&HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_static(text))]))
            .map(|id| id.to_string())
    };
    let id = "0197f3a2-7c1e-7d4a-9b52-3f0c8a61d2e4";
    assert_eq!(given(id).as_deref(), Some(id));
    assert_eq!(given("0197F3A27C1E7D4A9B523F0C8A61D2E4").as_deref(), Some(id));
    assert_eq!(given("x; drop table"), None);
    assert_eq!(given(""), None);
}
