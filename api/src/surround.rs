//! What is around every request: its id, its span, its time-out, its security headers, its line in the log.

use crate::{
    ApiState,
    problem::{Kind, Problem},
};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use clawplane_domain::RequestId;
use std::{any::Any, time::Duration};
use tokio::time::Instant;
use tracing::{Instrument, Span, field};

/// Longest time for a request. The command in it, if there is one, goes on.
const TIME_OUT: Duration = Duration::from_secs(30);
/// The one that waits for a command in a container, which has a limit of its own.
const EXEC: &str = "/api/bot/{hostname}/exec";
/// Above that limit.
const EXEC_TIME_OUT: Duration = Duration::from_secs(330);
/// The header with the request's id, in both directions.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Headers of every answer that does not set them itself.
const SECURITY: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// The outermost layer.
pub(crate) async fn surround(State(api): State<ApiState>, mut request: Request, next: Next) -> Response {
    let id = request_id(&api, request.headers());
    request.extensions_mut().insert(id);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    // Neither headers nor the query: both may hold what must not be in a log.
    let span = tracing::info_span!("request", request_id = %id, %method, route = %route, tenant = field::Empty, bot = field::Empty);
    let started = Instant::now();
    let response = async {
        let longest = if route == EXEC { EXEC_TIME_OUT } else { TIME_OUT };
        let response = tokio::time::timeout(longest, next.run(request)).await;
        let response = response.unwrap_or_else(|_| too_slow().into_response());
        finish(response, id, &path, started.elapsed())
    };
    let response = response.instrument(span).await;
    count(method.as_str(), route, response.status(), started.elapsed());
    response
}

/// The request's id: a client's, or one that is made for it.
pub(crate) fn request_id(api: &ApiState, headers: &HeaderMap) -> RequestId {
    given_id(headers).unwrap_or_else(|| RequestId(api.ids.uuid()))
}

/// The id that a client or a proxy before us gave; only a UUID is taken, so that nothing else gets into the log.
fn given_id(headers: &HeaderMap) -> Option<RequestId> {
    headers.get(REQUEST_ID)?.to_str().ok()?.parse().ok()
}

fn too_slow() -> Problem {
    Problem::unavailable("the request took longer than 30 s; a command in it goes on", Duration::from_secs(5))
}

pub(crate) fn finish(mut response: Response, id: RequestId, path: &str, took: Duration) -> Response {
    let status = response.status();
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        if status.is_server_error() {
            tracing::error!(status = status.as_u16(), millis, cause = problem.causes(), "{problem:?}");
        } else {
            tracing::info!(status = status.as_u16(), millis, "{problem:?}");
        }
        response = problem.render(Some((&id.to_string(), path)));
    } else {
        tracing::info!(status = status.as_u16(), millis, "answered");
    }
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(value);
    }
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
    response
}

pub(crate) fn count(method: &str, route: String, status: StatusCode, took: Duration) {
    // A method may be any word that a client makes up; a label must not be.
    let known =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"].into_iter().find(|known| *known == method);
    let labels = [
        ("method", known.unwrap_or("other").to_owned()),
        ("route", route),
        ("status", status.as_u16().to_string()),
    ];
    metrics::histogram!("clawplane_api_request_seconds", &labels).record(took.as_secs_f64());
}

/// What a panic becomes: its message stays here.
#[expect(clippy::needless_pass_by_value, reason = "this is how `CatchPanicLayer` hands it over")]
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Problem::internal(format!("a handler panicked: {text}")).into_response()
}

/// The answer where there is no route.
pub(crate) async fn no_route() -> Problem {
    Problem::new(Kind::NotFound, "there is no such path")
}

/// Notes which bot the request is about.
pub(crate) fn about_bot(hostname: &clawplane_domain::values::Hostname) {
    Span::current().record("bot", field::display(hostname));
}

#[cfg(test)]
mod tests;
