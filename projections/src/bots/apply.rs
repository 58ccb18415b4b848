//! The fold: rows of the batch's bots are loaded, the domain's own fold runs over them, changed rows are stored.

use super::tenants;
use crate::{
    projection::{ApplyError, Projection},
    views::View,
};
use async_trait::async_trait;
use clawplane_domain::{
    Decide, TenantId, Timestamp,
    bot::{Bot, BotEvent, Desired},
    quota::{QuotaEvent, QuotaLimits},
};
use clawplane_eventstore::{Filter, RecordedEvent};
use sqlx::{PgConnection, Row, types::Json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Keeps `view_bots`.
pub(crate) struct BotsProjection;

/// One bot while a batch is folded; `None` in the map below when there is no row of it (any more).
struct Folded {
    bot: Bot,
    created_at: Timestamp,
    state_since: Timestamp,
}

/// The limits of bots and tenants; `None` where they were cleared.
type Quotas = BTreeMap<Uuid, (TenantId, Option<QuotaLimits>)>;

#[async_trait]
impl Projection for BotsProjection {
    fn view(&self) -> View {
        View::Bots
    }

    fn version(&self) -> i32 {
        3
    }

    fn streams(&self) -> Filter {
        Filter::Types(&["bot", "quota", "tenant"])
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[RecordedEvent]) -> Result<(), ApplyError> {
        let mut quotas = Quotas::new();
        let mut of_bots = Vec::new();
        for event in events {
            match event.aggregate_type.as_str() {
                "quota" => {
                    let (subject, limits) = match event.decode()? {
                        QuotaEvent::Set { subject, limits } => (subject, Some(limits)),
                        QuotaEvent::Cleared { subject } => (subject, None),
                        QuotaEvent::ThresholdReached { .. } => continue,
                    };
                    let id = subject.bot_id.map_or(subject.tenant_id.0, |bot| bot.0);
                    quotas.insert(id, (subject.tenant_id, limits));
                }
                "tenant" => tenants::apply(tx, stream_id(event)?, event.decode()?).await?,
                _ => of_bots.push((stream_id(event)?, event)),
            }
        }
        let mut bots = load(tx, of_bots.iter().map(|(id, _)| *id)).await?;
        for (id, event) in of_bots {
            fold(bots.entry(id).or_default(), event)?;
        }
        store(tx, &bots).await?;
        store_quotas(tx, &quotas).await
    }
}

fn stream_id(event: &RecordedEvent) -> Result<Uuid, ApplyError> {
    event
        .aggregate_id
        .parse()
        .map_err(|error| ApplyError::Senseless(format!("the stream's id is no UUID: {error}")))
}

fn fold(slot: &mut Option<Folded>, recorded: &RecordedEvent) -> Result<(), ApplyError> {
    let event: BotEvent = recorded.decode()?;
    let at = recorded.metadata.at;
    match (&event, &mut *slot) {
        (BotEvent::Created { .. }, _) => {
            *slot = Some(Folded { bot: Bot::default(), created_at: at, state_since: at });
        }
        (BotEvent::Removed { .. }, Some(_)) => {
            *slot = None;
            return Ok(());
        }
        (_, None) => {
            return Err(ApplyError::Senseless(format!("{} of a bot without a row", recorded.event_type)));
        }
        (_, Some(_)) => {}
    }
    if let Some(folded) = slot {
        let state = |bot: &Bot| bot.profile.as_ref().map(|profile| profile.observed.state);
        let before = state(&folded.bot);
        folded.bot.evolve(event);
        if state(&folded.bot) != before {
            folded.state_since = at;
        }
    }
    Ok(())
}

async fn load(
    tx: &mut PgConnection,
    ids: impl Iterator<Item = Uuid>,
) -> Result<BTreeMap<Uuid, Option<Folded>>, ApplyError> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = sqlx::query("SELECT id, created_at, state_since, bot FROM bots WHERE id = ANY($1)")
        .bind(ids)
        .fetch_all(tx)
        .await?;
    let mut bots = BTreeMap::new();
    for row in rows {
        let Json(bot) = row.try_get("bot")?;
        let folded =
            Folded { bot, created_at: row.try_get("created_at")?, state_since: row.try_get("state_since")? };
        bots.insert(row.try_get("id")?, Some(folded));
    }
    Ok(bots)
}

async fn store(tx: &mut PgConnection, bots: &BTreeMap<Uuid, Option<Folded>>) -> Result<(), ApplyError> {
    let gone: Vec<Uuid> = bots.iter().filter(|(_, bot)| bot.is_none()).map(|(id, _)| *id).collect();
    if !gone.is_empty() {
        sqlx::query("DELETE FROM bots WHERE id = ANY($1)").bind(gone).execute(&mut *tx).await?;
    }
    let present = || {
        let folded = bots.values().flatten();
        folded.filter_map(|folded| folded.bot.profile.as_ref().map(|profile| (folded, profile)))
    };
    if present().next().is_none() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO bots (id, tenant_id, hostname, deleted, created_at, state_since, bot)
         SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::boolean[], $5::timestamptz[], $6::timestamptz[],
                              $7::jsonb[])
         ON CONFLICT (id) DO UPDATE
         SET tenant_id = excluded.tenant_id, hostname = excluded.hostname, deleted = excluded.deleted,
             created_at = excluded.created_at, state_since = excluded.state_since, bot = excluded.bot",
    )
    .bind(present().map(|(_, p)| p.id.0).collect::<Vec<_>>())
    .bind(present().map(|(_, p)| p.tenant_id.0).collect::<Vec<_>>())
    .bind(present().map(|(_, p)| p.hostname.to_string()).collect::<Vec<_>>())
    .bind(present().map(|(_, p)| p.desired == Desired::Deleted).collect::<Vec<_>>())
    .bind(present().map(|(folded, _)| folded.created_at).collect::<Vec<_>>())
    .bind(present().map(|(folded, _)| folded.state_since).collect::<Vec<_>>())
    .bind(present().map(|(folded, _)| Json(&folded.bot)).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

async fn store_quotas(tx: &mut PgConnection, quotas: &Quotas) -> Result<(), ApplyError> {
    if quotas.is_empty() {
        return Ok(());
    }
    let cleared = quotas.iter().filter(|(_, (_, limits))| limits.is_none()).map(|(id, _)| *id);
    sqlx::query("DELETE FROM quotas WHERE subject_id = ANY($1)")
        .bind(cleared.collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
    let set = || quotas.iter().filter_map(|(id, (tenant, limits))| Some((*id, tenant.0, limits.as_ref()?)));
    sqlx::query(
        "INSERT INTO quotas (subject_id, tenant_id, limits)
         SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::jsonb[])
         ON CONFLICT (subject_id) DO UPDATE SET tenant_id = excluded.tenant_id, limits = excluded.limits",
    )
    .bind(set().map(|(id, ..)| id).collect::<Vec<_>>())
    .bind(set().map(|(_, tenant, _)| tenant).collect::<Vec<_>>())
    .bind(set().map(|(.., limits)| Json(limits)).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}
