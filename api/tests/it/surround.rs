//! What is the same for every request: ids, headers, limits, fallbacks, health, documentation.

use crate::app::{App, part};
use axum::http::Method;
use clawplane_api::PartStatus;
use pretty_assertions::assert_eq;
use serde_json::json;

#[tokio::test]
async fn every_answer_has_a_request_id_and_security_headers() {
    let app = App::start().await;
    for path in ["/api/health", "/api/bot", "/nowhere"] {
        let reply =
            app.get(path).header("x-request-id", "not an id\u{7}".trim_end_matches('\u{7}')).send().await;
        let id = reply.header("x-request-id");
        assert!(uuid::Uuid::parse_str(id).is_ok(), "{id}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("x-frame-options"), "DENY");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
        if reply.status.is_client_error() {
            assert_eq!((&reply.body["requestId"], &reply.body["instance"]), (&json!(id), &json!(path)));
        }
    }
}

#[tokio::test]
async fn a_path_or_method_that_is_not_there_is_a_problem() {
    let app = App::start().await;
    assert_eq!(app.get("/api/nothing").send().await.problem(), (404, vec![]));
    assert_eq!(app.get("/").send().await.problem(), (404, vec![]));
    let reply = app.call(Method::PATCH, "/api/bot").send().await;
    assert_eq!(reply.problem(), (405, vec![]));
    assert_eq!(reply.header("allow"), "GET, POST");
    let ada = app.ada().await;
    assert_eq!(app.get("/api/bot/Not%20A%20Name").as_(&ada).send().await.problem(), (404, vec![]));
    assert_eq!(app.get("/api/bot/%ff").as_(&ada).send().await.problem(), (404, vec![]));
    assert_eq!(app.delete("/api/provider-key/7").as_(&ada).send().await.problem(), (404, vec![]));
}

#[tokio::test]
async fn a_body_is_json_of_at_most_one_mebibyte() {
    let app = App::start().await;
    let ada = app.ada().await;
    let large = format!("{{\"hostname\": \"{}\"}}", "x".repeat(1024 * 1024));
    assert_eq!(app.post("/api/bot").as_(&ada).text(&large).send().await.problem(), (413, vec![]));
    assert_eq!(app.post("/api/bot").as_(&ada).text("{").send().await.problem(), (400, vec![]));
    assert_eq!(app.post("/api/bot").as_(&ada).send().await.problem(), (415, vec![]));
}

#[tokio::test]
async fn only_without_a_database_is_the_platform_down() {
    let app = App::start().await;
    let docker = |status, detail| part("docker", status, detail);
    *app.fakes.parts.lock().unwrap() =
        vec![part("database", PartStatus::Ok, None), docker(PartStatus::Degraded, Some("no engine answers"))];
    let reply = app.get("/api/health").send().await;
    let expected = json!({
        "status": "degraded",
        "parts": {"database": {"status": "ok"}, "docker": {"status": "degraded", "detail": "no engine answers"}},
    });
    assert_eq!((reply.status.as_u16(), reply.body), (200, expected));
    *app.fakes.parts.lock().unwrap() =
        vec![part("database", PartStatus::Down, None), docker(PartStatus::Ok, None)];
    let reply = app.get("/api/health").send().await;
    assert_eq!((reply.status.as_u16(), &reply.body["status"]), (503, &json!("down")));
}

#[tokio::test]
async fn the_document_and_its_page_are_served() {
    let app = App::start().await;
    let document = app.get("/api/openapi.json").send().await;
    assert_eq!((document.status.as_u16(), &document.body["info"]["title"]), (200, &json!("Clawplane")));
    assert!(document.body["paths"]["/api/bot/{hostname}/usage/logs"]["get"].is_object());
    assert_eq!(app.get("/api/docs").send().await.header("location"), "/api/docs/");
    let page = app.get("/api/docs/").send().await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html"));
    assert!(page.header("content-security-policy").contains("script-src 'self';"));
    for file in page.text.split("src=\"./").skip(1).filter_map(|rest| rest.split('"').next()) {
        let script = app.get(&format!("/api/docs/{file}")).send().await;
        assert_eq!(script.status, 200, "{file}");
        assert!(!script.text.contains("{{config}}"));
    }
    let script = app.get("/api/docs/swagger-initializer.js").send().await;
    assert!(script.text.contains("/api/openapi.json"), "{}", script.text);
    assert_eq!(app.get("/api/docs/nothing.js").send().await.problem(), (404, vec![]));
}

#[tokio::test]
async fn without_a_database_the_answer_says_so_and_no_more() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.shutdown.cancel();
    app.pool.close().await;
    let reply = app.get("/api/bot").as_(&ada).send().await;
    assert_eq!(reply.problem(), (503, vec![]));
    assert_eq!(reply.body["detail"], "the database does not answer");
    assert!(!reply.header("retry-after").is_empty());
}
