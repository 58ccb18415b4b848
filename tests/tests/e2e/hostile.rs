//! Hostile clients at the real listener, over raw TCP: smuggled requests, oversized heads, thousands of idle connections;
//! and base URLs that lead inside.

use clawplane_tests::{FakeVendor, Platform, Serve, serve::MASTER_KEY, wait};
use serde_json::json;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// More than the places of most servers, and than a soft limit of open files.
const IDLE: usize = 10_000;

struct Target {
    platform: Platform,
    vendor: FakeVendor,
    token: String,
}

impl Target {
    async fn new() -> Self {
        let vendor = FakeVendor::start().await;
        let upstreams = [vendor.addr.to_string()];
        let platform = Platform::start_with(&upstreams, &[("BOT_MASTER_KEY", MASTER_KEY)], &[]).await;
        let admin = platform.admin().await;
        admin.add_key("openai", "sk-hostile", &format!("{}/v1", vendor.url())).await;
        let token = admin.add_bot("scout").await;
        Self { platform, vendor, token }
    }

    /// A request for `model`, whole and honest.
    fn request(&self, model: &str) -> String {
        let body = body(model);
        let head = self.head("/api/v1/openai/chat/completions");
        format!("{head}content-length: {}\r\n\r\n{body}", body.len())
    }

    /// A request's head up to its framing.
    fn head(&self, target: &str) -> String {
        format!(
            "POST {target} HTTP/1.1\r\nhost: proxy\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n",
            self.token
        )
    }

