//! `GET /api/bot/{hostname}/usage/stats`

use super::usage::{Totals, range};
use crate::{
    ApiState,
    auth::Principal,
    bots,
    extract::{BotName, Query},
    fields::Fields,
    openapi::responses::{BadQuery, Missing},
    problem::Problem,
};
use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which time.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatsParams {
    /// The first instant, 30 days before `to` when absent.
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-03-01T00:00:00Z")]
    from: Option<String>,
    /// The instant after the last, now when absent.
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-04-01T00:00:00Z")]
    to: Option<String>,
}

/// What a bot used.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageStats {
    /// The first instant that is counted.
    from: DateTime<Utc>,
    /// The instant after the last.
    to: DateTime<Utc>,
    /// The sums.
    #[serde(flatten)]
    totals: Totals,
}

/// Sums up what a bot used
#[utoipa::path(
    get, path = "/api/bot/{hostname}/usage/stats", tag = "usage",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot"), StatsParams),
    responses((status = 200, description = "The sums", body = UsageStats), BadQuery, Missing),
)]
pub(crate) async fn usage_stats(
    State(api): State<ApiState>,
    principal: Principal,
    BotName(hostname): BotName,
    Query(params): Query<StatsParams>,
) -> Result<Json<UsageStats>, Problem> {
    let mut fields = Fields::default();
    let range = range(&mut fields, params.from.as_deref(), params.to.as_deref(), &api);
    let range = fields.finish(Some(range))?;
    let bot = bots::find(&api, principal.tenant, &hostname).await?;
    let totals = api.views.usage.stats(principal.tenant, bot.id, range).await?.into();
    Ok(Json(UsageStats { from: range.from, to: range.to, totals }))
}
