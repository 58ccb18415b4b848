//! Where a bot may go on the web: set, shown, refused where it makes no sense, nobody else's business.

use crate::app::App;
use axum::http::Method;
use pretty_assertions::assert_eq;
use serde_json::json;

const PATH: &str = "/api/bot/one/egress";

#[tokio::test]
async fn destinations_are_set_shown_and_taken_away() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    assert_eq!(app.get(PATH).as_(&ada).send().await.body, json!({"allow": []}));

    let list = json!({"allow": ["API.github.com:443", "*.example.com:*", "api.github.com:443", "[2001:DB8::1]:8443"]});
    let put = app.put(PATH).as_(&ada).json(&list).send().await;
    let shown = json!({"allow": ["api.github.com:443", "*.example.com:*", "[2001:db8::1]:8443"]});
    assert_eq!((put.status.as_u16(), &put.body), (200, &shown), "{}", put.text);
    assert_eq!(app.get(PATH).as_(&ada).send().await.body, shown);
    assert_eq!(app.get("/api/bot/one").as_(&ada).send().await.body["egress"], shown["allow"]);
    assert_eq!(app.put(PATH).as_(&ada).json(&shown).send().await.status, 200);
    assert_eq!(app.events("bot.egress_set").await, 1);

    app.put(PATH).as_(&ada).json(&json!({"allow": []})).send().await;
    assert_eq!(app.get("/api/bot/one").as_(&ada).send().await.body.get("egress"), None);
    assert_eq!(app.events("bot.egress_set").await, 2);
}

#[tokio::test]
async fn what_is_no_destination_is_refused_by_name() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    let many: Vec<_> = (0..65).map(|n| format!("a{n}.example.com:443")).collect();
    for (body, field) in [
        (json!({"allow": ["a.example.com:443", "*:443"]}), "allow[1]"),
        (json!({"allow": ["https://a.example.com"]}), "allow[0]"),
        (json!({"allow": ["a.example.com"]}), "allow[0]"),
        (json!({"allow": many}), "allow"),
        (json!({"allowed": []}), "allowed"),
        (json!({}), "allow"),
    ] {
        let reply = app.put(PATH).as_(&ada).json(&body).send().await;
        assert_eq!(reply.problem(), (400, vec![field]), "{body}");
    }
    assert_eq!(app.events("bot.egress_set").await, 0);
}

#[tokio::test]
async fn another_tenants_bot_has_none() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    app.register("eve@example.com", false).await;
    let eve = app.sign_in("eve@example.com").await;
    for method in [Method::GET, Method::PUT] {
        let reply = app.call(method.clone(), PATH).as_(&eve).json(&json!({"allow": []})).send().await;
        assert_eq!(reply.problem(), (404, vec![]), "{method}");
    }
}
