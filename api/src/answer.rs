//! What a handler answers with when all went well.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use clawplane_eventstore::Position;
use serde::Serialize;

/// The header of an answer that says where the feed was after the command.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("x-clawplane-position");

/// An answer to a command.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    status: StatusCode,
    body: Option<T>,
    position: Option<Position>,
    location: Option<String>,
    etag: Option<String>,
}

impl<T> Answer<T> {
    /// 200 with a body.
    pub(crate) fn ok(body: T) -> Self {
        Self { status: StatusCode::OK, body: Some(body), position: None, location: None, etag: None }
    }

    /// 201 with the place where the new thing is found.
    pub(crate) fn created(location: String, body: T) -> Self {
        Self { status: StatusCode::CREATED, location: Some(location), ..Self::ok(body) }
    }

    /// 202: it is known what shall be, and somebody works on it.
    pub(crate) fn accepted(body: T) -> Self {
        Self { status: StatusCode::ACCEPTED, ..Self::ok(body) }
    }

    /// With the position of what the command wrote; `None` when it changed nothing.
    #[must_use]
    pub(crate) fn at(mut self, position: Option<Position>) -> Self {
        self.position = position;
        self
    }

    /// With what `If-Match` takes.
    #[must_use]
    pub(crate) fn etag(mut self, etag: impl std::fmt::Display) -> Self {
        self.etag = Some(format!("\"{etag}\""));
        self
    }
}

impl Answer<()> {
    /// 204.
    pub(crate) fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, position: None, location: None, etag: None }
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            Some(body) => (self.status, Json(body)).into_response(),
            None => self.status.into_response(),
        };
        let mut set = |name: HeaderName, text: String| {
            if let Ok(value) = HeaderValue::try_from(text) {
                response.headers_mut().insert(name, value);
            }
        };
        if let Some(position) = self.position {
            set(POSITION, position.to_string());
        }
        if let Some(location) = self.location {
            set(header::LOCATION, location);
        }
        if let Some(etag) = self.etag {
            set(header::ETAG, etag);
        }
        response
    }
}
