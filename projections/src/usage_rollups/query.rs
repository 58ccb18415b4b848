//! What can be asked about a bot's usage. Sums are exact for any range: whole days come from the days' table, whole
//! hours at its ends from the hours' table, and what is less than an hour from the log.

use crate::{
    usage_log::tokens,
    usage_rollups::{BreakdownRow, Bucket, By, Range, TrendPoint, UsageTotals},
    views::{UsageViews, count},
};
use chrono::{DurationRound, TimeDelta};
use clawplane_domain::{BotId, TenantId, Timestamp};
use clawplane_eventstore::StoreError;
use sqlx::{Row, postgres::PgRow};

/// Most points of a trend and most rows of a breakdown.
const MAX_ROWS: u32 = 10_000;

const SUMS: &str =
    "coalesce(sum(requests), 0)::bigint AS requests, coalesce(sum(errors), 0)::bigint AS errors,
    coalesce(sum(input_tokens), 0)::bigint AS input_tokens,
    coalesce(sum(cached_input_tokens), 0)::bigint AS cached_input_tokens,
    coalesce(sum(cache_write_tokens), 0)::bigint AS cache_write_tokens,
    coalesce(sum(output_tokens), 0)::bigint AS output_tokens,
    coalesce(sum(reasoning_tokens), 0)::bigint AS reasoning_tokens,
    coalesce(sum(cost_micros), 0)::bigint AS cost_micros,
    coalesce(sum(unpriced_requests), 0)::bigint AS unpriced_requests,
    coalesce(sum(estimated), 0)::bigint AS estimated, coalesce(sum(interrupted), 0)::bigint AS interrupted";

/// $1 and $2 are tenant and bot; $3 to $8 are the range's instants in order: its beginning, the first whole hour, the
/// first whole day, the end of the last whole day, the end of the last whole hour, its end.
const PIECES: &str = "SELECT at, vendor, model, key_id, requests, errors, input_tokens, cached_input_tokens,
        cache_write_tokens, output_tokens, reasoning_tokens, cost_micros, unpriced_requests, estimated, interrupted
    FROM view_usage_rollups.usage_days WHERE tenant_id = $1 AND bot_id = $2 AND at >= $5 AND at < $6
    UNION ALL
    SELECT at, vendor, model, key_id, requests, errors, input_tokens, cached_input_tokens,
        cache_write_tokens, output_tokens, reasoning_tokens, cost_micros, unpriced_requests, estimated, interrupted
    FROM view_usage_rollups.usage_hours WHERE tenant_id = $1 AND bot_id = $2
        AND (at >= $4 AND at < $5 OR at >= $6 AND at < $7)
    UNION ALL
    SELECT at, vendor, coalesce(model, ''), coalesce(key_id, '00000000-0000-0000-0000-000000000000'), 1,
        (status >= 400)::int, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
        coalesce(cost_micros, 0), (cost_micros IS NULL)::int, estimated::int, interrupted::int
    FROM view_usage_log.usage_log WHERE tenant_id = $1 AND bot_id = $2
        AND (at >= $3 AND at < $4 OR at >= $7 AND at < $8)";

impl UsageViews {
    /// A bot's sums over `range`.
    pub async fn stats(&self, tenant: TenantId, bot: BotId, range: Range) -> Result<UsageTotals, StoreError> {
        let sql = format!("SELECT {SUMS} FROM ({PIECES}) AS pieces");
        let rows = self.ask(&sql, tenant, bot, Cuts::of(range, Bucket::Day)?).await?;
        Ok(rows.first().map(totals).transpose()?.unwrap_or_default())
    }

