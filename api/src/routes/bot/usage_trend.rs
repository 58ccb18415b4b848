//! `GET /api/bot/{hostname}/usage/trend`

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
use chrono::{DateTime, TimeDelta, Utc};
use clawplane_projections::{Bucket, Range};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Most days of a trend by hours.
const LONGEST_BY_HOUR: i64 = 92;

/// Which time, and in which steps.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TrendParams {
    /// The first instant, 30 days before `to` when absent.
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-03-01T00:00:00Z")]
    from: Option<String>,
    /// The instant after the last, now when absent.
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-04-01T00:00:00Z")]
    to: Option<String>,
    /// `hour` (at most 92 days) or `day`, in UTC.
    #[param(default = "day", example = "day")]
    bucket: Option<String>,
}

/// What a bot used over time.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageTrend {
    /// The first instant that is counted.
    from: DateTime<Utc>,
    /// The instant after the last.
    to: DateTime<Utc>,
    /// `hour` or `day`.
    #[schema(example = "day")]
    bucket: &'static str,
    /// In order of time.
    points: Vec<UsagePoint>,
}

/// What was used in one hour or day.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsagePoint {
    /// Its beginning.
    at: DateTime<Utc>,
    /// The sums.
    #[serde(flatten)]
    totals: Totals,
}

/// Sums up what a bot used, by hour or day
#[utoipa::path(
    get, path = "/api/bot/{hostname}/usage/trend", tag = "usage",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot"), TrendParams),
    responses((status = 200, description = "The sums over time", body = UsageTrend), BadQuery, Missing),
)]
pub(crate) async fn usage_trend(
    State(api): State<ApiState>,
    principal: Principal,
    BotName(hostname): BotName,
    Query(params): Query<TrendParams>,
) -> Result<Json<UsageTrend>, Problem> {
    let (range, bucket, name) = params.check(&api)?;
    let bot = bots::find(&api, principal.tenant, &hostname).await?;
    let points = api.views.usage.trend(principal.tenant, bot.id, range, bucket).await?;
    let points = points.into_iter().map(|point| UsagePoint { at: point.at, totals: point.totals.into() });
    Ok(Json(UsageTrend { from: range.from, to: range.to, bucket: name, points: points.collect() }))
}

impl TrendParams {
    fn check(&self, api: &ApiState) -> Result<(Range, Bucket, &'static str), Problem> {
        let mut fields = Fields::default();
        let range = range(&mut fields, self.from.as_deref(), self.to.as_deref(), api);
        let bucket = match self.bucket.as_deref() {
            Some("hour") => Some((Bucket::Hour, "hour")),
            None | Some("day") => Some((Bucket::Day, "day")),
            Some(_) => None,
        };
        fields.require("bucket", bucket.is_some(), "must be `hour` or `day`");
        let too_long = bucket.is_some_and(|(bucket, _)| bucket == Bucket::Hour)
            && range.to - range.from > TimeDelta::days(LONGEST_BY_HOUR);
        fields.require("from", !too_long, "must be at most 92 days before `to` for the bucket `hour`");
        fields.finish(bucket.map(|(bucket, name)| (range, bucket, name)))
    }
}
