//! What is known of tenants, who own the bots: their names, their time zones, their own quotas.

use crate::{bots::Bots, projection::ApplyError, views::parsed};
use clawplane_domain::{
    TenantId, TimeZone,
    quota::{QuotaLimits, QuotaSubject},
    tenant::TenantEvent,
    values::Label,
};
use clawplane_eventstore::StoreError;
use sqlx::{PgConnection, Row, types::Json};
use uuid::Uuid;

/// A tenant as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRow {
    /// Its id.
    pub id: TenantId,
    /// Its name for people.
    pub name: Label,
    /// In which its quotas' days and months begin.
    pub time_zone: TimeZone,
}

/// Tenants change seldom: one statement an event.
pub(super) async fn apply(tx: &mut PgConnection, id: Uuid, event: TenantEvent) -> Result<(), ApplyError> {
    match event {
        TenantEvent::Created { name, .. } => {
            sqlx::query(
                "INSERT INTO tenants (id, name, time_zone) VALUES ($1, $2, $3)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name, time_zone = excluded.time_zone",
            )
            .bind(id)
            .bind(name.as_str())
            .bind(TimeZone::UTC.name())
            .execute(tx)
            .await?;
        }
        TenantEvent::TimeZoneSet { time_zone } => {
            sqlx::query("UPDATE tenants SET time_zone = $2 WHERE id = $1")
                .bind(id)
                .bind(time_zone.name())
                .execute(tx)
                .await?;
        }
        TenantEvent::MemberAdded { .. } | TenantEvent::PlanSet { .. } => {}
    }
    Ok(())
}

impl Bots {
    /// A tenant.
    pub async fn tenant(&self, id: TenantId) -> Result<Option<TenantRow>, StoreError> {
        let row = sqlx::query("SELECT name, time_zone FROM view_bots.tenants WHERE id = $1")
            .bind(id.0)
            .fetch_optional(self.pool())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let (name, time_zone) = (parsed(row.try_get(0)?)?, parsed(row.try_get(1)?)?);
        Ok(Some(TenantRow { id, name, time_zone }))
    }

    /// The limits of a bot or a tenant; `None` where there are none.
    pub async fn quota(&self, subject: QuotaSubject) -> Result<Option<QuotaLimits>, StoreError> {
        let id = subject.bot_id.map_or(subject.tenant_id.0, |bot| bot.0);
        let row = sqlx::query("SELECT limits FROM view_bots.quotas WHERE subject_id = $1 AND tenant_id = $2")
            .bind(id)
            .bind(subject.tenant_id.0)
            .fetch_optional(self.pool())
            .await?;
        let limits = row.map(|row| row.try_get::<Json<QuotaLimits>, _>(0)).transpose()?;
        Ok(limits.map(|Json(limits)| limits))
    }
}
