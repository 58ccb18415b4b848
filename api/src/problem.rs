//! Errors as a client sees them: RFC 9457 problem documents, and the one mapping to them (`problem/mapping.rs`).

mod document;
mod mapping;

use crate::FieldError;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
pub(crate) use document::ProblemDocument;
use std::{error::Error, fmt, sync::Arc, time::Duration};

/// The kinds of problems: a client may rely on `type`, which is made from this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A field, a parameter or the whole body cannot be taken as it is.
    InvalidInput,
    /// Nobody is signed in, or not any more.
    Unauthenticated,
    /// Signed in, but without the right.
    Forbidden,
    /// There is no such thing, or it belongs to another tenant.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// A name is taken, or the thing is in another state.
    Conflict,
    /// Somebody else has changed the thing since the client saw it.
    PreconditionFailed,
    /// The body is larger than 1 MiB.
    TooLarge,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// The idempotency key was used for another command.
    IdempotencyKeyReused,
    /// Too many tries.
    TooManyRequests,
    /// Our fault. The log says more under the request id.
    Internal,
    /// Something that this needs is away or behind; try again.
    Unavailable,
}

impl Kind {
    /// Status, name in `type`, and title.
    pub(crate) fn facts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::InvalidInput => (StatusCode::BAD_REQUEST, "invalid-input", "The request is not valid"),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "Sign in first"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "Your role does not allow this"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This path has no such method")
            }
            Self::Conflict => (StatusCode::CONFLICT, "conflict", "This clashes with what is there"),
            Self::PreconditionFailed => {
                (StatusCode::PRECONDITION_FAILED, "precondition-failed", "This was changed meanwhile")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body must be JSON")
            }
            Self::IdempotencyKeyReused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "The idempotency key was used for another command",
            ),
            Self::TooManyRequests => {
                (StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests")
            }
            Self::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side")
            }
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now"),
        }
    }
}

/// An error on its way to a client.
#[derive(Clone)]
pub struct Problem {
    kind: Kind,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    allow: Option<String>,
    /// For the log only.
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Problem {
    /// Of a kind, with what there is to say about this one. `detail` is for people and never holds a secret.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), retry_after: None, allow: None, cause: None }
    }

    /// One field cannot be taken as it is.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldError::new(field, message)])
    }

    /// Several fields cannot be taken as they are.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let detail = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        Self { errors, ..Self::new(Kind::InvalidInput, detail) }
    }

    /// There is no such thing.
    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("there is no such {what}"))
    }

    /// Our fault; `cause` is for the log.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let detail = "the request could not be completed; the log has more under its request id";
        Self::new(Kind::Internal, detail).caused_by(cause)
    }

    /// Try again after `wait`.
    pub fn unavailable(detail: impl Into<String>, wait: Duration) -> Self {
        Self::new(Kind::Unavailable, detail).retry_after(wait)
    }

    /// With a field, for problems that are about one without being [`Kind::InvalidInput`].
    #[must_use]
    pub fn about(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.errors.push(FieldError::new(field, message));
        self
    }

    /// With the time after which a client may try again; whole seconds, rounded up.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// With the methods that the path has.
    #[must_use]
    pub fn allow(mut self, methods: String) -> Self {
        self.allow = Some(methods);
        self
    }

    /// With what the log shall say.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(Arc::from(cause.into()));
        self
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.kind.facts().0
    }

    /// The chain of causes in one line, for the log.
    pub(crate) fn causes(&self) -> Option<String> {
        let mut error: &dyn Error = self.cause.as_deref()?;
        let mut chain = error.to_string();
        while let Some(source) = error.source() {
            chain.push_str(": ");
            chain.push_str(&source.to_string());
            error = source;
        }
        Some(chain)
    }

    /// As a client gets it, about the request with this id and path.
    pub(crate) fn render(&self, request: Option<(&str, &str)>) -> Response {
        let body = ProblemDocument::of(self, request);
        let mut response = (self.status(), axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if self.kind == Kind::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"clawplane\""));
        }
        if let Some(allow) = self.allow.as_deref().and_then(|methods| HeaderValue::from_str(methods).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Problem({:?}: {})", self.kind, self.detail)
    }
}

/// The layer around everything renders it once more, with the request's id and path: see `surround`.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.render(None);
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests;
