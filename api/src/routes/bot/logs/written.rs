//! Lines in an answer's body: text, JSON lines, or server-sent events.

use super::LineDto;
use crate::{
    machines::{accepts, wants_events},
    ports::machines::{LogLine, MachineError},
};
use axum::{
    body::Body,
    http::{HeaderMap, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use chrono::SecondsFormat;
use futures::{Stream, StreamExt, stream, stream::BoxStream};
use std::convert::Infallible;

type Lines = BoxStream<'static, Result<LogLine, MachineError>>;

/// The lines, until there are no more, the client is signed out, or the platform stops.
pub(super) fn answer(
    headers: &HeaderMap,
    lines: Lines,
    signed_out: impl Future<Output = ()> + Send + 'static,
    closing: impl Future<Output = ()> + Send + 'static,
) -> Response {
    let over = async move {
        tokio::select! {
            () = signed_out => {}
            () = closing => {}
        }
    };
    let lines = lines.take_until(Box::pin(over));
    if wants_events(headers) {
        return Sse::new(events(lines)).keep_alive(KeepAlive::default()).into_response();
    }
    let (media, write): (_, fn(LogLine) -> String) = match accepts(headers, "application/x-ndjson") {
        true => ("application/x-ndjson", as_json),
        false => ("text/plain; charset=utf-8", as_text),
    };
    // A log that breaks off has to look like one: the body ends with an error.
    let body = Body::from_stream(lines.map(move |line| line.map(write)));
    ([(header::CONTENT_TYPE, media)], body).into_response()
}

fn events(
    lines: impl Stream<Item = Result<LogLine, MachineError>> + Send + 'static,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    let events = lines.map(|line| match line {
        Ok(line) => {
            let id = line.at.map(|at| at.to_rfc3339_opts(SecondsFormat::Nanos, true));
            let event = Event::default().event("line");
            let event = id.map_or_else(|| event.clone(), |id| event.clone().id(id));
            event.data(serde_json::to_string(&LineDto::from(line)).unwrap_or_default())
        }
        Err(error) => Event::default().event("error").data(error.to_string()),
    });
    let end = stream::once(std::future::ready(Event::default().event("end").data("{}")));
    events.chain(end).map(Ok)
}

fn as_json(line: LogLine) -> String {
    let mut text = serde_json::to_string(&LineDto::from(line)).unwrap_or_default();
    text.push('\n');
    text
}

fn as_text(line: LogLine) -> String {
    let at = line.at.map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true));
    let cut = if line.cut { " [cut]" } else { "" };
    let line = LineDto::from(line);
    format!("{} {} {}{cut}\n", at.as_deref().unwrap_or("-"), line.stream, line.text)
}
