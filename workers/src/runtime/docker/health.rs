//! One question to a bot's gateway: `GET /healthz`, which needs no token.

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::{net::SocketAddr, time::Duration};
use tokio::net::TcpStream;

/// Longest wait for an answer.
const LONGEST: Duration = Duration::from_secs(3);

pub(super) async fn probe(gateway: SocketAddr) -> Result<(), String> {
    match tokio::time::timeout(LONGEST, ask(gateway)).await {
        Ok(Ok(StatusCode::OK)) => Ok(()),
        Ok(Ok(status)) => Err(format!("/healthz answers {status}")),
        Ok(Err(error)) => Err(format!("/healthz does not answer: {error}")),
        Err(_) => Err(format!("/healthz does not answer within {} s", LONGEST.as_secs())),
    }
}

async fn ask(gateway: SocketAddr) -> Result<StatusCode, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(gateway).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request =
        Request::get("/healthz").header(header::HOST, gateway.to_string()).body(Empty::<Bytes>::new())?;
    // The connection is driven here and not by a task of its own; dropping the sender ends it.
    let answer = async move { sender.send_request(request).await.map(|answer| answer.status()) };
    let (status, _closed) = futures::join!(answer, connection);
    Ok(status?)
}
