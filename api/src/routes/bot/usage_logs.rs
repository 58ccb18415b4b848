//! `GET /api/bot/{hostname}/usage/logs`

use super::usage::range;
use crate::{
    ApiState,
    auth::Principal,
    bots,
    extract::{BotName, Query},
    fields::Fields,
    openapi::responses::{BadQuery, Missing},
    problem::Problem,
    routes::page::{PageOf, PageParams},
};
use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use clawplane_projections::{Cursor, Range, UsageLogRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which requests.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogParams {
    /// The first instant, 30 days before `to` when absent.
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-03-01T00:00:00Z")]
    from: Option<String>,
    /// The instant after the last, now when absent.
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-04-01T00:00:00Z")]
    to: Option<String>,
    /// Most items of the page, 1 to 200.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// Where to go on: `nextCursor` of the page before.
    cursor: Option<String>,
}

/// One proxied request.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UsageLog {
    /// The proxy's id of the request, which its client got too.
    request_id: Uuid,
    /// When it arrived.
    at: DateTime<Utc>,
    /// The vendor.
    #[schema(example = "openai")]
    vendor: String,
    /// The model, `null` where it was not known.
    #[schema(example = "gpt-4o-mini")]
    model: Option<String>,
    /// The provider key, `null` when the request never went upstream.
    key_id: Option<Uuid>,
    /// The status that the client got; 499 when it went away before one.
    #[schema(example = 200)]
    status: u16,
    /// Why the proxy answered by itself, where it did: `quota_exceeded`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Whether the answer was streamed.
    stream: bool,
    /// All input tokens, cached and cache-write included.
    #[schema(example = 2100)]
    input_tokens: u64,
    /// Input that was read from the vendor's cache; part of `inputTokens`.
    cached_input_tokens: u64,
    /// Input that was written to the vendor's cache; part of `inputTokens`.
    cache_write_tokens: u64,
    /// All output tokens, reasoning included.
    #[schema(example = 340)]
    output_tokens: u64,
    /// Output that was reasoning; part of `outputTokens`.
    reasoning_tokens: u64,
    /// Micro-dollars, `null` when the price is unknown.
    #[schema(example = 519)]
    cost_micros: Option<u64>,
    /// What the price came from: `price/<id>@<sequence>` of a price row, or name and version of the price list;
    /// `null` where none was used.
    #[schema(example = "genai-prices 0.2.1")]
    price_version: Option<String>,
    /// The tokens are an estimate.
    estimated: bool,
    /// The answer did not come to its end.
    interrupted: bool,
    /// Milliseconds to the first byte of the answer.
    ttfb_ms: Option<u32>,
    /// Milliseconds to the end.
    #[schema(example = 820)]
    duration_ms: u32,
}

/// Lists a bot's requests, newest first
#[utoipa::path(
    get, path = "/api/bot/{hostname}/usage/logs", tag = "usage",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot"), LogParams),
    responses((status = 200, description = "A page of requests", body = PageOf<UsageLog>), BadQuery, Missing),
)]
pub(crate) async fn usage_logs(
    State(api): State<ApiState>,
    principal: Principal,
    BotName(hostname): BotName,
    Query(params): Query<LogParams>,
) -> Result<Json<PageOf<UsageLog>>, Problem> {
    let (range, after, limit) = params.check(&api)?;
    let bot = bots::find(&api, principal.tenant, &hostname).await?;
    let page = api.views.usage.logs(principal.tenant, bot.id, range, after, limit).await?;
    Ok(Json(PageOf::of(page, UsageLog::from)))
}

impl LogParams {
    fn check(self, api: &ApiState) -> Result<(Range, Option<Cursor>, u32), Problem> {
        let mut fields = Fields::default();
        let range = range(&mut fields, self.from.as_deref(), self.to.as_deref(), api);
        let (after, limit) = PageParams::new(self.limit, self.cursor).check_in(&mut fields);
        fields.finish(Some((range, after, limit)))
    }
}

impl From<UsageLogRow> for UsageLog {
    fn from(row: UsageLogRow) -> Self {
        Self {
            request_id: row.request_id.0,
            at: row.at,
            vendor: row.vendor.into(),
            model: row.model.map(Into::into),
            key_id: row.key_id.map(|id| id.0),
            status: row.status,
            error: row.error,
            stream: row.stream,
            input_tokens: row.tokens.input_tokens,
            cached_input_tokens: row.tokens.cached_input_tokens,
            cache_write_tokens: row.tokens.cache_write_tokens,
            output_tokens: row.tokens.output_tokens,
            reasoning_tokens: row.tokens.reasoning_tokens,
            cost_micros: row.cost_micros,
            price_version: row.price_version,
            estimated: row.estimated,
            interrupted: row.interrupted,
            ttfb_ms: row.ttfb_ms,
            duration_ms: row.duration_ms,
        }
    }
}
