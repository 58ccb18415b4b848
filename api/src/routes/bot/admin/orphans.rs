//! `GET /api/bot/admin/orphans`

use crate::{ApiState, problem::Problem, system::Orphan};
use axum::{Json, extract::State};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// After this the engine may be back.
pub(super) const SOON: Duration = Duration::from_secs(10);

/// What belongs to no bot.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Orphans {
    /// Each of them.
    items: Vec<Orphan>,
}

/// Lists what belongs to no bot
///
/// Containers, networks and volumes that carry this installation's label, and folders in the bots' data folder that are
/// named as bots are.
#[utoipa::path(
    get, path = "/api/bot/admin/orphans", tag = "operations",
    responses((status = 200, description = "What was found", body = Orphans)),
)]
pub(crate) async fn orphans(State(api): State<ApiState>) -> Result<Json<Orphans>, Problem> {
    let items = api.system.orphans().await.map_err(|why| Problem::unavailable(why, SOON))?;
    Ok(Json(Orphans { items }))
}
