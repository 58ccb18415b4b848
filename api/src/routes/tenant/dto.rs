//! A tenant as a client sees it.

use clawplane_projections::TenantRow;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A tenant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tenant)]
pub(crate) struct TenantDto {
    /// Its id.
    id: Uuid,
    /// Its name for people.
    #[schema(example = "Ada")]
    name: String,
    /// In which the days and months of its quotas begin: a name of the IANA database.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
}

/// What shall change of a tenant; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdateTenantRequest {
    /// In which the days and months of its quotas begin: a name of the IANA database. The present day and month are
    /// those of the new time zone at once.
    #[schema(example = "Europe/Berlin")]
    pub(super) time_zone: String,
}

impl From<TenantRow> for TenantDto {
    fn from(row: TenantRow) -> Self {
        Self { id: row.id.0, name: row.name.into(), time_zone: row.time_zone.to_string() }
    }
}
