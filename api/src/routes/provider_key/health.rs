//! `GET /api/provider-key/health`

use super::state::StateDto;
use crate::{
    ApiState,
    auth::Principal,
    extract::Query,
    openapi::responses::BadQuery,
    problem::Problem,
    routes::page::{PageOf, PageParams},
};
use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use clawplane_projections::KeyRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// How a provider key does, by the requests that used it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyHealth {
    /// Its id.
    id: Uuid,
    /// Its name for people.
    #[schema(example = "Team account")]
    label: String,
    /// The vendor.
    #[schema(example = "openai")]
    vendor: String,
    #[serde(flatten)]
    state: StateDto,
    /// By its use: `unused`, `ok`, or `failing` when its last failure is younger than its last success.
    #[schema(example = "ok")]
    health: &'static str,
    /// When a request last used it.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<DateTime<Utc>>,
    /// The status that this request ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 200)]
    last_status: Option<u16>,
    /// When it last led to a status below 400.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_success_at: Option<DateTime<Utc>>,
    /// When it last led to a status from 400 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure_at: Option<DateTime<Utc>>,
}

/// Shows how the tenant's provider keys do
#[utoipa::path(
    get, path = "/api/provider-key/health", tag = "provider keys", params(PageParams),
    responses((status = 200, description = "A page of keys with their health", body = PageOf<KeyHealth>), BadQuery),
)]
pub(crate) async fn key_health(
    State(api): State<ApiState>,
    principal: Principal,
    Query(params): Query<PageParams>,
) -> Result<Json<PageOf<KeyHealth>>, Problem> {
    let (after, limit) = params.check()?;
    let page = api.views.keys.list(principal.tenant, after, limit).await?;
    Ok(Json(PageOf::of(page, KeyHealth::from)))
}

impl From<KeyRow> for KeyHealth {
    fn from(row: KeyRow) -> Self {
        Self {
            health: health(&row),
            id: row.id.0,
            label: row.label.into(),
            vendor: row.vendor.into(),
            last_used_at: row.last_used_at,
            last_status: row.last_status,
            last_success_at: row.last_success_at,
            last_failure_at: row.last_failure_at,
            state: row.health.into(),
        }
    }
}

fn health(row: &KeyRow) -> &'static str {
    match (row.last_success_at, row.last_failure_at) {
        (None, None) => "unused",
        (success, failure) if failure > success => "failing",
        _ => "ok",
    }
}