    /// Sends bytes on a connection of their own; all that comes back until it is closed, or nothing more comes.
    async fn send(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(address(&self.platform.url)).await.expect("a connection");
        stream.write_all(bytes).await.expect("sent");
        let mut answer = Vec::new();
        let mut piece = [0; 16 << 10];
        while let Ok(Ok(got @ 1..)) = timeout(Duration::from_millis(700), stream.read(&mut piece)).await {
            answer.extend_from_slice(&piece[..got]);
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// How often the vendor was asked for a model.
    fn asked_for(&self, model: &str) -> usize {
        self.vendor.seen().iter().filter(|seen| seen.body["model"] == json!(model)).count()
    }
}

fn body(model: &str) -> String {
    json!({"model": model, "messages": [{"role": "user", "content": "x"}]}).to_string()
}

fn address(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("none")
}

fn answers(answer: &str) -> usize {
    answer.matches("HTTP/1.1 ").count()
}

#[tokio::test]
async fn no_request_is_smuggled_behind_another() {
    let target = Target::new().await;
    let inner = target.request("smuggled");
    let chat = target.head("/api/v1/openai/chat/completions");
    let length = |extra: &str| format!("content-length: {}\r\n{extra}\r\n", inner.len() + 5);
    // What two parsers could disagree about, with another request in the part that only one of them sees as a body.
    let framings = [
        ("a length, then an encoding", length("transfer-encoding: chunked\r\n")),
        ("an encoding, then a length", format!("transfer-encoding: chunked\r\n{}", length(""))),
        ("two lengths", format!("content-length: 5\r\n{}", length(""))),
        ("a list of lengths", length("").replace("content-length: ", "content-length: 5, ")),
        ("a length with a sign", length("").replace("content-length: ", "content-length: +")),
        ("an encoding that is not the last", "transfer-encoding: chunked, identity\r\n\r\n".to_owned()),
        ("an unknown encoding", "transfer-encoding: xchunked\r\n\r\n".to_owned()),
        ("two encodings", "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n".to_owned()),
        ("a blank before the colon", "transfer-encoding : chunked\r\n\r\n".to_owned()),
        ("a vertical tab", "transfer-encoding: \u{b}chunked\r\n\r\n".to_owned()),
        ("a folded line", "transfer-encoding:\r\n chunked\r\n\r\n".to_owned()),
        ("a NUL", "transfer-encoding: chunked\0\r\n\r\n".to_owned()),
        ("a bare CR", "x: a\rtransfer-encoding: chunked\r\n\r\n".to_owned()),
        (
            "a chunk of more than there is",
            "transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n".to_owned(),
        ),
        ("a chunk in C", "transfer-encoding: chunked\r\n\r\n0x0\r\n\r\n".to_owned()),
        ("a chunk with a bare LF", "transfer-encoding: chunked\r\n\r\n0\n\n".to_owned()),
    ];
    for (what, framing) in framings {
        let answer = target.send(format!("{chat}{framing}0\r\n\r\n{inner}").as_bytes()).await;
        assert!(answers(&answer) <= 1, "{what}: {answer}");
        assert!(["400", "none"].contains(&status(&answer)) || what.contains("encoding"), "{what}: {answer}");
        assert_eq!(target.asked_for("smuggled"), 0, "{what}: {answer}");
    }
    for (what, bad) in [
        ("no host", target.request("bad").replace("host: proxy\r\n", "")),
        ("two hosts", target.request("bad").replace("host: proxy\r\n", "host: proxy\r\nhost: other\r\n")),
        ("a NUL in a header", target.request("bad").replace("host:", "x: a\0b\r\nhost:")),
        ("a header without a name", target.request("bad").replace("host:", ": x\r\nhost:")),
        ("an encoding in HTTP/1.0", {
            let old = format!("{chat}transfer-encoding: chunked\r\n\r\n0\r\n\r\n");
            old.replace("HTTP/1.1", "HTTP/1.0")
        }),
        ("a tunnel", "CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example\r\n\r\n".to_owned()),
    ] {
        let answer = target.send(bad.as_bytes()).await;
        assert!(!status(&answer).starts_with('2'), "{what}: {answer}");
        assert_eq!(target.asked_for("bad"), 0, "{what}");
    }
}

#[tokio::test]
async fn an_authority_in_the_request_leads_nowhere_and_pipelined_requests_are_answered_in_order() {
    let target = Target::new().await;
    let evil = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let there = format!("http://{}/api/v1/", evil.local_addr().expect("an address"));
    let answer = target.send(target.request("absolute").replace("/api/v1/", &there).as_bytes()).await;
    assert_eq!((status(&answer), target.asked_for("absolute")), ("200", 1), "{answer}");
    assert!(timeout(Duration::from_millis(200), evil.accept()).await.is_err(), "nobody comes there");

    let both = format!("{}{}", target.request("first"), target.request("second"));
    let answer = target.send(both.as_bytes()).await;
    assert_eq!(answers(&answer), 2, "{answer}");
    let (first, second) = (answer.find("\"first\""), answer.find("\"second\""));
    assert!(first.is_some() && first < second, "{answer}");

    // A line feed alone ends a line, too (RFC 9112, section 2.2): what goes on is written anew.
    let (head, body) = target
        .request("feed")
        .split_once("\r\n\r\n")
        .map(|(h, b)| (h.replace("\r\n", "\n"), b.to_owned()))
        .expect("two parts");
    let answer = target.send(format!("{head}\n\n{body}").as_bytes()).await;
    assert!(target.asked_for("feed") <= 1 && answers(&answer) == 1, "{answer}");
}

#[tokio::test]
async fn oversized_heads_are_refused_and_cost_little() {
    let target = Target::new().await;
    let large = |size: usize| format!("host: proxy\r\nx-large: {}\r\n", "x".repeat(size));
    let many = |count: usize| {
        format!("host: proxy\r\n{}", (0..count).map(|n| format!("x-{n}: 1\r\n")).collect::<String>())
    };
    for (what, headers, expected) in [
        ("a large header", large(30_000), "200"),
        ("a larger one", large(200_000), "431"),
        ("many headers", many(60), "200"),
        ("too many", many(200), "431"),
    ] {
        let answer =
            target.send(target.request("sized").replace("host: proxy\r\n", &headers).as_bytes()).await;
        assert_eq!(status(&answer), expected, "{what}: {answer}");
    }
    let path = format!("/api/v1/openai/{}", "a".repeat(200_000));
    let answer = target.send(format!("{}\r\n", target.head(&path)).as_bytes()).await;
    assert!(["414", "431"].contains(&status(&answer)), "{answer}");
}

/// Ten thousand connections that say nothing, or half a head, do not keep anybody out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_connections_are_borne() {
    let files = std::process::Command::new("prlimit")
        .args(["--nofile=24000:24000", "--pid", &std::process::id().to_string()])
        .status();
    if !files.is_ok_and(|done| done.success()) {
        eprintln!("SKIPPED: ten thousand idle connections: this process may not open so many files");
        return;
    }
    let target = Target::new().await;
    let mut proxy = Serve::beside(&target.platform, &[target.vendor.addr.to_string()], &[]);
    proxy.launch().await;
    let http = reqwest::Client::new();
    let ask = |model: String| {
        let request = http.post(format!("{}/api/v1/openai/chat/completions", proxy.url));
        let request =
            request.bearer_auth(&target.token).header("content-type", "application/json").body(body(&model));
        async move { request.send().await.map(|answer| answer.status().as_u16()) }
    };
    assert_eq!(ask("before".to_owned()).await.ok(), Some(200));
    let before = proxy.memory();
    let mut idle = Vec::with_capacity(IDLE);
    for n in 0..IDLE {
        let mut stream = TcpStream::connect(address(&proxy.url)).await.expect("a connection");
        // Some have said nothing, some half a head, some were answered and keep the connection.
        match n % 3 {
            0 => {}
            1 => stream
                .write_all(b"POST /api/v1/openai/chat/completions HTTP/1.1\r\nhost: p\r\nx: ")
                .await
                .expect("sent"),
            _ => stream.write_all(b"GET /api/v1/ HTTP/1.1\r\nhost: p\r\n\r\n").await.expect("sent"),
        }
        idle.push(stream);
        if n % 1000 == 999 {
            let answered = timeout(Duration::from_secs(10), ask(format!("during-{n}"))).await;
            assert_eq!(answered.expect("in time").ok(), Some(200), "with {n} idle connections");
        }
    }
    let each = (proxy.memory() - before) / IDLE as u64;
    eprintln!("an idle connection costs {each} bytes of memory");
    assert!(each < 40_000, "{each} bytes each");
    drop(idle);
    wait::until("the proxy to be as before", 10, || async {
        match ask("after".to_owned()).await {
            Ok(200) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert!(proxy.stop(), "it stops in order");
}

/// What a tenant may not name as a vendor's address, however it is spelt.
#[tokio::test]
async fn base_urls_that_lead_inside_are_refused_when_they_are_saved() {
    let target = Target::new().await;
    let admin = target.platform.admin().await;
    for url in [
        "https://127.0.0.1/v1",
        "https://10.0.0.1",
        "https://169.254.169.254/latest/meta-data",
        "https://[fd00:ec2::254]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://0.0.0.0/",
        "https://2130706433/",
        "https://017700000001/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://localhost./",
        "https://metadata.google.internal/",
        "https://a.b.localhost/",
        "http://api.openai.com/v1",
        "https://user:password@api.openai.com/v1",
        "ftp://api.openai.com/",
    ] {
        let key = json!({"vendor": "openai", "secret": "sk-x", "label": "inside", "baseUrl": url});
        let (status, body) = admin.send(reqwest::Method::POST, "/api/provider-key", Some(&key)).await;
        assert!(status.is_client_error(), "{url}: {status} {body}");
        assert!(body.to_string().contains("baseUrl"), "{url}: {body}");
    }
}
