//! What can be asked about bots.

use crate::{
    page::{Cursor, Page, QueryError, asked},
    views::{count, parsed},
};
use clawplane_domain::{
    BotId, HostId, TenantId, Timestamp, UserId,
    bot::{
        Access, Bot, BotState, ConfigHead, Desired, EgressRule, Fallback, GatewayToken, Life, Limits,
        ModelChoice, Observation, Placement,
    },
    host::Unreachable,
    quota::QuotaLimits,
    values::{Hostname, ImageRef, Label, Tag},
};
use clawplane_eventstore::StoreError;
use sqlx::{PgPool, Row, postgres::PgRow, types::Json};
use uuid::Uuid;

const LIST: &str = "bots";
const SELECT: &str = "SELECT b.bot, b.created_at, b.state_since, q.limits, h.name AS host_name,
           h.host #> '{profile,lost}' AS host_lost, m.name AS moving_to
    FROM view_bots.bots b
    LEFT JOIN view_hosts.hosts h
           ON h.id = coalesce((b.bot #>> '{profile,placement,host}')::uuid, '00000000-0000-0000-0000-000000000000')
    LEFT JOIN view_hosts.hosts m ON m.id = (b.bot #>> '{profile,placement,moving,to}')::uuid
    LEFT JOIN view_bots.quotas q ON q.subject_id = b.id AND q.tenant_id = b.tenant_id";

/// The bots.
#[derive(Clone, Debug)]
pub struct Bots {
    pool: PgPool,
}

/// A bot as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct BotRow {
    /// Its id.
    pub id: BotId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its name in the API.
    pub hostname: Hostname,
    /// Its name for people.
    pub name: Label,
    /// Its own image, where it does not take the platform's default.
    pub image: Option<ImageRef>,
    /// Its loopback port on the host.
    pub port: u16,
    /// Chooses provider keys.
    pub tags: Vec<Tag>,
    /// The models it may use; the first is its primary one.
    pub models: Vec<ModelChoice>,
    /// Its container's limits.
    pub limits: Limits,
    /// What it may reach through the proxy.
    pub access: Access,
    /// The present gateway token, hashed and sealed; none once it is deleted.
    pub token: Option<GatewayToken>,
    /// Vendors that stand in for others.
    pub fallbacks: Vec<Fallback>,
    /// What else it was given, and how often it was to begin anew. Its persona is not here.
    pub life: Life,
    /// Where it may go on the web.
    pub egress: Vec<EgressRule>,
    /// The present version of its configuration.
    pub config: ConfigHead,
    /// Which host it is on, by id.
    pub placement: Placement,
    /// That host.
    pub host: BotHost,
    /// What its owner wants.
    pub desired: Desired,
    /// What the worker saw last. Where its host is lost that is long ago: see [`BotRow::shown`].
    pub observed: Observation,
    /// Since when the observed state is what it is.
    pub state_since: Timestamp,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// Its limits on tokens, money and rate; `None` when none were ever set.
    pub quota: Option<QuotaLimits>,
}

/// The host of a bot, as the read model of hosts has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BotHost {
    /// Its name; `None` until that read model knows it.
    pub name: Option<Hostname>,
    /// It is lost.
    pub lost: Option<Unreachable>,
    /// The name of the host that the bot is on its way to.
    pub moving_to: Option<Hostname>,
}

impl BotRow {
    /// How it is: as it was seen last, or unknown while its host is lost. With the reason, and since when.
    pub fn shown(&self) -> (BotState, Option<String>, Timestamp) {
        match &self.host.lost {
            Some(lost) => {
                let name = self.host.name.as_ref().map_or("", Hostname::as_str);
                let reason = format!("its host `{name}` is not reached: {}", lost.reason);
                (BotState::Unknown, Some(reason), lost.since)
            }
            None => (self.observed.state, self.observed.reason.clone(), self.state_since),
        }
    }
}

/// How many bots a tenant has, by what was last seen of them and by what is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BotStats {
    /// All of them; deleted ones do not count anywhere here.
    pub total: u64,
    /// Seen: no container yet.
    pub created: u64,
    /// Seen: on the way up.
    pub starting: u64,
    /// Seen: running and healthy.
    pub running: u64,
    /// Seen: running, not healthy.
    pub unhealthy: u64,
    /// Seen: on the way down.
    pub stopping: u64,
    /// Seen: not running.
    pub stopped: u64,
    /// Seen: failed.
    pub failed: u64,
    /// Not seen: their host is lost.
    pub unknown: u64,
    /// Wanted: running.
    pub desired_running: u64,
    /// Wanted: stopped.
    pub desired_stopped: u64,
}

