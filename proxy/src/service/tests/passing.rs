//! What passes through: pieces as they come, trailers, methods and statuses without a body, `Expect`, large answers.

use super::*;
use crate::config::Timeouts;
use futures::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};

async fn next(response: &mut Response<Incoming>) -> Frame<Bytes> {
    tokio::time::timeout(Duration::from_secs(5), response.frame()).await.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn each_piece_is_passed_on_before_the_vendor_has_the_next_one() {
    for (kind, pieces) in [
        ("text/event-stream", ["data: {\"choices\":[", "]}\n", "\ndata: [DONE]\n\n"]),
        ("application/x-ndjson", ["{\"done\":false}\n", "{\"do", "ne\":true}\n"]),
        ("application/json", ["[{\"a\":1}", ",\r\n{\"a\":", "2}]"]),
        ("audio/mpeg", ["ID3", "\u{1}", "\u{7f}\u{0}"]),
    ] {
        let step = Arc::new(Notify::new());
        let held_back = Arc::clone(&step);
        let stage = Stage::new(move |_| {
            let script =
                Script::of(kind, pieces.iter().map(|piece| Bytes::from_static(piece.as_bytes())).collect());
            Script { step: Some(Arc::clone(&held_back)), ..script }
        })
        .await;
        stage.key("openai", "").await;
        let asked = r#"{"stream":true,"stream_options":{"include_usage":true}}"#;
        let request = stage.post("openai/chat/completions", asked).header("authorization", "Bearer tok");
        let mut response = stage.open(request.body(held(asked)).unwrap()).await;
        for (at, piece) in pieces.iter().enumerate() {
            if at > 0 {
                step.notify_one();
            }
            assert_eq!(
                next(&mut response).await.into_data().unwrap(),
                piece.as_bytes(),
                "{kind}: piece {at}"
            );
        }
        assert!(response.frame().await.is_none(), "{kind}");
    }
}

#[tokio::test]
async fn trailers_pass_to_a_client_that_takes_them() {
    let stage = Stage::new(|heard| {
        assert_eq!(heard.headers.get("te").unwrap(), "trailers");
        let mut script = Script::json("{}");
        script.headers.push(("trailer", "x-checksum".to_owned()));
        script.trailers =
            Some(HeaderMap::from_iter([("x-checksum".parse().unwrap(), "abc".parse().unwrap())]));
        script
    })
    .await;
    stage.key("openai", "").await;
    let request =
        stage.post("openai/files", "{}").header("authorization", "Bearer tok").header("te", "trailers");
    let mut response = stage.open(request.body(held("{}")).unwrap()).await;
    assert_eq!(response.headers()["trailer"], "x-checksum");
    assert_eq!(next(&mut response).await.into_data().unwrap(), "{}");
    assert_eq!(next(&mut response).await.into_trailers().unwrap()["x-checksum"], "abc");
}

#[tokio::test]
async fn methods_and_answers_without_a_body_pass() {
    let stage = Stage::new(|heard| {
        let mut script = Script::of("application/json", Vec::new());
        script.headers.push(("etag", "\"e1\"".to_owned()));
        match heard.method.as_str() {
            "HEAD" => script.headers.push(("content-length", "1234".to_owned())),
            "DELETE" => script.status = 204,
            "GET" => script.status = 304,
            _ => script.chunks = vec![heard.body.clone()],
        }
        script
    })
    .await;
    stage.key("openai", "").await;
    for (method, status, sent, length) in [
        ("HEAD", 200, "", Some("1234")),
        ("GET", 304, "", None),
        ("DELETE", 204, "", None),
        ("PUT", 200, "{\"a\":1}", None),
        ("PATCH", 200, "[1]", None),
    ] {
        let request = Request::builder().method(method);
        let request = request.uri(format!("http://{}/api/v1/openai/files/f?x=1", stage.address));
        let got = stage.send(request.header("authorization", "Bearer tok").body(held(sent)).unwrap()).await;
        assert_eq!((got.status.as_u16(), &got.body[..]), (status, sent.as_bytes()), "{method}");
        assert_eq!(got.headers["etag"], "\"e1\"", "{method}");
        if let Some(length) = length {
            assert_eq!(got.headers["content-length"], length, "{method}");
        }
        let heard = stage.vendor.last();
        assert_eq!((heard.method.as_str(), &heard.body[..]), (method, sent.as_bytes()));
    }
    let usage = stage.world.wait_for(5).await;
    assert!(usage.iter().all(|usage| usage.cost_micros == Some(0) && !usage.interrupted), "{usage:?}");
}

#[tokio::test]
async fn a_client_that_expects_100_sends_its_body_after_it() {
    let stage = Stage::new(|heard| {
        assert!(!heard.headers.contains_key("expect"));
        Script::json(ANSWER)
    })
    .await;
    stage.key("openai", "").await;
    let mut client = TcpStream::connect(stage.address).await.unwrap();
    let head = format!(
        "POST /api/v1/openai/chat/completions HTTP/1.1\r\nhost: p\r\nauthorization: Bearer tok\r\nexpect: 100-continue\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        CHAT.len()
    );
    client.write_all(head.as_bytes()).await.unwrap();
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut got = vec![0; interim.len()];
    tokio::time::timeout(Duration::from_secs(5), client.read_exact(&mut got)).await.unwrap().unwrap();
    assert_eq!(got, interim);
    client.write_all(CHAT.as_bytes()).await.unwrap();
    let mut rest = String::new();
    tokio::time::timeout(Duration::from_secs(5), client.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert!(rest.starts_with("HTTP/1.1 200 ") && rest.contains(ANSWER), "{rest}");
    assert_eq!(stage.vendor.last().body, CHAT.as_bytes());
}

#[tokio::test]
async fn a_large_download_comes_whole_and_is_not_kept() {
    const PIECES: usize = 512;
    let piece: Bytes = (0..=255_u8).cycle().take(64 << 10).collect();
    let sent = piece.clone();
    let stage = Stage::new(move |_| Script::of("application/octet-stream", vec![sent.clone(); PIECES])).await;
    stage.key("openai", "").await;
    let request = Request::get(format!("http://{}/api/v1/openai/files/f/content", stage.address));
    let request = request.header("authorization", "Bearer tok");
    let mut response = stage.open(request.body(held("")).unwrap()).await;
    let mut got = 0;
    while let Some(frame) = response.frame().await {
        for byte in frame.unwrap().into_data().unwrap() {
            assert_eq!(byte, piece[got % piece.len()], "byte {got}");
            got += 1;
        }
    }
    assert_eq!(got, PIECES * piece.len());
    assert_eq!(stage.world.wait_for(1).await[0].error, None);
}

/// A body that never ends.
fn endless() -> UpstreamBody {
    let begin =
        stream::iter([Ok::<_, crate::ports::BoxError>(Frame::data(Bytes::from_static(b"{\"model\":")))]);
    UpstreamBody::streamed(StreamBody::new(begin.chain(stream::pending())), u64::MAX)
}

use futures::StreamExt;

#[tokio::test]
async fn a_client_whose_body_does_not_come_is_told() {
    let short = Timeouts { body: Duration::from_millis(60), ..Timeouts::default() };
    let stage = Stage::with(|_| Script::json(ANSWER), |config| config.timeouts = short).await;
    stage.key("openai", "").await;
    let request = Request::post(format!("http://{}/api/v1/openai/chat/completions", stage.address));
    let request = request.header("authorization", "Bearer tok").header("content-type", "application/json");
    let got = stage.send(request.body(endless()).unwrap()).await;
    assert_eq!((got.status.as_u16(), &got.json()["error"]["code"]), (408, &"request_timeout".into()));
    assert!(stage.vendor.heard().is_empty());
    assert_eq!(stage.world.wait_for(1).await[0].error.as_deref(), Some("request_timeout"));
}
