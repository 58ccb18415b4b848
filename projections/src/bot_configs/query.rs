//! What can be asked about the versions of a bot's configuration.

use crate::{
    page::{Cursor, Page, QueryError, asked},
    views::count,
};
use clawplane_domain::{BotId, TenantId, Timestamp, bot::ConfigOrigin};
use clawplane_eventstore::StoreError;
use sqlx::{PgPool, Row, postgres::PgRow, types::Json};

const LIST: &str = "bot_configs";
const ABOUT: &str = "version, set_at, set_by, origin, bytes, sha256";

/// The versions of configurations.
#[derive(Clone, Debug)]
pub struct BotConfigs {
    pool: PgPool,
}

/// One version, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigVersion {
    /// Its number, from 1.
    pub version: u64,
    /// When it was saved.
    pub set_at: Timestamp,
    /// By whom (`user:<id>`).
    pub set_by: String,
    /// Where it came from.
    pub origin: ConfigOrigin,
    /// How long its text is.
    pub bytes: u64,
    /// SHA-256 of its text in hexadecimal.
    pub sha256: String,
}

impl BotConfigs {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// A version with its text.
    pub async fn find(
        &self,
        tenant: TenantId,
        bot: BotId,
        version: u64,
    ) -> Result<Option<(ConfigVersion, String)>, StoreError> {
        let Ok(version) = i64::try_from(version) else { return Ok(None) };
        let sql = format!(
            "SELECT {ABOUT}, content FROM view_bot_configs.versions
             WHERE bot_id = $1 AND tenant_id = $2 AND version = $3"
        );
        let row =
            sqlx::query(&sql).bind(bot.0).bind(tenant.0).bind(version).fetch_optional(&self.pool).await?;
        let with_text = |row: PgRow| Ok::<_, sqlx::Error>((about(&row)?, row.try_get("content")?));
        Ok(row.map(with_text).transpose()?)
    }

    /// A bot's versions, newest first.
    pub async fn list(
        &self,
        tenant: TenantId,
        bot: BotId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<ConfigVersion>, QueryError> {
        let before: i64 = match after {
            Some(cursor) => cursor.key(LIST)?,
            None => i64::MAX,
        };
        let sql = format!(
            "SELECT {ABOUT} FROM view_bot_configs.versions
             WHERE bot_id = $1 AND tenant_id = $2 AND version < $3 ORDER BY version DESC LIMIT $4"
        );
        let rows = sqlx::query(&sql).bind(bot.0).bind(tenant.0).bind(before).bind(asked(limit));
        let rows = rows.fetch_all(&self.pool).await?;
        let items = rows.iter().map(about).collect::<Result<Vec<_>, _>>()?;
        Page::cut(items, limit, LIST, |row| row.version)
    }
}

fn about(row: &PgRow) -> Result<ConfigVersion, sqlx::Error> {
    let Json(origin) = row.try_get("origin")?;
    Ok(ConfigVersion {
        version: count(row, "version")?,
        set_at: row.try_get("set_at")?,
        set_by: row.try_get("set_by")?,
        origin,
        bytes: count(row, "bytes")?,
        sha256: row.try_get("sha256")?,
    })
}
