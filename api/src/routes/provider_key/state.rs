//! Whether a provider key may be used, as its row and its health show it.

use chrono::{DateTime, Utc};
use clawplane_projections::{KeyHealth, KeyState};
use serde::Serialize;
use utoipa::ToSchema;

/// Whether a provider key may be used.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ProviderKeyState)]
pub(crate) struct StateDto {
    /// `healthy`; `cooling` after a failure, until a request after `until` succeeds; `disabled` until somebody enables it.
    #[schema(example = "healthy")]
    state: &'static str,
    /// Since when it is in that state.
    since: DateTime<Utc>,
    /// Until when a cooling key is not used; after that one request tries it.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
    /// Why it is in that state: words for a disabled key, for a cooling one `rate_limited`, `quota_exhausted`,
    /// `upstream_error`, `upstream_timeout` or `upstream_unreachable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "rate_limited")]
    reason: Option<String>,
    /// Who disabled it: `person`, or `proxy` because the vendor refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// The vendor's status that led to the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 429)]
    status: Option<u16>,
    /// How many failures in a row a cooling key has had.
    #[serde(skip_serializing_if = "is_zero")]
    failures: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl From<KeyHealth> for StateDto {
    fn from(health: KeyHealth) -> Self {
        Self {
            state: match health.state {
                KeyState::Healthy => "healthy",
                KeyState::Cooling => "cooling",
                KeyState::Disabled => "disabled",
            },
            since: health.since,
            until: health.until,
            reason: health.reason,
            by: health.by.filter(|_| health.state == KeyState::Disabled),
            status: health.status,
            failures: health.failures,
        }
    }
}
