//! What a fake vendor answers: JSON, or a stream that comes piece by piece.

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use serde_json::Value;
use std::time::Duration;

/// An answer.
pub(super) enum Reply {
    /// JSON with a status.
    Json(StatusCode, Value),
    /// Frames of this content type, one after another.
    Stream(&'static str, Vec<String>),
}

impl Reply {
    pub(super) fn json(body: Value) -> Self {
        Self::Json(StatusCode::OK, body)
    }

    pub(super) fn error(status: StatusCode, body: Value) -> Self {
        Self::Json(status, body)
    }

    pub(super) fn sse(frames: Vec<String>) -> Self {
        Self::Stream("text/event-stream", frames)
    }

    pub(super) fn into_response(self, pace: Duration) -> Response {
        match self {
            Self::Json(status, body) => {
                let mut response = (status, axum::Json(body)).into_response();
                if status == StatusCode::TOO_MANY_REQUESTS {
                    response.headers_mut().insert(header::RETRY_AFTER, 7.into());
                }
                response
            }
            Self::Stream(kind, frames) => {
                let frames = futures::stream::iter(frames).then(move |frame| async move {
                    tokio::time::sleep(pace).await;
                    Ok::<_, std::convert::Infallible>(frame)
                });
                ([(header::CONTENT_TYPE, kind)], Body::from_stream(frames)).into_response()
            }
        }
    }
}

/// A frame of server-sent events without a name.
pub(super) fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// A frame whose name is its `type`.
pub(super) fn event(value: &Value) -> String {
    format!("event: {}\n{}", value["type"].as_str().unwrap_or_default(), data(value))
}
