//! The way to bots' own interfaces: who comes through, what passes, what does not.

use crate::app::{App, Call, Reply, Session};
use axum::{
    Json, Router,
    extract::{Request, WebSocketUpgrade, ws::Message},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use clawplane_api::ports::machines::ExecEnd;
use futures::{SinkExt, StreamExt};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};
use tokio_tungstenite::tungstenite::{client::IntoClientRequest, http};

const HOST: &str = "one.bots.example.com";
const ORIGIN: &str = "https://one.bots.example.com";
const LONGEST: Duration = Duration::from_secs(10);

/// A bot's gateway that says what it was sent, and answers with everything that a hostile one might.
async fn gateway() -> SocketAddr {
    async fn echo(request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let headers: Value = parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let body = axum::body::to_bytes(body, 1_000_000).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let said = json!({"uri": parts.uri.to_string(), "method": parts.method.as_str(), "headers": headers, "body": body});
        let mut response = Json(said).into_response();
        for (name, value) in [
            ("set-cookie", "clawplane-bot=stolen; Domain=bots.example.com"),
            ("clear-site-data", "\"*\""),
            ("www-authenticate", "Basic realm=\"the platform\""),
            ("service-worker-allowed", "/"),
            ("access-control-allow-origin", "*"),
            ("strict-transport-security", "max-age=1"),
            ("x-clawplane-position", "9-9"),
            ("connection", "x-private"),
            ("x-private", "secret"),
            ("content-security-policy", "script-src 'self'"),
            ("location", "/elsewhere"),
            ("x-own", "stays"),
        ] {
            response.headers_mut().append(name, HeaderValue::from_static(value));
        }
        response
    }
    async fn socket(headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
        let seen = format!(
            "{:?} {:?} {:?}",
            headers.get(header::AUTHORIZATION),
            headers.get(header::ORIGIN),
            headers.get(header::COOKIE)
        );
        upgrade.on_upgrade(async move |mut socket| {
            let _ = socket.send(Message::text(seen)).await;
            while let Some(Ok(message)) = socket.recv().await {
                if socket.send(message).await.is_err() {
                    return;
                }
            }
        })
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/ws", get(socket)).fallback(any(echo));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

struct Place {
    app: App,
    ada: Session,
    token: String,
}

async fn place() -> Place {
    let app = App::start().await;
    app.register("bea@example.com", false).await;
    let ada = app.ada().await;
    let made = app.create_bot(&ada, "one").await;
    let token = made.body["gatewayToken"].as_str().unwrap().to_owned();
    app.create_bot(&ada, "two").await;
    *app.fakes.machine.gateway.lock().unwrap() = Some(gateway().await);
    Place { app, ada, token }
}

/// `name=value` of the cookie that an answer sets.
fn cookie(reply: &Reply) -> String {
    reply.header("set-cookie").split(';').next().unwrap().to_owned()
}

impl Place {
    async fn session(&self) -> Reply {
        let reply = self.app.post("/api/bot/one/session").as_(&self.ada).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply
    }

    fn on_host(&self, method: Method, path: &str) -> Call {
        self.app.call(method, path).header("host", HOST).plain()
    }

    /// The cookie of the bot's own host.
    async fn host_cookie(&self) -> String {
        let url = self.session().await.body["url"].as_str().unwrap().to_owned();
        let reply = self.on_host(Method::GET, url.strip_prefix(ORIGIN).unwrap()).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        cookie(&reply)
    }
}

#[tokio::test]
async fn a_program_comes_through_with_its_access_token_and_the_bot_gets_its_own() {
    let place = place().await;
    let call = place.app.post("/bots/one/v1/chat?x=1%202").as_(&place.ada).plain();
    let call = call
        .header("cookie", "clawplane-bot-one=x; other=y")
        .header("host", "platform.example.com")
        .header("connection", "x-hop, keep-alive")
        .header("x-hop", "1")
        .header("x-forwarded-for", "6.6.6.6")
        .header("x-clawplane-user", "somebody-else")
        .header("tailscale-user-login", "root")
        .header("referer", "https://platform.example.com/console?secret")
        .header("x-own", "kept");
    let reply = call.text("hello").send().await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let said = &reply.body;
    assert_eq!(
        (&said["uri"], &said["method"], &said["body"]),
        (&json!("/v1/chat?x=1%202"), &json!("POST"), &json!("hello"))
    );
    let headers = &said["headers"];
    assert_eq!(headers["authorization"], json!(format!("Bearer {}", place.token)));
    assert!(headers["host"].as_str().unwrap().starts_with("127.0.0.1:92"), "{headers}");
    assert_eq!((&headers["x-own"], &headers["via"]), (&json!("kept"), &json!("1.1 clawplane")));
    assert_eq!(headers["x-clawplane-client"], json!("192.0.2.7"));
    assert!(uuid::Uuid::parse_str(headers["x-clawplane-user"].as_str().unwrap()).is_ok(), "{headers}");
    for gone in ["cookie", "x-hop", "x-forwarded-for", "tailscale-user-login", "referer", "connection"] {
        assert_eq!(headers[gone], Value::Null, "{gone}");
    }
    assert!(!reply.text.contains(&place.ada.access), "the platform's own token stays here");
}

#[tokio::test]
async fn a_bot_cannot_act_for_the_platforms_origin() {
    let place = place().await;
    let reply = place.app.get("/bots/one/page").as_(&place.ada).plain().send().await;
    for gone in [
        "set-cookie",
        "clear-site-data",
        "www-authenticate",
        "service-worker-allowed",
        "access-control-allow-origin",
        "strict-transport-security",
        "x-clawplane-position",
        "x-private",
    ] {
        assert_eq!(reply.header(gone), "", "{gone}");
    }
    let policies: Vec<_> = reply.headers.get_all("content-security-policy").iter().collect();
    assert_eq!(policies.len(), 1);
    assert!(policies[0].to_str().unwrap().starts_with("sandbox; default-src 'none'"), "{policies:?}");
    assert_eq!((reply.header("x-content-type-options"), reply.header("x-own")), ("nosniff", "stays"));
    assert_eq!(reply.header("location"), "/bots/one/elsewhere");
    // On its own host it keeps its policy and its paths, and nothing more.
    let own = place.on_host(Method::GET, "/page").as_(&place.ada).send().await;
    assert_eq!(
        (own.header("content-security-policy"), own.header("location")),
        ("script-src 'self'", "/elsewhere")
    );
    assert_eq!((own.header("set-cookie"), own.header("clear-site-data")), ("", ""));
}

#[tokio::test]
async fn nobody_comes_through_who_may_not() {
    let place = place().await;
    let bea = place.app.sign_in("bea@example.com").await;
    let get = |path: &str| place.app.get(path).plain();
    for (call, status) in [
        (get("/bots/one/x"), 401),
        (get("/bots/nobody/x"), 401),
        (get("/bots/one/x").header("cookie", "clawplane-bot-one=forged"), 401),
        (get("/bots/one/x").header("cookie", &format!("clawplane-bot-one={}", place.ada.access)), 401),
        (get("/bots/one/x").as_(&bea), 404),
        (get("/bots/nobody/x").as_(&place.ada), 404),
        (get("/bots/No_Name/x").as_(&place.ada), 404),
        (place.on_host(Method::GET, "/x"), 401),
        (place.on_host(Method::GET, "/x").as_(&bea), 404),
        (get("/x").header("host", "a.b.bots.example.com").as_(&place.ada), 404),
        // A bot's host has no API, and the domain itself is nobody's.
        (place.on_host(Method::GET, "/api/bot"), 401),
        (get("/api/bot").header("host", "bots.example.com"), 401),
    ] {
        let reply = call.send().await;
        assert_eq!(reply.status.as_u16(), status, "{}", reply.text);
        assert_eq!(reply.header("content-type"), "application/problem+json");
    }
    let api = place.on_host(Method::GET, "/api/bot").as_(&place.ada).send().await;
    assert_eq!(api.body["uri"], "/api/bot", "it is the bot that is asked");
    let slash = get("/bots/one").as_(&place.ada).send().await;
    assert_eq!((slash.status, slash.header("location")), (StatusCode::PERMANENT_REDIRECT, "/bots/one/"));
    *place.app.fakes.machine.gateway.lock().unwrap() = None;
    let down = get("/bots/one/x").as_(&place.ada).send().await;
    assert_eq!(down.problem(), (503, vec![]));
    place.app.post("/api/bot/one/token/revoke").as_(&place.ada).send().await;
    let revoked = place.app.get("/bots/one/x").as_(&place.ada).send().await;
    assert!(revoked.text.contains("revoked"), "{}", revoked.text);
}

#[tokio::test]
async fn a_browser_comes_by_a_ticket_that_is_good_once() {
    let place = place().await;
    let opened = place.session().await;
    let set = opened.header("set-cookie");
    assert!(
        set.contains("; Path=/bots/one/; Max-Age=3600; HttpOnly; SameSite=Strict") && !set.contains("Secure"),
        "{set}"
    );
    assert_eq!(opened.body["path"], "/bots/one/");
    let url = opened.body["url"].as_str().unwrap().strip_prefix(ORIGIN).unwrap().to_owned();
    let signed = place.on_host(Method::GET, &url).send().await;
    let set = signed.header("set-cookie");
    assert!(
        set.starts_with("__Host-clawplane-bot=") && set.ends_with("; Secure") && set.contains("; Path=/;"),
        "{set}"
    );
    assert_eq!(signed.header("cache-control"), "no-store");
    let again = place.on_host(Method::GET, &url).send().await;
    assert_eq!((again.status.as_u16(), again.header("set-cookie")), (401, ""));
    let through = place.on_host(Method::GET, "/x").header("cookie", &cookie(&signed)).send().await;
    assert_eq!(through.status, 200, "{}", through.text);
    // Beside a good cookie, the interface's own word is the bot's business: it gets the right one.
    let call = place
        .on_host(Method::GET, "/x")
        .header("cookie", &cookie(&signed))
        .header("authorization", "Bearer device");
    assert_eq!(call.send().await.body["headers"]["authorization"], json!(format!("Bearer {}", place.token)));

    let late = place.session().await.body["url"].as_str().unwrap().strip_prefix(ORIGIN).unwrap().to_owned();
    place.app.clock.advance(Duration::from_secs(61));
    assert_eq!(place.on_host(Method::GET, &late).send().await.status, 401);
    // A cookie is no ticket and a ticket is no cookie.
    let value = cookie(&signed).split_once('=').unwrap().1.to_owned();
    assert_eq!(
        place.on_host(Method::GET, &format!("/.clawplane/session?ticket={value}")).send().await.status,
        401
    );
    let ticket = late.split_once("ticket=").unwrap().1;
    let call = place.on_host(Method::GET, "/x").header("cookie", &format!("__Host-clawplane-bot={ticket}"));
    assert_eq!(call.send().await.status, 401);
}

#[tokio::test]
async fn a_cookie_is_for_one_bot_and_ends_with_its_session() {
    let place = place().await;
    let mine = place.host_cookie().await;
    let other = place
        .app
        .get("/x")
        .plain()
        .header("host", "two.bots.example.com")
        .header("cookie", &mine)
        .send()
        .await;
    assert_eq!(other.status, 401);
    // The name alone does not make it the same bot.
    place.app.delete("/api/bot/one").as_(&place.ada).send().await;
    place.app.create_bot(&place.ada, "one").await;
    let call = place.app.get("/x").header("host", HOST).header("cookie", &mine);
    assert_eq!(call.send().await.status, 401);

    let mine = place.host_cookie().await;
    place.app.clock.advance(Duration::from_mins(6));
    let renewed = place.on_host(Method::GET, "/x").header("cookie", &mine).send().await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    let fresh = cookie(&renewed);
    assert!(fresh.starts_with("__Host-clawplane-bot=") && fresh != mine, "{fresh}");
    let ada = place.app.ada().await;
    let logged_out = place.app.post("/api/auth/logout").as_(&place.ada).send().await;
    assert!(logged_out.status.is_success(), "{}", logged_out.text);
    for cookie in [&mine, &fresh] {
        assert_eq!(place.on_host(Method::GET, "/x").header("cookie", cookie).send().await.status, 401);
    }
    // Another process heard nothing of the sign-out: there it ends when it is looked at again.
    let other = clawplane_api::router(clawplane_api::ApiState::new(place.app.deps.clone()));
    place.app.clock.advance(Duration::from_mins(6));
    let mut elsewhere = place.on_host(Method::GET, "/x").header("cookie", &fresh);
    elsewhere.set_router(other);
    assert_eq!(elsewhere.send().await.status, 401);
    drop(ada);
}

#[tokio::test]
async fn no_other_page_makes_a_browser_speak_for_somebody() {
    let place = place().await;
    let host = place.host_cookie().await;
    let path = cookie(&place.session().await);
    let on_host = |method: Method| place.on_host(method, "/x").header("cookie", &host);
    let on_path = |method: Method| {
        place
            .app
            .call(method, "/bots/one/x")
            .plain()
            .header("host", "platform.example.com")
            .header("cookie", &path)
    };
    for (call, status) in [
        (on_host(Method::GET), 200),
        (on_host(Method::GET).header("sec-fetch-site", "none"), 200),
        (
            on_host(Method::GET).header("sec-fetch-site", "same-origin").header("sec-fetch-dest", "script"),
            200,
        ),
        (on_host(Method::POST).header("origin", ORIGIN), 200),
        // A neighbour is on the same site.
        (on_host(Method::GET).header("sec-fetch-site", "same-site"), 403),
        (on_host(Method::GET).header("sec-fetch-site", "cross-site"), 403),
        (on_host(Method::POST).header("origin", "https://two.bots.example.com"), 403),
        (on_host(Method::POST).header("origin", "http://one.bots.example.com"), 403),
        (on_host(Method::POST).header("origin", "null"), 403),
        (on_host(Method::POST), 403),
        (on_path(Method::GET), 200),
        (on_path(Method::POST).header("origin", "https://platform.example.com"), 200),
        (on_path(Method::POST).header("origin", "https://evil.example.com"), 403),
        (
            on_path(Method::GET).header("sec-fetch-site", "same-origin").header("sec-fetch-dest", "script"),
            403,
        ),
        (
            on_path(Method::GET)
                .header("sec-fetch-site", "same-origin")
                .header("sec-fetch-dest", "serviceworker"),
            403,
        ),
        (
            on_path(Method::GET).header("sec-fetch-site", "same-origin").header("sec-fetch-dest", "document"),
            200,
        ),
    ] {
        let reply = call.send().await;
        assert_eq!(reply.status.as_u16(), status, "{}", reply.text);
    }
}

async fn dial(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>, u16>
{
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    for (name, value) in headers {
        request
            .headers_mut()
            .insert(http::HeaderName::try_from(*name).unwrap(), http::HeaderValue::from_str(value).unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn websockets_come_through_and_hijackers_do_not() {
    let place = place().await;
    let address = place.app.serve().await;
    let cookie = place.host_cookie().await;
    let on_host = [("host", HOST), ("cookie", cookie.as_str())];
    let with = |origin: &'static str| [on_host[0], on_host[1], ("origin", origin)];
    assert_eq!(dial(address, "/ws", &on_host).await.err(), Some(403), "a browser says which page it is");
    assert_eq!(dial(address, "/ws", &with("https://two.bots.example.com")).await.err(), Some(403));
    assert_eq!(dial(address, "/ws", &[("host", HOST), ("origin", ORIGIN)]).await.err(), Some(401));
    let mut socket = dial(address, "/ws", &with(ORIGIN)).await.unwrap();
    let mut next = async || tokio::time::timeout(LONGEST, socket.next()).await.unwrap().unwrap().unwrap();
    let seen = next().await.into_text().unwrap();
    assert!(seen.contains("Sensitive") || seen.contains(&place.token), "{seen}");
    assert!(
        seen.contains("http://127.0.0.1:92") && seen.ends_with("None"),
        "its own origin and no cookie: {seen}"
    );
    socket.send("there and back".into()).await.unwrap();
    let back = tokio::time::timeout(LONGEST, socket.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(back.into_text().unwrap(), "there and back");

    let bearer = format!("Bearer {}", place.ada.access);
    let mut program = dial(address, "/bots/one/ws", &[("authorization", &bearer)]).await.unwrap();
    program.next().await.unwrap().unwrap();
    // When the platform stops, nobody is left hanging.
    place.app.shutdown.cancel();
    for socket in [&mut socket, &mut program] {
        let ended =
            tokio::time::timeout(LONGEST, async { while let Some(Ok(_)) = socket.next().await {} }).await;
        assert!(ended.is_ok(), "it ends");
    }
}

#[tokio::test]
async fn an_interface_is_handed_a_credential_of_its_own() {
    let place = place().await;
    let cookie = place.host_cookie().await;
    let ask = || place.on_host(Method::GET, "/.well-known/openclaw/browser-bootstrap");
    assert_eq!(ask().send().await.status, 401);
    assert_eq!(
        ask().header("cookie", &cookie).header("sec-fetch-site", "cross-site").send().await.status,
        403
    );
    let printed = json!({
        "ok": true,
        "url": format!("http://127.0.0.1:18789/#token={}", place.token),
        "browserUrl": "http://127.0.0.1:18789/#bootstrapToken=b17r-oHf&bootstrapProfile=owner&gatewayUrl=ws%3A%2F%2F127.0.0.1",
    });
    let print = |text: String| {
        let end = ExecEnd { exit_code: Some(0), stdout: text.into_bytes(), ..ExecEnd::default() };
        *place.app.fakes.machine.prints.lock().unwrap() = Some(end);
    };
    print(format!("a warning\n{printed}\n"));
    let reply = ask().header("cookie", &cookie).send().await;
    assert_eq!(
        reply.body,
        json!({"bootstrapToken": "b17r-oHf", "bootstrapProfile": "owner"}),
        "{}",
        reply.text
    );
    assert_eq!(reply.header("cache-control"), "no-store");
    assert!(!reply.text.contains(&place.token));
    assert_eq!(
        (place.app.events("bot.exec_requested").await, place.app.events("bot.exec_finished").await),
        (1, 1)
    );
    print(json!({"ok": false, "reason": "not ready"}).to_string());
    assert_eq!(ask().header("cookie", &cookie).send().await.problem(), (503, vec![]));
    // Below `/bots/` the path is the bot's.
    let below = place
        .app
        .get("/bots/one/.well-known/openclaw/browser-bootstrap")
        .as_(&place.ada)
        .plain()
        .send()
        .await;
    assert_eq!(below.body["uri"], "/.well-known/openclaw/browser-bootstrap");
}

#[tokio::test]
async fn without_tls_the_first_page_comes_with_the_credential() {
    let mut place = place().await;
    place.app.deps.ingress = Some("http://localhost:8080".parse().unwrap());
    let state = clawplane_api::ApiState::new(place.app.deps.clone());
    place.app.router = clawplane_api::router(state);
    let on_host = |path: &str| place.app.get(path).plain().header("host", "one.localhost:8080");
    let url = place.session().await.body["url"].as_str().unwrap().to_owned();
    let signed = on_host(url.strip_prefix("http://one.localhost:8080").unwrap()).send().await;
    let set = signed.header("set-cookie");
    assert!(set.starts_with("clawplane-bot=") && !set.contains("Secure"), "{set}");
    assert!(signed.text.contains("url=/.clawplane/open"), "{}", signed.text);
    let open = || on_host("/.clawplane/open").header("cookie", &cookie(&signed));
    let stdout = json!({"browserUrl": "http://x/#bootstrapToken=a%2Bb&bootstrapProfile=owner"})
        .to_string()
        .into_bytes();
    *place.app.fakes.machine.prints.lock().unwrap() = Some(ExecEnd { stdout, ..ExecEnd::default() });
    let opened = open().send().await;
    assert_eq!(opened.header("location"), "/#bootstrapToken=a%2Bb&bootstrapProfile=owner");
    // What is not OpenClaw has no such thing and is shown all the same.
    *place.app.fakes.machine.prints.lock().unwrap() =
        Some(ExecEnd { exit_code: Some(127), ..ExecEnd::default() });
    assert_eq!(open().send().await.header("location"), "/");
    assert_eq!(on_host("/.clawplane/open").send().await.status, 401);
}
