//! What a key's events say of its health, in its row.

use super::apply::small;
use crate::projection::ApplyError;
use clawplane_domain::{
    Timestamp,
    provider_key::{Cooling, DisabledBy, Disabling},
};
use sqlx::PgConnection;

/// Nothing is held against it any more. Being healthy already, it stays so since then.
pub(super) async fn healthy(tx: &mut PgConnection, id: &str, at: Timestamp) -> Result<(), ApplyError> {
    sqlx::query(
        "UPDATE provider_keys
         SET state_since = CASE WHEN state = 'healthy' THEN state_since ELSE $2 END, state = 'healthy',
             state_until = NULL, state_by = NULL, state_reason = NULL, state_status = NULL, failures = 0
         WHERE id = $1::uuid",
    )
    .bind(id)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}

/// A new secret has not failed yet; a disabled key stays disabled.
pub(super) async fn rotated(tx: &mut PgConnection, id: &str, at: Timestamp) -> Result<(), ApplyError> {
    let cooling = "SELECT EXISTS (SELECT 1 FROM provider_keys WHERE id = $1::uuid AND state = 'cooling')";
    let cooling: bool = sqlx::query_scalar(cooling).bind(id).fetch_one(&mut *tx).await?;
    if cooling { healthy(tx, id, at).await } else { Ok(()) }
}

pub(super) async fn disabled(
    tx: &mut PgConnection,
    id: &str,
    disabling: &Disabling,
    at: Timestamp,
) -> Result<(), ApplyError> {
    let by = match disabling.by {
        DisabledBy::Person => "person",
        DisabledBy::Proxy => "proxy",
    };
    sqlx::query(
        "UPDATE provider_keys
         SET state = 'disabled', state_since = $2, state_until = NULL, state_by = $3, state_reason = $4,
             state_status = $5, failures = 0
         WHERE id = $1::uuid",
    )
    .bind(id)
    .bind(at)
    .bind(by)
    .bind(&disabling.reason)
    .bind(disabling.status.map(i32::from))
    .execute(tx)
    .await?;
    Ok(())
}

/// An extended cool-down goes on since its beginning.
pub(super) async fn cooled(
    tx: &mut PgConnection,
    id: &str,
    cooling: &Cooling,
    at: Timestamp,
) -> Result<(), ApplyError> {
    sqlx::query(
        "UPDATE provider_keys
         SET state_since = CASE WHEN state = 'cooling' THEN state_since ELSE $2 END, state = 'cooling',
             state_until = $3, state_by = 'proxy', state_reason = $4, state_status = $5, failures = $6
         WHERE id = $1::uuid",
    )
    .bind(id)
    .bind(at)
    .bind(cooling.until)
    .bind(cooling.code.as_str())
    .bind(cooling.status.map(i32::from))
    .bind(small(cooling.failures)?)
    .execute(tx)
    .await?;
    Ok(())
}
