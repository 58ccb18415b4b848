//! What can be asked about single requests.

use crate::{
    page::{Cursor, Page, QueryError, asked},
    usage_rollups::Range,
    views::{UsageViews, count, parsed},
};
use clawplane_domain::{
    BotId, KeyId, RequestId, TenantId, Timestamp,
    usage::Tokens,
    values::{ModelId, VendorId},
};
use sqlx::{Row, postgres::PgRow};

const LIST: &str = "usage";

/// One proxied request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageLogRow {
    /// Its event's number; orders requests that arrived in the same microsecond.
    pub position: i64,
    /// The proxy's id of the request, which its client got too.
    pub request_id: RequestId,
    /// When it arrived.
    pub at: Timestamp,
    /// The vendor.
    pub vendor: VendorId,
    /// The model, where it was known.
    pub model: Option<ModelId>,
    /// The provider key; `None` when the request never went upstream.
    pub key_id: Option<KeyId>,
    /// The status that the client got.
    pub status: u16,
    /// A stable code where the proxy answered itself.
    pub error: Option<String>,
    /// Whether the answer was streamed.
    pub stream: bool,
    /// The tokens.
    pub tokens: Tokens,
    /// Micro-dollars; `None` when the price is unknown.
    pub cost_micros: Option<u64>,
    /// The tokens are an estimate.
    pub estimated: bool,
    /// The answer did not come to its end.
    pub interrupted: bool,
    /// Milliseconds to the first byte of the answer.
    pub ttfb_ms: Option<u32>,
    /// Milliseconds to the end.
    pub duration_ms: u32,
}

impl UsageViews {
    /// A bot's requests that arrived in `range`, newest first.
    pub async fn logs(
        &self,
        tenant: TenantId,
        bot: BotId,
        range: Range,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<UsageLogRow>, QueryError> {
        let range = range.bounded();
        let (before_at, before_position): (Timestamp, i64) = match after {
            Some(cursor) => cursor.key(LIST)?,
            None => (range.to, i64::MIN),
        };
        let rows = sqlx::query(
            "SELECT position, request_id, at, vendor, model, key_id, status, error, stream, input_tokens,
                    cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_micros, estimated,
                    interrupted, ttfb_ms, duration_ms
             FROM view_usage_log.usage_log
             WHERE tenant_id = $1 AND bot_id = $2 AND at >= $3 AND at < $4 AND (at, position) < ($5, $6)
             ORDER BY at DESC, position DESC LIMIT $7",
        )
        .bind(tenant.0)
        .bind(bot.0)
        .bind(range.from)
        .bind(range.to)
        .bind(before_at)
        .bind(before_position)
        .bind(asked(limit))
        .fetch_all(&self.pool)
        .await?;
        let items = rows.iter().map(request).collect::<Result<Vec<_>, _>>()?;
        Page::cut(items, limit, LIST, |row| (row.at, row.position))
    }
}

fn request(row: &PgRow) -> Result<UsageLogRow, sqlx::Error> {
    let model: Option<String> = row.try_get("model")?;
    let cost: Option<i64> = row.try_get("cost_micros")?;
    let ttfb: Option<i64> = row.try_get("ttfb_ms")?;
    let status: i32 = row.try_get("status")?;
    Ok(UsageLogRow {
        position: row.try_get("position")?,
        request_id: RequestId(row.try_get("request_id")?),
        at: row.try_get("at")?,
        vendor: parsed(row.try_get("vendor")?)?,
        model: model.map(parsed).transpose()?,
        key_id: row.try_get::<Option<_>, _>("key_id")?.map(KeyId),
        status: narrow(status)?,
        error: row.try_get("error")?,
        stream: row.try_get("stream")?,
        tokens: tokens(row)?,
        cost_micros: cost.map(narrow).transpose()?,
        estimated: row.try_get("estimated")?,
        interrupted: row.try_get("interrupted")?,
        ttfb_ms: ttfb.map(narrow).transpose()?,
        duration_ms: narrow(row.try_get::<i64, _>("duration_ms")?)?,
    })
}

/// The five counts of tokens, by the names that all tables of usage give them.
pub(crate) fn tokens(row: &PgRow) -> Result<Tokens, sqlx::Error> {
    Ok(Tokens {
        input_tokens: count(row, "input_tokens")?,
        cached_input_tokens: count(row, "cached_input_tokens")?,
        cache_write_tokens: count(row, "cache_write_tokens")?,
        output_tokens: count(row, "output_tokens")?,
        reasoning_tokens: count(row, "reasoning_tokens")?,
        ..Tokens::default()
    })
}

fn narrow<A, B>(number: A) -> Result<B, sqlx::Error>
where
    B: TryFrom<A>,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    B::try_from(number).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
