//! What can be asked about provider keys.

use crate::{
    page::{Cursor, Page, QueryError, asked},
    views::parsed,
};
use clawplane_domain::{
    KeyId, TenantId, Timestamp, UserId,
    provider_key::{ApiType, OnDisconnect},
    values::{BaseUrl, Label, Tag, VendorId},
};
use clawplane_eventstore::StoreError;
use sqlx::{PgPool, Row, postgres::PgRow, types::Json};
use uuid::Uuid;

const LIST: &str = "keys";
const SELECT: &str = "SELECT id, tenant_id, vendor, label, tags, weight, base_url, api_type, on_disconnect, created_by, \
     created_at, last_used_at, last_status, last_success_at, last_failure_at, state, state_since, state_until, state_by, \
     state_reason, state_status, failures FROM view_provider_keys.provider_keys";

/// The provider keys.
#[derive(Clone, Debug)]
pub struct Keys {
    pool: PgPool,
}

/// A provider key without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id.
    pub id: KeyId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// The vendor.
    pub vendor: VendorId,
    /// Its name for people.
    pub label: Label,
    /// Bots with one of these tags prefer it.
    pub tags: Vec<Tag>,
    /// Its share among equal keys.
    pub weight: u32,
    /// Where its vendor is reached, when not at the vendor table's address.
    pub base_url: Option<BaseUrl>,
    /// The wire format, where it is not its vendor's usual one.
    pub api_type: Option<ApiType>,
    /// What becomes of a request whose client goes away.
    pub on_disconnect: OnDisconnect,
    /// Who added it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When the last request that used it arrived.
    pub last_used_at: Option<Timestamp>,
    /// The status that this request ended with.
    pub last_status: Option<u16>,
    /// When it last led to a status below 400.
    pub last_success_at: Option<Timestamp>,
    /// When the vendor last refused it, limited it or failed: 401 to 403, 429, 500 and above.
    pub last_failure_at: Option<Timestamp>,
    /// Whether it may be used.
    pub health: KeyHealth,
}

/// Whether a key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It may.
    Healthy,
    /// It failed and is left alone until a time; after that one request tries it.
    Cooling,
    /// Nobody uses it until somebody enables it.
    Disabled,
}

/// The state of a key with what was said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHealth {
    /// The state.
    pub state: KeyState,
    /// Since when.
    pub since: Timestamp,
    /// The end of a cool-down.
    pub until: Option<Timestamp>,
    /// Who disabled it, `person` or `proxy`.
    pub by: Option<String>,
    /// Why: in words for a disabled key, a code for a cooling one.
    pub reason: Option<String>,
    /// The vendor's status that led to it.
    pub status: Option<u16>,
    /// Failures in a row.
    pub failures: u32,
}

impl KeyHealth {
    /// Of a key that nothing is held against.
    pub fn healthy(since: Timestamp) -> Self {
        let (until, by, reason, status, failures) = (None, None, None, None, 0);
        Self { state: KeyState::Healthy, since, until, by, reason, status, failures }
    }
}

impl Keys {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The tenant's key of this id; deleted ones are not found.
    pub async fn find(&self, tenant: TenantId, id: KeyId) -> Result<Option<KeyRow>, StoreError> {
        let sql = format!("{SELECT} WHERE tenant_id = $1 AND id = $2");
        let row = sqlx::query(&sql).bind(tenant.0).bind(id.0).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().map(key).transpose()?)
    }

    /// The tenant's keys, oldest first.
    pub async fn list(
        &self,
        tenant: TenantId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<KeyRow>, QueryError> {
        let (created_at, id): (Timestamp, Uuid) = match after {
            Some(cursor) => cursor.key(LIST)?,
            None => (Timestamp::UNIX_EPOCH, Uuid::nil()),
        };
        let sql = format!(
            "{SELECT} WHERE tenant_id = $1 AND (created_at, id) > ($2, $3) ORDER BY created_at, id LIMIT $4"
        );
        let rows = sqlx::query(&sql).bind(tenant.0).bind(created_at).bind(id).bind(asked(limit));
        let items = rows.fetch_all(&self.pool).await?.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        Page::cut(items, limit, LIST, |row| (row.created_at, row.id))
    }
}

fn key(row: &PgRow) -> Result<KeyRow, sqlx::Error> {
    let tags: Vec<String> = row.try_get("tags")?;
    let base_url: Option<String> = row.try_get("base_url")?;
    let api_type: Option<Json<ApiType>> = row.try_get("api_type")?;
    let Json(on_disconnect) = row.try_get("on_disconnect")?;
    let last_status: Option<i32> = row.try_get("last_status")?;
    let weight: i32 = row.try_get("weight")?;
    Ok(KeyRow {
        id: KeyId(row.try_get("id")?),
        tenant_id: TenantId(row.try_get("tenant_id")?),
        vendor: parsed(row.try_get("vendor")?)?,
        label: parsed(row.try_get("label")?)?,
        tags: tags.into_iter().map(parsed).collect::<Result<_, _>>()?,
        weight: weight.unsigned_abs(),
        base_url: base_url.map(parsed).transpose()?,
        api_type: api_type.map(|Json(api_type)| api_type),
        on_disconnect,
        created_by: UserId(row.try_get("created_by")?),
        created_at: row.try_get("created_at")?,
        last_used_at: row.try_get("last_used_at")?,
        last_status: last_status.and_then(|status| u16::try_from(status).ok()),
        last_success_at: row.try_get("last_success_at")?,
        last_failure_at: row.try_get("last_failure_at")?,
        health: health(row)?,
    })
}

fn health(row: &PgRow) -> Result<KeyHealth, sqlx::Error> {
    let (state, status): (String, Option<i32>) = (row.try_get("state")?, row.try_get("state_status")?);
    let failures: i32 = row.try_get("failures")?;
    Ok(KeyHealth {
        state: match state.as_str() {
            "disabled" => KeyState::Disabled,
            "cooling" => KeyState::Cooling,
            _ => KeyState::Healthy,
        },
        since: row.try_get("state_since")?,
        until: row.try_get("state_until")?,
        by: row.try_get("state_by")?,
        reason: row.try_get("state_reason")?,
        status: status.and_then(|status| u16::try_from(status).ok()),
        failures: failures.unsigned_abs(),
    })
}
