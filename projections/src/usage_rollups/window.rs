//! What bots have used in the present day and month, for quotas.
//!
//! In UTC a day is a row of the days' table. In other time zones it is whole hours, and where a zone's midnight is no
//! whole hour of UTC, the part before the first whole hour comes from the log. The log has a checkpoint of its own: what
//! it read more or less than the rollups at that moment is exact only once both have caught up.

use crate::{
    usage_rollups::query::round,
    views::{UsageViews, View, count},
};
use chrono::{Datelike, NaiveTime, TimeDelta};
use clawplane_domain::{BotId, TenantId, TimeZone, Timestamp, time_zone::Period};
use clawplane_eventstore::{Position, StoreError};
use sqlx::{PgConnection, Row, postgres::PgRow};

/// One bot's usage in the calendar day and month of an instant, in its tenant's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowTotals {
    /// Whose bot it is.
    pub tenant_id: TenantId,
    /// The bot.
    pub bot_id: BotId,
    /// Input and output tokens of the day.
    pub day_tokens: u64,
    /// Micro-dollars of the day, as far as prices are known.
    pub day_cost_micros: u64,
    /// Input and output tokens of the month.
    pub month_tokens: u64,
    /// Micro-dollars of the month, as far as prices are known.
    pub month_cost_micros: u64,
}

/// $1 and on: for each tenant the beginning of its day, of the first whole hour in it, of its month, and of the first
/// whole hour and the first whole UTC day in that; at last the present.
const ZONED: &str = "SELECT z.tenant_id, b.bot_id, d.tokens AS day_tokens, d.cost AS day_cost_micros,
        m.tokens AS month_tokens, m.cost AS month_cost_micros
    FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[],
        $6::timestamptz[]) AS z (tenant_id, day, day_hour, month, month_hour, month_day)
    CROSS JOIN LATERAL (
        SELECT DISTINCT bot_id FROM view_usage_rollups.usage_days
        WHERE tenant_id = z.tenant_id AND at >= date_trunc('day', z.month, 'UTC') AND at <= $7
    ) AS b
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(tokens), 0)::bigint AS tokens, coalesce(sum(cost), 0)::bigint AS cost FROM (
            SELECT input_tokens + output_tokens AS tokens, cost_micros AS cost FROM view_usage_rollups.usage_hours
            WHERE bot_id = b.bot_id AND tenant_id = z.tenant_id AND at >= z.day_hour AND at <= $7
            UNION ALL
            SELECT input_tokens + output_tokens, cost_micros FROM view_usage_log.usage_log
            WHERE bot_id = b.bot_id AND tenant_id = z.tenant_id AND at >= z.day AND at < z.day_hour
        ) AS pieces
    ) AS d
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(tokens), 0)::bigint AS tokens, coalesce(sum(cost), 0)::bigint AS cost FROM (
            SELECT input_tokens + output_tokens AS tokens, cost_micros AS cost FROM view_usage_rollups.usage_days
            WHERE bot_id = b.bot_id AND tenant_id = z.tenant_id AND at >= z.month_day AND at <= $7
            UNION ALL
            SELECT input_tokens + output_tokens, cost_micros FROM view_usage_rollups.usage_hours
            WHERE bot_id = b.bot_id AND tenant_id = z.tenant_id AND at >= z.month_hour AND at < z.month_day
            UNION ALL
            SELECT input_tokens + output_tokens, cost_micros FROM view_usage_log.usage_log
            WHERE bot_id = b.bot_id AND tenant_id = z.tenant_id AND at >= z.month AND at < z.month_hour
        ) AS pieces
    ) AS m
    ORDER BY b.bot_id";