impl Bots {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The tenant's bot of this name; deleted ones are not found.
    pub async fn find(&self, tenant: TenantId, hostname: &Hostname) -> Result<Option<BotRow>, StoreError> {
        let sql = format!("{SELECT} WHERE b.tenant_id = $1 AND b.hostname = $2 AND NOT b.deleted");
        let row = sqlx::query(&sql).bind(tenant.0).bind(hostname.as_str()).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().map(bot).transpose()?)
    }

    /// The tenant's bots by name; deleted ones are hidden.
    pub async fn list(
        &self,
        tenant: TenantId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<BotRow>, QueryError> {
        let (hostname, id): (String, Uuid) = match after {
            Some(cursor) => cursor.key(LIST)?,
            None => (String::new(), Uuid::nil()),
        };
        let sql = format!(
            "{SELECT} WHERE b.tenant_id = $1 AND NOT b.deleted AND (b.hostname, b.id) > ($2, $3)
             ORDER BY b.hostname, b.id LIMIT $4"
        );
        let rows =
            sqlx::query(&sql).bind(tenant.0).bind(hostname).bind(id).bind(asked(limit)).fetch_all(&self.pool);
        let items = rows.await?.iter().map(bot).collect::<Result<Vec<_>, _>>()?;
        Page::cut(items, limit, LIST, |row| (row.hostname.to_string(), row.id))
    }

    /// How many the tenant has.
    pub async fn stats(&self, tenant: TenantId) -> Result<BotStats, StoreError> {
        let rows = sqlx::query(
            "SELECT b.bot #> '{profile,desired}',
                    CASE WHEN h.host #> '{profile,lost}' <> 'null' THEN '\"unknown\"'
                         ELSE b.bot #> '{profile,observed,state}' END,
                    count(*)
             FROM view_bots.bots b
             LEFT JOIN view_hosts.hosts h
                    ON h.id = coalesce((b.bot #>> '{profile,placement,host}')::uuid, '00000000-0000-0000-0000-000000000000')
             WHERE b.tenant_id = $1 AND NOT b.deleted GROUP BY 1, 2",
        )
        .bind(tenant.0)
        .fetch_all(&self.pool)
        .await?;
        let mut stats = BotStats::default();
        for row in rows {
            let (Json(desired), Json(observed)) = (row.try_get(0)?, row.try_get(1)?);
            stats.add(desired, observed, count(&row, 2)?);
        }
        Ok(stats)
    }

    /// The limits of the tenant's bots, but for `except`; deleted ones do not count.
    pub async fn limits(&self, tenant: TenantId, except: Option<BotId>) -> Result<Vec<Limits>, StoreError> {
        let rows = sqlx::query(
            "SELECT bot #> '{profile,limits}' FROM view_bots.bots
             WHERE tenant_id = $1 AND NOT deleted AND id IS DISTINCT FROM $2",
        )
        .bind(tenant.0)
        .bind(except.map(|bot| bot.0))
        .fetch_all(&self.pool)
        .await?;
        let limits = rows.iter().map(|row| row.try_get::<Json<Limits>, _>(0).map(|Json(limits)| limits));
        Ok(limits.collect::<Result<_, _>>()?)
    }

    /// As [`Bots::all_present`], those alone that have, or are to have, something on `host`.
    pub async fn present_on(&self, host: HostId) -> Result<Vec<BotRow>, StoreError> {
        let sql = format!(
            "{SELECT} WHERE coalesce(b.bot #>> '{{profile,placement,host}}', $2) = $1
                OR b.bot #>> '{{profile,placement,moving,to}}' = $1
                OR b.bot #> '{{profile,placement,left}}' ? $1 ORDER BY b.id"
        );
        let rows = sqlx::query(&sql).bind(host.to_string()).bind(HostId::LOCAL.to_string());
        Ok(rows.fetch_all(&self.pool).await?.iter().map(bot).collect::<Result<_, _>>()?)
    }

    /// The host that a bot is on; `None` when there is no such bot.
    pub async fn host_of(&self, bot: BotId) -> Result<Option<HostId>, StoreError> {
        let id: Option<Uuid> = sqlx::query_scalar(
            "SELECT coalesce((bot #>> '{profile,placement,host}')::uuid, '00000000-0000-0000-0000-000000000000')
             FROM view_bots.bots WHERE id = $1",
        )
        .bind(bot.0)
        .fetch_optional(&self.pool)
        .await?;
        Ok(id.map(HostId))
    }

    /// Every tenant's bots, with those that are deleted but not yet removed: for the worker, not for people.
    pub async fn all_present(&self) -> Result<Vec<BotRow>, StoreError> {
        let rows = sqlx::query(&format!("{SELECT} ORDER BY b.id")).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(bot).collect::<Result<_, _>>()?)
    }
}

impl BotStats {
    fn add(&mut self, desired: Desired, observed: BotState, count: u64) {
        self.total += count;
        match desired {
            Desired::Running => self.desired_running += count,
            Desired::Stopped => self.desired_stopped += count,
            Desired::Deleted => {}
        }
        match observed {
            BotState::Created => self.created += count,
            BotState::Starting => self.starting += count,
            BotState::Running => self.running += count,
            BotState::Unhealthy => self.unhealthy += count,
            BotState::Stopping => self.stopping += count,
            BotState::Stopped => self.stopped += count,
            BotState::Failed => self.failed += count,
            BotState::Unknown => self.unknown += count,
            BotState::Deleting => {}
        }
    }
}

fn bot(row: &PgRow) -> Result<BotRow, sqlx::Error> {
    let Json::<Bot>(bot) = row.try_get("bot")?;
    let profile = bot.profile.ok_or_else(|| sqlx::Error::Decode("a bot without a profile".into()))?;
    let quota: Option<Json<QuotaLimits>> = row.try_get("limits")?;
    let lost: Option<Json<Option<Unreachable>>> = row.try_get("host_lost")?;
    let name: Option<String> = row.try_get("host_name")?;
    let moving_to: Option<String> = row.try_get("moving_to")?;
    let host = BotHost {
        name: name.map(parsed).transpose()?,
        lost: lost.and_then(|Json(lost)| lost),
        moving_to: moving_to.map(parsed).transpose()?,
    };
    Ok(BotRow {
        id: profile.id,
        tenant_id: profile.tenant_id,
        hostname: profile.hostname,
        name: profile.name,
        image: profile.image,
        port: profile.port,
        tags: profile.tags,
        models: profile.models,
        limits: profile.limits,
        access: profile.access,
        token: profile.token,
        fallbacks: profile.fallbacks,
        life: profile.life,
        egress: profile.egress,
        config: profile.config,
        placement: profile.placement,
        host,
        desired: profile.desired,
        observed: profile.observed,
        state_since: row.try_get("state_since")?,
        created_by: profile.created_by,
        created_at: row.try_get("created_at")?,
        quota: quota.map(|Json(limits)| limits),
    })
}
