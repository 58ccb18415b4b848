//! What a bot may reach: said at its creation or later, shown, and refused where it makes no sense.

use crate::app::App;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

#[tokio::test]
async fn what_a_bot_may_reach_is_set_and_shown() {
    let app = App::start().await;
    let ada = app.ada().await;
    let lists = json!({"allowedModels": ["gpt-4o*", "o3"], "allowedVendors": ["openai"]});
    let mut new = lists.clone();
    new["hostname"] = json!("one");
    let made = app.post("/api/bot").as_(&ada).json(&new).send().await;
    assert_eq!(made.status, 201, "{}", made.text);
    let shown = |body: &Value| json!([body["allowedModels"], body["allowedVendors"]]);
    assert_eq!(shown(&made.body), json!([["gpt-4o*", "o3"], ["openai"]]));
    assert_eq!(app.events("bot.access_set").await, 1);

    let put = |body: Value| app.put("/api/bot/one/access").as_(&ada).json(&body).send();
    let reply = put(json!({"allowedVendors": ["anthropic"]})).await;
    assert_eq!((reply.status.as_u16(), shown(&reply.body)), (200, json!([null, ["anthropic"]])));
    let got = app.get("/api/bot/one").as_(&ada).send().await;
    assert_eq!(shown(&got.body), json!([null, ["anthropic"]]));
    put(json!({"allowedVendors": ["anthropic"], "allowedModels": null})).await;
    assert_eq!(app.events("bot.access_set").await, 2, "nothing new is no event");
    put(json!({})).await;
    let got = app.get("/api/bot/one").as_(&ada).send().await;
    assert_eq!(shown(&got.body), json!([null, null]));
}

#[tokio::test]
async fn lists_that_make_no_sense_are_refused() {
    let app = App::start().await;
    let ada = app.ada().await;
    app.create_bot(&ada, "one").await;
    for (body, field) in [
        (json!({"allowedModels": []}), "allowedModels"),
        (json!({"allowedVendors": []}), "allowedVendors"),
        (json!({"allowedModels": vec!["m"; 129]}), "allowedModels"),
        (json!({"allowedModels": ["ok", "g*t"]}), "allowedModels[1]"),
        (json!({"allowedVendors": ["openai", "acme"]}), "allowedVendors[1]"),
        (json!({"allowedVendor": ["openai"]}), "allowedVendor"),
    ] {
        let put = app.put("/api/bot/one/access").as_(&ada).json(&body).send().await;
        assert_eq!(put.problem(), (400, vec![field]), "{body}");
        let mut new = body.clone();
        new["hostname"] = json!("two");
        let post = app.post("/api/bot").as_(&ada).json(&new).send().await;
        assert_eq!(post.problem(), (400, vec![field]), "{body}");
    }
    assert_eq!((app.events("bot.access_set").await, app.events("bot.created").await), (0, 1));
}
