//! `GET /api/bot/{hostname}/stats`

use super::dto::FiguresDto;
use crate::{
    ApiState,
    auth::Principal,
    bots,
    extract::BotName,
    machines::{self, wants_events},
    openapi::responses::{Missing, NoContainer},
    ports::machines::MachineError,
    problem::Problem,
    surround,
};
use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{StreamExt, stream};
use std::{convert::Infallible, time::Duration};

/// Longest wait for the first figures: the engine needs two looks, a second apart.
const FIRST: Duration = Duration::from_secs(10);

/// Shows what a bot's container uses
///
/// With `accept: text/event-stream`, an event `stats` every second, until the container ends (`end`).
#[utoipa::path(
    get, path = "/api/bot/{hostname}/stats", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses(
        (status = 200, description = "What it uses", content(
            (FiguresDto = "application/json"), (FiguresDto = "text/event-stream"),
        )),
        Missing, NoContainer,
    ),
)]
pub(crate) async fn container_stats(
    State(api): State<ApiState>,
    principal: Principal,
    BotName(hostname): BotName,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    surround::about_bot(&hostname);
    let bot = bots::find(&api, principal.tenant, &hostname).await?;
    let mut figures = api.machines.figures(bot.id).await?;
    if !wants_events(&headers) {
        let first = tokio::time::timeout(FIRST, figures.next()).await;
        let first = first.ok().flatten().ok_or(MachineError::NotRunning)?;
        return Ok(Json(FiguresDto::from(first)).into_response());
    }
    let closing = api.tunnels.closing();
    let over = async move {
        tokio::select! {
            () = machines::signed_out(api, principal) => {}
            () = closing => {}
        }
    };
    let events = figures.take_until(Box::pin(over)).map(|figures| {
        let data = serde_json::to_string(&FiguresDto::from(figures)).unwrap_or_default();
        Event::default().event("stats").data(data)
    });
    let end = stream::once(std::future::ready(Event::default().event("end").data("{}")));
    let events = events.chain(end).map(Ok::<_, Infallible>);
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}