impl UsageViews {
    /// The sums of every bot that was used in the month of `now`, and the position in the feed that they are true at:
    /// whoever adds up the events after it counts nothing twice and misses nothing. `zones` has the tenants whose days
    /// and months are not UTC's.
    pub async fn window_totals(
        &self,
        now: Timestamp,
        zones: &[(TenantId, TimeZone)],
    ) -> Result<(Position, Vec<WindowTotals>), StoreError> {
        // One snapshot for all statements.
        let mut tx = self.pool.begin().await?;
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut *tx).await?;
        let position = checkpoint(&mut tx).await?;
        let day = now.date_naive();
        let month = day.with_day(1).unwrap_or(day);
        let rows = sqlx::query(
            "SELECT tenant_id, bot_id,
                    coalesce(sum(input_tokens + output_tokens) FILTER (WHERE at >= $2), 0)::bigint AS day_tokens,
                    coalesce(sum(cost_micros) FILTER (WHERE at >= $2), 0)::bigint AS day_cost_micros,
                    sum(input_tokens + output_tokens)::bigint AS month_tokens,
                    sum(cost_micros)::bigint AS month_cost_micros
             FROM view_usage_rollups.usage_days WHERE at >= $1 AND at <= $2 AND tenant_id <> ALL($3)
             GROUP BY bot_id, tenant_id ORDER BY bot_id",
        )
        .bind(month.and_time(NaiveTime::MIN).and_utc())
        .bind(day.and_time(NaiveTime::MIN).and_utc())
        .bind(zones.iter().map(|(tenant, _)| tenant.0).collect::<Vec<_>>())
        .fetch_all(&mut *tx)
        .await?;
        let mut totals = rows.iter().map(window).collect::<Result<Vec<_>, _>>()?;
        totals.extend(zoned(&mut tx, now, zones).await?);
        tx.commit().await?;
        Ok((position, totals))
    }

    /// The sums of a tenant's bots, those that are deleted by now included, in the day and month of `now`.
    pub async fn tenant_windows(
        &self,
        tenant: TenantId,
        zone: TimeZone,
        now: Timestamp,
    ) -> Result<Vec<WindowTotals>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        zoned(&mut connection, now, &[(tenant, zone)]).await
    }
}

async fn zoned(
    connection: &mut PgConnection,
    now: Timestamp,
    zones: &[(TenantId, TimeZone)],
) -> Result<Vec<WindowTotals>, StoreError> {
    if zones.is_empty() {
        return Ok(Vec::new());
    }
    let mut cuts: [Vec<Timestamp>; 5] = Default::default();
    let hour = TimeDelta::hours(1);
    for (_, zone) in zones {
        let day = zone.window(Period::Day, now).starts_at;
        let month = zone.window(Period::Month, now).starts_at;
        let of_zone = [
            day,
            round(day, hour, true)?,
            month,
            round(month, hour, true)?,
            round(month, TimeDelta::days(1), true)?,
        ];
        cuts.iter_mut().zip(of_zone).for_each(|(all, one)| all.push(one));
    }
    let mut query = sqlx::query(ZONED).bind(zones.iter().map(|(tenant, _)| tenant.0).collect::<Vec<_>>());
    for cut in cuts {
        query = query.bind(cut);
    }
    let rows = query.bind(now).fetch_all(connection).await?;
    Ok(rows.iter().map(window).collect::<Result<_, _>>()?)
}

async fn checkpoint(tx: &mut PgConnection) -> Result<Position, StoreError> {
    let row = sqlx::query("SELECT tx_id::text, global_position FROM checkpoints WHERE name = $1")
        .bind(View::UsageRollups.name())
        .fetch_optional(tx)
        .await?;
    let Some(row) = row else { return Ok(Position::START) };
    let tx_id = row.try_get::<String, _>(0)?.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(Position { tx_id, global: row.try_get(1)? })
}

fn window(row: &PgRow) -> Result<WindowTotals, sqlx::Error> {
    Ok(WindowTotals {
        tenant_id: TenantId(row.try_get("tenant_id")?),
        bot_id: BotId(row.try_get("bot_id")?),
        day_tokens: count(row, "day_tokens")?,
        day_cost_micros: count(row, "day_cost_micros")?,
        month_tokens: count(row, "month_tokens")?,
        month_cost_micros: count(row, "month_cost_micros")?,
    })
}
