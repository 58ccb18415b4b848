//! Questions to a bot's gateway: `GET /healthz`, which needs no token, and one that does.

use bytes::Bytes;
use clawplane_domain::Secret;
use http::{Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::{net::SocketAddr, time::Duration};
use tokio::net::TcpStream;

/// Longest wait for an answer.
const LONGEST: Duration = Duration::from_secs(3);

pub(super) async fn probe(gateway: SocketAddr) -> Result<(), String> {
    match tokio::time::timeout(LONGEST, ask(gateway, "/healthz", None)).await {
        Ok(Ok(StatusCode::OK)) => Ok(()),
        Ok(Ok(status)) => Err(format!("/healthz answers {status}")),
        Ok(Err(error)) => Err(format!("/healthz does not answer: {error}")),
        Err(_) => Err(format!("/healthz does not answer within {} s", LONGEST.as_secs())),
    }
}

/// Whatever it answers: it is only about whether the token is let in.
pub(super) async fn takes_token(gateway: SocketAddr, token: &Secret) -> Result<bool, String> {
    match tokio::time::timeout(LONGEST, ask(gateway, "/v1/models", Some(token))).await {
        Ok(Ok(status)) => Ok(status != StatusCode::UNAUTHORIZED),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", LONGEST.as_secs())),
    }
}

async fn ask(
    gateway: SocketAddr,
    path: &str,
    token: Option<&Secret>,
) -> Result<StatusCode, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(gateway).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::get(path).header(header::HOST, gateway.to_string());
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    let request = request.body(Empty::<Bytes>::new())?;
    // The connection is driven here and not by a task of its own; dropping the sender ends it.
    let answer = async move { sender.send_request(request).await.map(|answer| answer.status()) };
    let (status, _closed) = futures::join!(answer, connection);
    Ok(status?)
}
