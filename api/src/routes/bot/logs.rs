//! `GET /api/bot/{hostname}/logs`

mod socket;
mod written;

use crate::{
    ApiState,
    auth::Principal,
    bots,
    extract::{BotName, Query},
    fields::Fields,
    machines,
    openapi::responses::{BadQuery, Missing, NoContainer},
    ports::machines::LogAsk,
    problem::Problem,
    surround,
};
use axum::{
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::HeaderMap,
    response::Response,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Lines that are shown where nobody says how many.
const USUAL_TAIL: u32 = 200;
/// Most lines of one answer that does not follow.
const MOST_TAIL: u32 = 10_000;

/// Which lines.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogLinesParams {
    /// The last so many lines, 0 to 10000.
    #[param(value_type = Option<u32>, minimum = 0, maximum = 10_000, default = 200)]
    tail: Option<String>,
    /// Nothing from before this.
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-03-01T00:00:00Z")]
    since: Option<String>,
    /// And what comes: with `accept: text/event-stream`, or over a WebSocket.
    #[param(value_type = Option<bool>, default = false)]
    follow: Option<String>,
}

/// A line of a container's output.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LogLine)]
pub(crate) struct LineDto {
    /// When it was written.
    at: Option<DateTime<Utc>>,
    /// `stdout` or `stderr`.
    #[schema(value_type = String, example = "stdout")]
    stream: &'static str,
    /// The line, with `[redacted]` where a secret was.
    #[schema(example = "[gateway] listening on ws://0.0.0.0:18789")]
    text: String,
    /// It was longer than this.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

/// Shows what a bot's container printed
///
/// As text, each line with its time and stream; as JSON lines where `accept` says `application/x-ndjson`; as server-sent
/// events (`line`, then `end`) where it says `text/event-stream`: then `follow=true` goes on with what comes, and
/// `Last-Event-ID` goes on where an earlier answer ended. A WebSocket at the same path gets the lines as JSON texts; a
/// browser, which cannot send a header there, offers the protocols `clawplane.logs` and `clawplane.bearer.<access token>`.
/// The bot's gateway token and whatever looks like a key are taken out.
#[utoipa::path(
    get, path = "/api/bot/{hostname}/logs", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot"), LogLinesParams),
    responses(
        (status = 200, description = "The lines", content(
            (String = "text/plain"), (LineDto = "application/x-ndjson"), (String = "text/event-stream"),
        )),
        (status = 101, description = "A WebSocket with the lines"),
        BadQuery, Missing, NoContainer,
    ),
)]
pub(crate) async fn bot_logs(
    State(api): State<ApiState>,
    principal: Principal,
    BotName(hostname): BotName,
    Query(params): Query<LogLinesParams>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    surround::about_bot(&hostname);
    let upgrade = socket::wanted(&headers, upgrade)?;
    let ask = params.check(&headers, upgrade.is_some())?;
    let bot = bots::find(&api, principal.tenant, &hostname).await?;
    let redactor = machines::redactor(&api, &bot).await?;
    let lines = api.machines.logs(bot.id, ask, redactor).await?;
    let over = machines::signed_out(api.clone(), principal);
    Ok(match upgrade {
        Some(upgrade) => socket::serve(upgrade, lines, over, api.tunnels.clone()),
        None => written::answer(&headers, lines, over, api.tunnels.closing()),
    })
}

impl LogLinesParams {
    fn check(&self, headers: &HeaderMap, socket: bool) -> Result<LogAsk, Problem> {
        let mut fields = Fields::default();
        let tail = fields.optional("tail", self.tail.as_deref()).unwrap_or(USUAL_TAIL);
        fields.within("tail", tail, 0, MOST_TAIL);
        let since = fields.optional::<DateTime<Utc>>("since", self.since.as_deref());
        let follow: bool = fields.optional("follow", self.follow.as_deref()).unwrap_or(socket);
        let live = socket || machines::wants_events(headers);
        fields.require("follow", live || !follow, "takes `accept: text/event-stream` or a WebSocket");
        // Nanoseconds: the line itself was seen.
        let seen =
            headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse::<DateTime<Utc>>().ok());
        let since = seen.map(|seen| seen + chrono::TimeDelta::nanoseconds(1)).or(since);
        // What was missed is not bounded by how much one wants to see at first.
        let tail = if seen.is_some() && self.tail.is_none() { MOST_TAIL } else { tail };
        fields.finish(Some(LogAsk { tail: Some(tail), since, follow }))
    }
}

impl From<crate::ports::machines::LogLine> for LineDto {
    fn from(line: crate::ports::machines::LogLine) -> Self {
        let stream = if line.stderr { "stderr" } else { "stdout" };
        Self { at: line.at, stream, text: line.text, cut: line.cut }
    }
}
