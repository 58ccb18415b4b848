//! The fold: versions are few, so each event is a statement.

use crate::{
    projection::{ApplyError, Projection, signed},
    views::View,
};
use async_trait::async_trait;
use clawplane_domain::bot::BotEvent;
use clawplane_eventstore::{Filter, RecordedEvent};
use sqlx::{PgConnection, types::Json};

/// Keeps `view_bot_configs`.
pub(crate) struct BotConfigsProjection;

#[async_trait]
impl Projection for BotConfigsProjection {
    fn view(&self) -> View {
        View::BotConfigs
    }

    fn version(&self) -> i32 {
        1
    }

    fn streams(&self) -> Filter {
        Filter::Types(&["bot"])
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[RecordedEvent]) -> Result<(), ApplyError> {
        for event in events {
            match event.event_type.as_str() {
                "bot.config_set" => set(tx, event).await?,
                "bot.removed" => {
                    let delete = sqlx::query("DELETE FROM versions WHERE bot_id = $1::uuid");
                    delete.bind(&event.aggregate_id).execute(&mut *tx).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

async fn set(tx: &mut PgConnection, event: &RecordedEvent) -> Result<(), ApplyError> {
    let BotEvent::ConfigSet { version, origin, bytes, sha256, config_text } = event.decode()? else {
        return Ok(());
    };
    sqlx::query(
        "INSERT INTO versions (bot_id, version, tenant_id, set_at, set_by, origin, bytes, sha256, content)
         VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (bot_id, version) DO UPDATE SET
             tenant_id = excluded.tenant_id, set_at = excluded.set_at, set_by = excluded.set_by,
             origin = excluded.origin, bytes = excluded.bytes, sha256 = excluded.sha256, content = excluded.content",
    )
    .bind(&event.aggregate_id)
    .bind(signed(version)?)
    .bind(event.metadata.tenant_id.0)
    .bind(event.metadata.at)
    .bind(event.metadata.actor.to_string())
    .bind(Json(origin))
    .bind(signed(bytes)?)
    .bind(sha256)
    .bind(config_text.as_str())
    .execute(tx)
    .await?;
    Ok(())
}
