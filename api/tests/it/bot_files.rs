//! Files of workspaces: listed, read, written with and without expectations, removed; paths that lead elsewhere refused.

use crate::app::App;
use axum::http::Method;
use pretty_assertions::assert_eq;
use serde_json::json;

const SOUL: &str = "/api/bot/one/files/SOUL.md";

#[tokio::test]
async fn a_file_is_written_read_listed_and_removed() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    assert_eq!(app.get(SOUL).as_(&ada).send().await.problem(), (404, vec![]));
    let made = app.put(SOUL).as_(&ada).text("be kind").send().await;
    assert_eq!((made.status.as_u16(), made.header("location")), (201, SOUL), "{}", made.text);
    let etag = made.header("etag").to_owned();
    let read = app.get(SOUL).as_(&ada).send().await;
    assert_eq!(
        (read.status.as_u16(), read.text.as_str(), read.header("etag")),
        (200, "be kind", etag.as_str())
    );
    assert_eq!(read.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(
        (read.header("content-disposition"), read.header("x-content-type-options")),
        ("attachment", "nosniff")
    );
    assert_eq!(app.get(SOUL).as_(&ada).header("if-none-match", &etag).send().await.status, 304);
    let page = app.put("/api/bot/one/files/www/a%20b.html").as_(&ada).text("<script>").send().await;
    assert_eq!(page.status, 201);
    let page = app.get("/api/bot/one/files/www/a%20b.html").as_(&ada).send().await;
    assert_eq!((page.header("content-type"), page.text.as_str()), ("application/octet-stream", "<script>"));
    let listed = app.get("/api/bot/one/files?path=www").as_(&ada).send().await.body;
    assert_eq!((&listed["path"], &listed["entries"][0]["name"]), (&json!("www"), &json!("a b.html")));
    assert_eq!((&listed["entries"][0]["kind"], &listed["incomplete"]), (&json!("file"), &json!(false)));

    let changed = app.put(SOUL).as_(&ada).header("if-match", &etag).text("be bold").send().await;
    assert_eq!(changed.status, 200);
    let lost = app.put(SOUL).as_(&ada).header("if-match", &etag).text("be both").send().await;
    assert_eq!(lost.problem(), (412, vec![]));
    let there = app.put(SOUL).as_(&ada).header("if-none-match", "*").text("new").send().await;
    assert_eq!(there.problem(), (412, vec![]));
    assert_eq!(app.delete(SOUL).as_(&ada).header("if-match", &etag).send().await.problem(), (412, vec![]));
    assert_eq!(
        app.delete(SOUL).as_(&ada).header("if-match", "x").send().await.problem(),
        (400, vec!["If-Match"])
    );
    assert_eq!(app.delete(SOUL).as_(&ada).send().await.status, 204);
    assert_eq!(app.delete(SOUL).as_(&ada).send().await.problem(), (404, vec![]));
    // Each change is an event, and none that did not happen.
    assert_eq!(app.events("bot.file_change_requested").await, 4);
}

#[tokio::test]
async fn paths_that_lead_elsewhere_and_large_files_are_refused() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    let long = "x".repeat(300);
    for path in [
        "..%2Fopenclaw.json",
        "a/%2e%2e/%2e%2e/x",
        "%2Fetc%2Fpasswd",
        "a%00b",
        "a//b",
        "a%0Ab",
        ".clawplane.tmp",
        &long,
    ] {
        let path = format!("/api/bot/one/files/{path}");
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let reply = app.call(method.clone(), &path).as_(&ada).text("x").send().await;
            assert_eq!(reply.problem(), (400, vec!["path"]), "{method} {path}");
        }
    }
    let reply = app.get("/api/bot/one/files?path=../..").as_(&ada).send().await;
    assert_eq!(reply.problem(), (400, vec!["path"]));
    let reply = app.put(SOUL).as_(&ada).text(&"x".repeat(1024 * 1024 + 1)).send().await;
    assert_eq!(reply.problem(), (413, vec![]));
    assert_eq!(app.events("bot.file_change_requested").await, 0);
}

#[tokio::test]
async fn another_tenants_files_are_not_there() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    app.put(SOUL).as_(&ada).text("secret").send().await;
    app.register("eve@example.com", false).await;
    let eve = app.sign_in("eve@example.com").await;
    for (method, path) in [
        (Method::GET, SOUL),
        (Method::PUT, SOUL),
        (Method::DELETE, SOUL),
        (Method::GET, "/api/bot/one/files"),
    ] {
        let reply = app.call(method.clone(), path).as_(&eve).text("x").send().await;
        assert_eq!(reply.problem(), (404, vec![]), "{method}");
    }
}