    /// A bot's sums over `range`, by hour or day, in order. Buckets without any request are left out; the newest
    /// 10,000 are given.
    pub async fn trend(
        &self,
        tenant: TenantId,
        bot: BotId,
        range: Range,
        bucket: Bucket,
    ) -> Result<Vec<TrendPoint>, StoreError> {
        let unit = match bucket {
            Bucket::Hour => "hour",
            Bucket::Day => "day",
        };
        let sql = format!(
            "SELECT date_trunc('{unit}', at, 'UTC') AS bucket, {SUMS} FROM ({PIECES}) AS pieces
             GROUP BY 1 ORDER BY 1 DESC LIMIT {MAX_ROWS}"
        );
        let rows = self.ask(&sql, tenant, bot, Cuts::of(range, bucket)?).await?;
        let point = |row: &PgRow| Ok(TrendPoint { at: row.try_get("bucket")?, totals: totals(row)? });
        Ok(rows.iter().rev().map(point).collect::<Result<_, sqlx::Error>>()?)
    }

    /// A bot's sums over `range` by vendor, model or key; most tokens first, 10,000 at most.
    pub async fn breakdown(
        &self,
        tenant: TenantId,
        bot: BotId,
        range: Range,
        by: By,
    ) -> Result<Vec<BreakdownRow>, StoreError> {
        let column = match by {
            By::Vendor => "vendor",
            By::Model => "model",
            By::Key => "coalesce(nullif(key_id, '00000000-0000-0000-0000-000000000000')::text, '')",
        };
        let sql = format!(
            "SELECT {column} AS part, {SUMS} FROM ({PIECES}) AS pieces
             GROUP BY 1 ORDER BY sum(input_tokens) + sum(output_tokens) DESC, 1 LIMIT {MAX_ROWS}"
        );
        let rows = self.ask(&sql, tenant, bot, Cuts::of(range, Bucket::Day)?).await?;
        let part = |row: &PgRow| Ok(BreakdownRow { key: row.try_get("part")?, totals: totals(row)? });
        Ok(rows.iter().map(part).collect::<Result<_, sqlx::Error>>()?)
    }

    async fn ask(
        &self,
        sql: &str,
        tenant: TenantId,
        bot: BotId,
        cuts: Cuts,
    ) -> Result<Vec<PgRow>, StoreError> {
        let mut query = sqlx::query(sql).bind(tenant.0).bind(bot.0);
        for instant in cuts.0 {
            query = query.bind(instant);
        }
        Ok(query.fetch_all(&self.pool).await?)
    }
}

/// Where a range is cut into pieces, in order: see [`PIECES`].
#[derive(Debug, PartialEq, Eq)]
struct Cuts([Timestamp; 6]);

impl Cuts {
    /// With buckets of an hour nothing may come out of the days' table, so no day counts as whole.
    fn of(range: Range, bucket: Bucket) -> Result<Self, sqlx::Error> {
        let Range { from, to } = range.bounded();
        let (hour, day) = (TimeDelta::hours(1), TimeDelta::days(1));
        let first_hour = round(from, hour, true)?.min(to);
        let last_hour = round(to, hour, false)?.max(first_hour);
        if bucket == Bucket::Hour {
            return Ok(Self([from, first_hour, last_hour, last_hour, last_hour, to]));
        }
        let first_day = round(first_hour, day, true)?.min(last_hour);
        let last_day = round(last_hour, day, false)?.max(first_day);
        Ok(Self([from, first_hour, first_day, last_day, last_hour, to]))
    }
}

pub(super) fn round(at: Timestamp, to: TimeDelta, up: bool) -> Result<Timestamp, sqlx::Error> {
    let down = at.duration_trunc(to).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    Ok(if up && down < at { down + to } else { down })
}

fn totals(row: &PgRow) -> Result<UsageTotals, sqlx::Error> {
    let (requests, unpriced) = (count(row, "requests")?, count(row, "unpriced_requests")?);
    let cost = count(row, "cost_micros")?;
    Ok(UsageTotals {
        requests,
        errors: count(row, "errors")?,
        tokens: tokens(row)?,
        cost_micros: (requests == 0 || unpriced < requests).then_some(cost),
        unpriced_requests: unpriced,
        estimated: count(row, "estimated")?,
        interrupted: count(row, "interrupted")?,
    })
}

#[cfg(test)]
mod tests;
