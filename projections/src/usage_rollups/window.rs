//! What every bot has used in the present day and month, for the proxy's quotas.

use crate::views::{UsageViews, View, count};
use chrono::{Datelike, NaiveTime};
use clawplane_domain::{BotId, Timestamp};
use clawplane_eventstore::{Position, StoreError};
use sqlx::{PgConnection, Row, postgres::PgRow};

/// One bot's usage in the calendar day and month (UTC) of an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowTotals {
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

impl UsageViews {
    /// The sums of every bot that was used in the month of `now`, and the position in the feed that they are true at:
    /// whoever adds up the events after it counts nothing twice and misses nothing.
    pub async fn window_totals(&self, now: Timestamp) -> Result<(Position, Vec<WindowTotals>), StoreError> {
        // One snapshot for both statements.
        let mut tx = self.pool.begin().await?;
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut *tx).await?;
        let position = checkpoint(&mut tx).await?;
        let day = now.date_naive();
        let month = day.with_day(1).unwrap_or(day);
        let rows = sqlx::query(
            "SELECT bot_id,
                    coalesce(sum(input_tokens + output_tokens) FILTER (WHERE at >= $2), 0)::bigint AS day_tokens,
                    coalesce(sum(cost_micros) FILTER (WHERE at >= $2), 0)::bigint AS day_cost_micros,
                    sum(input_tokens + output_tokens)::bigint AS month_tokens,
                    sum(cost_micros)::bigint AS month_cost_micros
             FROM view_usage_rollups.usage_days WHERE at >= $1 AND at <= $2 GROUP BY bot_id ORDER BY bot_id",
        )
        .bind(month.and_time(NaiveTime::MIN).and_utc())
        .bind(day.and_time(NaiveTime::MIN).and_utc())
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let totals = rows.iter().map(window).collect::<Result<_, _>>()?;
        Ok((position, totals))
    }
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
        bot_id: BotId(row.try_get("bot_id")?),
        day_tokens: count(row, "day_tokens")?,
        day_cost_micros: count(row, "day_cost_micros")?,
        month_tokens: count(row, "month_tokens")?,
        month_cost_micros: count(row, "month_cost_micros")?,
    })
}
