//! What can be asked about hosts. What bots reserve of them comes from the read model of bots.

use crate::{
    page::{Cursor, Page, QueryError, asked},
    views::count,
};
use clawplane_domain::{
    HostId, Timestamp,
    host::{Candidate, Host, HostProfile, Room},
    values::Hostname,
};
use clawplane_eventstore::StoreError;
use sqlx::{PgPool, Row, postgres::PgRow, types::Json};
use uuid::Uuid;

const LIST: &str = "hosts";
/// A bot reserves what its limits say where it is and where it is going to. Where it only was it reserves nothing, but it
/// is there until that host has thrown it away.
const SELECT: &str = "SELECT h.host, h.added_at, r.bots, r.memory, r.cpu, r.present FROM view_hosts.hosts h
    LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE reserves) AS bots,
               coalesce(sum((p #>> '{limits,memoryMib}')::bigint) FILTER (WHERE reserves), 0)::bigint AS memory,
               coalesce(sum((p #>> '{limits,cpuMillis}')::bigint) FILTER (WHERE reserves), 0)::bigint AS cpu,
               count(*) AS present
        FROM (
            SELECT b.bot -> 'profile' AS p,
                   coalesce(b.bot #>> '{profile,placement,host}', '00000000-0000-0000-0000-000000000000') = h.id::text
                   OR b.bot #>> '{profile,placement,moving,to}' = h.id::text AS reserves,
                   coalesce(b.bot #> '{profile,placement,left}' ? h.id::text, false) AS leaves
            FROM view_bots.bots b
        ) AS of_bots WHERE reserves OR leaves
    ) r ON true";

/// The hosts.
#[derive(Clone, Debug)]
pub struct Hosts {
    pool: PgPool,
}

/// A host as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRow {
    /// What it is.
    pub profile: HostProfile,
    /// What bots have reserved of it.
    pub reserved: Room,
    /// Bots that have, or are to have, something on it.
    pub present: u64,
    /// When it was added.
    pub added_at: Timestamp,
}

impl HostRow {
    /// For the placement of a bot.
    pub fn candidate(&self) -> Candidate {
        let host = &self.profile.host;
        Candidate {
            id: host.id,
            name: host.name.clone(),
            labels: host.labels.clone(),
            given: host.capacity,
            capacity: self.profile.capacity(),
            reserved: self.reserved,
            draining: self.profile.draining,
            lost: self.profile.lost.is_some(),
        }
    }
}

impl Hosts {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The host of this name; removed ones are not found.
    pub async fn find(&self, name: &Hostname) -> Result<Option<HostRow>, StoreError> {
        let sql = format!("{SELECT} WHERE h.name = $1");
        let row = sqlx::query(&sql).bind(name.as_str()).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().map(host).transpose()?)
    }

    /// The host of this id; removed ones are not found.
    pub async fn get(&self, id: HostId) -> Result<Option<HostRow>, StoreError> {
        let sql = format!("{SELECT} WHERE h.id = $1");
        let row = sqlx::query(&sql).bind(id.0).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().map(host).transpose()?)
    }

    /// The hosts by name.
    pub async fn list(&self, after: Option<Cursor>, limit: u32) -> Result<Page<HostRow>, QueryError> {
        let (name, id): (String, Uuid) = match after {
            Some(cursor) => cursor.key(LIST)?,
            None => (String::new(), Uuid::nil()),
        };
        let first = name.is_empty();
        let sql = format!("{SELECT} WHERE $4 OR (h.name, h.id) > ($1, $2) ORDER BY h.name, h.id LIMIT $3");
        let rows = sqlx::query(&sql).bind(name).bind(id).bind(asked(limit)).bind(first).fetch_all(&self.pool);
        let items = rows.await?.iter().map(host).collect::<Result<Vec<_>, _>>()?;
        Page::cut(items, limit, LIST, |row| (row.profile.host.name.to_string(), row.profile.host.id.0))
    }

    /// All of them, with what is reserved: for the placement.
    pub async fn all(&self) -> Result<Vec<HostRow>, StoreError> {
        let rows = sqlx::query(&format!("{SELECT} ORDER BY h.name")).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(host).collect::<Result<_, _>>()?)
    }

    /// All of them without what is reserved: for the worker, which asks often.
    pub async fn profiles(&self) -> Result<Vec<HostProfile>, StoreError> {
        let rows =
            sqlx::query("SELECT host FROM view_hosts.hosts ORDER BY name").fetch_all(&self.pool).await?;
        Ok(rows.iter().map(profile).collect::<Result<_, _>>()?)
    }
}

fn profile(row: &PgRow) -> Result<HostProfile, sqlx::Error> {
    let Json::<Host>(host) = row.try_get("host")?;
    host.profile.ok_or_else(|| sqlx::Error::Decode("a host without a profile".into()))
}

fn host(row: &PgRow) -> Result<HostRow, sqlx::Error> {
    let reserved =
        Room { bots: count(row, "bots")?, memory_mib: count(row, "memory")?, cpu_millis: count(row, "cpu")? };
    let (present, added_at) = (count(row, "present")?, row.try_get("added_at")?);
    Ok(HostRow { profile: profile(row)?, reserved, present, added_at })
}
