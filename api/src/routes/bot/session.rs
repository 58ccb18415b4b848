//! `POST /api/bot/{hostname}/session`

use crate::{
    ApiState, auth::Principal, bots, extract::BotName, ingress::session, openapi::responses::Missing,
    problem::Problem, surround,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// A way to a bot's own interface for a browser.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BotSession {
    /// Where to go with the browser, within a minute: the bot's own host, which this link signs in to once. Absent
    /// where the platform has no domain for bots (`CLAWPLANE_INGRESS_DOMAIN`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://support-bot.bots.example.com/.clawplane/session?ticket=...")]
    url: Option<String>,
    /// The bot on the platform's own host: for its API and for files; scripts in its pages do not run there.
    #[schema(example = "/bots/support-bot/")]
    path: String,
    /// Until when the cookie for that path is good; it is renewed while it is used.
    expires_at: DateTime<Utc>,
}

/// Opens a bot's own interface to a browser
///
/// The answer sets a cookie for `/bots/{hostname}/`. Programs need none: they send their access token.
#[utoipa::path(
    post, path = "/api/bot/{hostname}/session", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 200, description = "Where to go", body = BotSession), Missing),
)]
pub(crate) async fn open_session(
    State(api): State<ApiState>,
    principal: Principal,
    BotName(hostname): BotName,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    surround::about_bot(&hostname);
    let bot = bots::find(&api, principal.tenant, &hostname).await?;
    let granted = session::grant(&api, principal, &bot)?;
    let body = BotSession { url: granted.url, path: granted.path, expires_at: granted.expires_at };
    let secure = session::came_by_tls(&headers);
    let cookie = session::path_cookie(&granted.cookie, &hostname, secure);
    Ok(([(header::SET_COOKIE, cookie)], Json(body)).into_response())
}
