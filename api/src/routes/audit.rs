//! `GET /api/audit`

use super::bot::usage::time;
use crate::{
    ApiState,
    auth::Principal,
    extract::Query,
    fields::Fields,
    openapi::responses::BadQuery,
    problem::Problem,
    routes::page::{PageOf, PageParams},
};
use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use clawplane_domain::Actor;
use clawplane_projections::{AuditFilter, AuditRow, Cursor};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Longest text of a filter.
const LONGEST: usize = 200;

/// Which entries; what is absent does not matter.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditParams {
    /// What happened.
    #[param(example = "bot.created")]
    action: Option<String>,
    /// The kind of thing that it happened to: `bot`, `provider_key`, `quota`, `price`, `session`, `user`, `tenant`, `upkeep`.
    #[param(example = "bot")]
    thing_type: Option<String>,
    /// The id of that thing.
    thing_id: Option<String>,
    /// Who did it: `user:<id>` or `system:<role>`.
    #[param(example = "system:docker-worker")]
    actor: Option<String>,
    /// The first instant.
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-03-01T00:00:00Z")]
    from: Option<String>,
    /// The instant after the last.
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-04-01T00:00:00Z")]
    to: Option<String>,
    /// Most items of the page, 1 to 200.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// Where to go on: `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditEntry {
    /// Where it stands in the feed of all events.
    #[schema(example = "7311-204")]
    position: String,
    /// When.
    at: DateTime<Utc>,
    /// Who did it: `user:<id>` or `system:<role>`.
    #[schema(example = "user:0197f3a2-7c1e-7d4a-9b52-3f0c8a61d2e4")]
    actor: String,
    /// What happened.
    #[schema(example = "bot.created")]
    action: String,
    /// The kind of thing that it happened to.
    #[schema(example = "bot")]
    thing_type: String,
    /// That thing's id.
    thing_id: String,
    /// The request through which it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Uuid>,
    /// The event, without anything secret.
    #[schema(value_type = Object)]
    details: serde_json::Value,
}

/// Lists what happened in the tenant, newest first
#[utoipa::path(
    get, path = "/api/audit", tag = "audit", params(AuditParams),
    responses((status = 200, description = "A page of the audit log", body = PageOf<AuditEntry>), BadQuery),
)]
pub(crate) async fn audit_log(
    State(api): State<ApiState>,
    principal: Principal,
    Query(params): Query<AuditParams>,
) -> Result<Json<PageOf<AuditEntry>>, Problem> {
    let (filter, after, limit) = params.check()?;
    let page = api.views.audit.page(principal.tenant, &filter, after, limit).await?;
    Ok(Json(PageOf::of(page, AuditEntry::from)))
}

impl AuditParams {
    fn check(self) -> Result<(AuditFilter, Option<Cursor>, u32), Problem> {
        let mut fields = Fields::default();
        let (after, limit) = PageParams::new(self.limit, self.cursor).check_in(&mut fields);
        let from = time(&mut fields, "from", self.from.as_deref());
        let to = time(&mut fields, "to", self.to.as_deref());
        fields.optional::<Actor>("actor", self.actor.as_deref());
        let texts = [("action", &self.action), ("thingType", &self.thing_type), ("thingId", &self.thing_id)];
        for (field, text) in texts {
            let short = text.as_ref().is_none_or(|text| (1..=LONGEST).contains(&text.len()));
            fields.require(field, short, "must have 1 to 200 bytes");
        }
        let filter = AuditFilter {
            action: self.action,
            thing_type: self.thing_type,
            thing_id: self.thing_id,
            actor: self.actor,
            from,
            to,
        };
        fields.finish(Some((filter, after, limit)))
    }
}

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        Self {
            position: row.position.to_string(),
            at: row.at,
            actor: row.actor,
            action: row.action,
            thing_type: row.thing_type,
            thing_id: row.thing_id,
            request_id: row.request_id.map(|id| id.0),
            details: row.details,
        }
    }
}
