use super::*;
use crate::testing::ManualClock;
use http::Response;
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, net::SocketAddr, sync::Mutex};
use tokio::net::TcpListener;

type Seen = Arc<Mutex<Vec<(String, http::HeaderMap)>>>;

/// A vendor that answers with a status and a body to whatever is asked.
async fn vendor(status: u16, body: &'static str) -> (SocketAddr, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Seen::default());
    let noting = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = Arc::clone(&noting);
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                seen.lock().unwrap().push((request.uri().to_string(), request.headers().clone()));
                let answer = Response::builder().status(status).body(Full::new(Bytes::from(body))).unwrap();
                async move { Ok::<_, Infallible>(answer) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, seen)
}

fn verifier(allow: &str) -> Verifier {
    let roots = crate::ExtraRoots::default();
    Verifier::new(allow.parse().unwrap(), &roots, Arc::new(ManualClock::new("2026-11-20T12:00:00Z"))).unwrap()
}

async fn verify(name: &str, address: SocketAddr, allow: &str) -> Verification {
    let url = format!("http://{address}").parse().unwrap();
    verifier(allow).verify(name, Some(&url), None, &Secret::new("sk-1".to_owned())).await
}

#[tokio::test]
async fn each_status_has_its_meaning() {
    for (status, body, ok, code) in [
        (200, "{}", true, "ok"),
        (401, "{}", false, "refused"),
        (403, "{}", false, "refused"),
        (402, "{}", false, "quota_exhausted"),
        (429, "{}", false, "rate_limited"),
        (429, r#"{"error":{"code":"insufficient_quota"}}"#, false, "quota_exhausted"),
        (500, "{}", false, "upstream_error"),
        (404, "{}", false, "inconclusive"),
    ] {
        let (address, _) = vendor(status, body).await;
        let said = verify("openai", address, "127.0.0.0/8").await;
        assert_eq!((said.ok, said.status, said.code), (ok, Some(status), code), "{said:?}");
        assert!(!said.detail.contains("sk-1"));
    }
}

#[tokio::test]
async fn each_family_is_asked_for_what_only_a_good_key_gets() {
    for (name, path, header, value) in [
        ("openai", "/models", "authorization", "Bearer sk-1"),
        ("anthropic", "/v1/models", "x-api-key", "sk-1"),
        ("google", "/v1beta/models", "x-goog-api-key", "sk-1"),
        ("cohere", "/v1/models", "authorization", "Bearer sk-1"),
        ("openrouter", "/key", "authorization", "Bearer sk-1"),
        ("azure-openai", "/openai/models?api-version=2024-10-21", "api-key", "sk-1"),
    ] {
        let (address, seen) = vendor(200, "{}").await;
        assert!(verify(name, address, "127.0.0.0/8").await.ok, "{name}");
        let (uri, headers) = seen.lock().unwrap().pop().unwrap();
        assert_eq!((uri.as_str(), headers[header].to_str().unwrap()), (path, value), "{name}");
        assert_eq!(headers.contains_key("anthropic-version"), name == "anthropic");
    }
}

#[tokio::test]
async fn a_private_address_is_not_asked() {
    let (address, seen) = vendor(200, "{}").await;
    let said = verify("openai", address, "").await;
    assert_eq!((said.ok, said.status, said.code), (false, None, "upstream_not_allowed"));
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn nobody_there_is_no_verdict_on_the_key() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let said = verify("openai", nobody, "127.0.0.0/8").await;
    assert_eq!((said.ok, said.status, said.code), (false, None, "upstream_unreachable"));
    let said =
        verifier("").verify("custom", None, Some(ApiType::Openai), &Secret::new("sk".to_owned())).await;
    assert_eq!((said.ok, said.code), (false, "inconclusive"));
}
