//! What can be asked of the audit log.

use crate::page::{Cursor, Page, QueryError, asked};
use clawplane_domain::{RequestId, TenantId, Timestamp};
use clawplane_eventstore::Position;
use sqlx::{PgPool, Postgres, QueryBuilder, Row, postgres::PgRow};

const LIST: &str = "audit";

/// The audit log.
#[derive(Clone, Debug)]
pub struct AuditView {
    pool: PgPool,
}

/// Which rows; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The event's name, as a whole: `bot.created`.
    pub action: Option<String>,
    /// The kind of thing that it happened to: `bot`, `provider_key`, `quota`, ...
    pub thing_type: Option<String>,
    /// That thing's id.
    pub thing_id: Option<String>,
    /// Who did it: `user:<id>` or `system:<role>`.
    pub actor: Option<String>,
    /// From this instant on.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub to: Option<Timestamp>,
}

/// One event, without what is secret.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// Where it stands in the feed.
    pub position: Position,
    /// When its command was taken.
    pub at: Timestamp,
    /// Who did it: `user:<id>` or `system:<role>`.
    pub actor: String,
    /// The event's name.
    pub action: String,
    /// The kind of thing that it happened to; a `bot` for usage.
    pub thing_type: String,
    /// That thing's id.
    pub thing_id: String,
    /// The request through which it came, where there was one.
    pub request_id: Option<RequestId>,
    /// The event without sealed material and hashes.
    pub details: serde_json::Value,
}

impl AuditView {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The tenant's events, newest first.
    pub async fn page(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<AuditRow>, QueryError> {
        let before: Option<(i64, i64)> = after.map(|cursor| cursor.key(LIST)).transpose()?;
        let mut query = question(tenant, filter, before, limit);
        let rows = query.build().fetch_all(&self.pool).await?;
        let items = rows.iter().map(event).collect::<Result<Vec<_>, _>>()?;
        Page::cut(items, limit, LIST, |row| (row.position.tx_id, row.position.global))
    }
}

fn question(
    tenant: TenantId,
    filter: &AuditFilter,
    before: Option<(i64, i64)>,
    limit: u32,
) -> QueryBuilder<'_, Postgres> {
    let mut sql = QueryBuilder::new(
        "SELECT tx_id, position, at, actor, action, thing_type, thing_id, request_id, details
         FROM view_audit.audit_log WHERE tenant_id = ",
    );
    sql.push_bind(tenant.0);
    if let Some((tx_id, position)) = before {
        sql.push(" AND (tx_id, position) < (").push_bind(tx_id).push(", ").push_bind(position).push(")");
    }
    if let Some(action) = &filter.action {
        if action != clawplane_domain::usage::USAGE_RECORDED {
            // Lets the planner use the index that has no usage in it.
            sql.push(" AND action <> 'usage.recorded'");
        }
        sql.push(" AND action = ").push_bind(action);
    }
    let texts =
        [("thing_type", &filter.thing_type), ("thing_id", &filter.thing_id), ("actor", &filter.actor)];
    for (column, wanted) in texts {
        if let Some(wanted) = wanted {
            sql.push(format_args!(" AND {column} = ")).push_bind(wanted);
        }
    }
    if let Some(from) = filter.from {
        sql.push(" AND at >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        sql.push(" AND at < ").push_bind(to);
    }
    sql.push(" ORDER BY tx_id DESC, position DESC LIMIT ").push_bind(asked(limit));
    sql
}

fn event(row: &PgRow) -> Result<AuditRow, sqlx::Error> {
    let tx_id: i64 = row.try_get("tx_id")?;
    Ok(AuditRow {
        position: Position { tx_id: tx_id.unsigned_abs(), global: row.try_get("position")? },
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        thing_type: row.try_get("thing_type")?,
        thing_id: row.try_get("thing_id")?,
        request_id: row.try_get::<Option<_>, _>("request_id")?.map(RequestId),
        details: row.try_get("details")?,
    })
}
