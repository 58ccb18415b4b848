//! `GET /api/bot/{hostname}/usage/breakdown`

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
use clawplane_projections::{By, Range};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which time, and by what.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BreakdownParams {
    /// The first instant, 30 days before `to` when absent.
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-03-01T00:00:00Z")]
    from: Option<String>,
    /// The instant after the last, now when absent.
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-04-01T00:00:00Z")]
    to: Option<String>,
    /// `vendor`, `model` or `key`.
    #[param(default = "vendor", example = "model")]
    by: Option<String>,
}

/// What a bot used, by vendor, model or key.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageBreakdown {
    /// The first instant that is counted.
    from: DateTime<Utc>,
    /// The instant after the last.
    to: DateTime<Utc>,
    /// `vendor`, `model` or `key`.
    #[schema(example = "model")]
    by: &'static str,
    /// One entry for each that was used.
    items: Vec<UsageShare>,
}

/// What was used of one vendor, model or key.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageShare {
    /// The vendor, the model, or the provider key's id; empty where a request had none.
    #[schema(example = "gpt-4o-mini")]
    key: String,
    /// The sums.
    #[serde(flatten)]
    totals: Totals,
}

/// Sums up what a bot used, by vendor, model or key
#[utoipa::path(
    get, path = "/api/bot/{hostname}/usage/breakdown", tag = "usage",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot"), BreakdownParams),
    responses((status = 200, description = "The sums, each with its name", body = UsageBreakdown), BadQuery, Missing),
)]
pub(crate) async fn usage_breakdown(
    State(api): State<ApiState>,
    principal: Principal,
    BotName(hostname): BotName,
    Query(params): Query<BreakdownParams>,
) -> Result<Json<UsageBreakdown>, Problem> {
    let (range, by, name) = params.check(&api)?;
    let bot = bots::find(&api, principal.tenant, &hostname).await?;
    let rows = api.views.usage.breakdown(principal.tenant, bot.id, range, by).await?;
    let items = rows.into_iter().map(|row| UsageShare { key: row.key, totals: row.totals.into() });
    Ok(Json(UsageBreakdown { from: range.from, to: range.to, by: name, items: items.collect() }))
}

impl BreakdownParams {
    fn check(&self, api: &ApiState) -> Result<(Range, By, &'static str), Problem> {
        let mut fields = Fields::default();
        let range = range(&mut fields, self.from.as_deref(), self.to.as_deref(), api);
        let by = match self.by.as_deref() {
            None | Some("vendor") => Some((By::Vendor, "vendor")),
            Some("model") => Some((By::Model, "model")),
            Some("key") => Some((By::Key, "key")),
            Some(_) => None,
        };
        fields.require("by", by.is_some(), "must be `vendor`, `model` or `key`");
        fields.finish(by.map(|(by, name)| (range, by, name)))
    }
}
