//! Lines over a WebSocket.

use super::LineDto;
use crate::{
    ingress::Tunnels,
    ports::machines::{LogLine, MachineError},
    problem::{Kind, Problem},
};
use axum::{
    extract::{
        WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, header},
    response::Response,
};
use futures::{StreamExt, stream::BoxStream};
use std::time::Duration;

/// The protocol that is spoken.
const PROTOCOL: &str = "clawplane.logs";
/// A client says nothing here; what it says all the same is thrown away, and may not be long.
const LONGEST_MESSAGE: usize = 4096;
/// Between two signs of life, which show that a client is gone.
const PING: Duration = Duration::from_secs(20);
/// A client that takes nothing for so long is gone.
const STALLED: Duration = Duration::from_secs(30);

/// What a client asks for that asks for a WebSocket; one that asks badly is told so.
pub(super) fn wanted(
    headers: &HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Option<WebSocketUpgrade>, Problem> {
    match upgrade {
        Ok(upgrade) => Ok(Some(upgrade)),
        Err(rejection) if headers.contains_key(header::UPGRADE) => {
            Err(Problem::new(Kind::InvalidInput, rejection.body_text()))
        }
        Err(_) => Ok(None),
    }
}

/// Becomes a WebSocket that gets the lines.
pub(super) fn serve(
    upgrade: WebSocketUpgrade,
    lines: BoxStream<'static, Result<LogLine, MachineError>>,
    signed_out: impl Future<Output = ()> + Send + 'static,
    tunnels: Tunnels,
) -> Response {
    let upgrade =
        upgrade.protocols([PROTOCOL]).max_message_size(LONGEST_MESSAGE).max_frame_size(LONGEST_MESSAGE);
    upgrade.on_upgrade(async move |socket| {
        let closing = tunnels.closing();
        tunnels.track(talk(socket, lines, signed_out, closing)).await;
    })
}

async fn talk(
    mut socket: WebSocket,
    mut lines: BoxStream<'static, Result<LogLine, MachineError>>,
    signed_out: impl Future<Output = ()>,
    closing: impl Future<Output = ()>,
) {
    let (mut signed_out, mut closing) = (std::pin::pin!(signed_out), std::pin::pin!(closing));
    let mut ping = tokio::time::interval(PING);
    let (code, reason) = loop {
        let message = tokio::select! {
            line = lines.next() => match line {
                Some(Ok(line)) => {
                    Message::text(serde_json::to_string(&LineDto::from(line)).unwrap_or_default())
                }
                Some(Err(error)) => break (1011, error.to_string()),
                None => break (1000, "the log has ended".to_owned()),
            },
            said = socket.recv() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
            _ = ping.tick() => Message::Ping(axum::body::Bytes::new()),
            () = &mut signed_out => break (1008, "signed out".to_owned()),
            () = &mut closing => break (1001, "the platform stops".to_owned()),
        };
        if !matches!(tokio::time::timeout(STALLED, socket.send(message)).await, Ok(Ok(()))) {
            return;
        }
    };
    let frame = CloseFrame { code, reason: reason.chars().take(100).collect::<String>().into() };
    let _ = tokio::time::timeout(STALLED, socket.send(Message::Close(Some(frame)))).await;
}
