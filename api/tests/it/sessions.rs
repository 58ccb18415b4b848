//! Signing in, staying so, signing out.

use crate::app::{App, PASSWORD, Session};
use pretty_assertions::assert_eq;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn whoever_knows_the_password_is_signed_in() {
    let app = App::start().await;
    let body = json!({"email": "Ada@Example.com", "password": PASSWORD});
    let reply = app.post("/api/auth/login").json(&body).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.body["expiresIn"], 900);
    let user = &reply.body["user"];
    assert_eq!(user["email"], "ada@example.com");
    assert_eq!((&user["role"], &user["administrator"]), (&json!("owner"), &json!(true)));
    assert!(!reply.text.contains(PASSWORD) && !reply.text.contains("argon2"), "{}", reply.text);

    let access = reply.body["accessToken"].as_str().unwrap();
    let me = app.get("/api/auth/me").header("authorization", &format!("bearer {access}")).send().await;
    assert_eq!((me.status.as_u16(), &me.body), (200, user));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_account_look_the_same() {
    let app = App::start().await;
    let mut replies = Vec::new();
    for email in ["ada@example.com", "nobody@example.com"] {
        let body = json!({"email": email, "password": "wrong password"});
        let mut reply = app.post("/api/auth/login").json(&body).send().await;
        assert_eq!(reply.problem(), (401, vec![]));
        reply.body["requestId"].take();
        replies.push(reply.body);
    }
    assert_eq!(replies[0], replies[1]);
    assert_eq!(app.events("session.opened").await, 0);
}

#[tokio::test]
async fn bad_input_is_named() {
    let app = App::start().await;
    let field = async |body: serde_json::Value| {
        let reply = app.post("/api/auth/login").json(&body).send().await;
        let (status, fields) = reply.problem();
        (status, fields.join(","))
    };
    assert_eq!(field(json!({"email": "ada", "password": ""})).await, (400, "email,password".to_owned()));
    assert_eq!(field(json!({"email": "ada@example.com"})).await, (400, "password".to_owned()));
    let extra = json!({"email": "ada@example.com", "password": "x", "otp": "1"});
    assert_eq!(field(extra).await, (400, "otp".to_owned()));
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let app = App::start().await;
    let wrong = json!({"email": "ada@example.com", "password": "wrong password"});
    for _ in 0..10 {
        assert_eq!(app.post("/api/auth/login").json(&wrong).send().await.status, 401);
    }
    let right = json!({"email": "ada@example.com", "password": PASSWORD});
    let reply = app.post("/api/auth/login").json(&right).send().await;
    assert_eq!(reply.problem(), (429, vec![]));
    assert_eq!(reply.header("retry-after"), "6");
    assert_eq!(app.post("/api/auth/login").peer([192, 0, 2, 8]).json(&right).send().await.status, 200);
    app.clock.advance(Duration::from_secs(6));
    assert_eq!(app.post("/api/auth/login").json(&right).send().await.status, 200);
}

async fn refresh(app: &App, session: &Session) -> crate::app::Reply {
    app.post("/api/auth/refresh").json(&json!({"refreshToken": session.refresh})).send().await
}

#[tokio::test]
async fn a_refresh_token_is_good_for_one_use_and_a_second_one_ends_the_session() {
    let app = App::start().await;
    let first = app.ada().await;
    let reply = refresh(&app, &first).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let text = |field: &str| reply.body[field].as_str().unwrap().to_owned();
    let second = Session { access: text("accessToken"), refresh: text("refreshToken") };
    assert_eq!(reply.body["user"]["email"], "ada@example.com");
    assert_eq!(app.get("/api/auth/me").as_(&second).send().await.status, 200);

    assert_eq!(refresh(&app, &first).await.problem(), (401, vec![]));
    assert_eq!(refresh(&app, &second).await.problem(), (401, vec![]), "the session must be over");
    assert_eq!(app.get("/api/auth/me").as_(&second).send().await.status, 401);
    assert_eq!(app.events("session.closed").await, 1);
}

#[tokio::test]
async fn a_refresh_token_ends_by_itself() {
    let app = App::start().await;
    let session = app.ada().await;
    app.clock.advance(Duration::from_hours(30 * 24));
    assert_eq!(refresh(&app, &session).await.problem(), (401, vec![]));
}

#[tokio::test]
async fn made_up_refresh_tokens_are_refused_and_leave_nothing() {
    let app = App::start().await;
    let session = app.ada().await;
    let (id, _) = session.refresh.split_once('.').unwrap();
    let made_up = ["", "x", "x.y", "018f0000-0000-7000-8000-000000000000.abc", &format!("{id}.abc")];
    for token in made_up {
        let reply = app.post("/api/auth/refresh").json(&json!({"refreshToken": token})).send().await;
        assert_eq!(reply.problem(), (401, vec![]), "{token}");
    }
    assert_eq!(refresh(&app, &session).await.status, 200, "the real one must still be good");
}

#[tokio::test]
async fn an_access_token_ends_after_fifteen_minutes() {
    let app = App::start().await;
    let session = app.ada().await;
    app.clock.advance(Duration::from_secs(899));
    assert_eq!(app.get("/api/auth/me").as_(&session).send().await.status, 200);
    app.clock.advance(Duration::from_secs(1));
    let reply = app.get("/api/auth/me").as_(&session).send().await;
    assert_eq!(reply.problem(), (401, vec![]));
    assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"clawplane\"");
}

#[tokio::test]
async fn signing_out_ends_the_session_by_either_token() {
    let app = App::start().await;
    let by_access = app.ada().await;
    let reply = app.post("/api/auth/logout").as_(&by_access).send().await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (204, ""));

    let by_refresh = app.ada().await;
    let body = json!({"refreshToken": by_refresh.refresh});
    assert_eq!(app.post("/api/auth/logout").json(&body).send().await.status, 204);
    assert_eq!(app.post("/api/auth/logout").json(&body).send().await.status, 204, "twice changes nothing");

    for session in [by_access, by_refresh] {
        assert_eq!(app.get("/api/auth/me").as_(&session).send().await.status, 401);
        assert_eq!(refresh(&app, &session).await.status, 401);
    }
    assert_eq!(app.post("/api/auth/logout").send().await.problem(), (401, vec![]));
    assert_eq!(app.events("session.closed").await, 2);
}
