//! `POST /api/bot/admin/cleanup`

use super::orphans::SOON;
use crate::{
    ApiState,
    answer::Answer,
    extract::{Command, OptionalCommand},
    openapi::responses::{Invalid, KeyReused},
    problem::Problem,
    system::Orphan,
};
use axum::extract::State;
use clawplane_domain::upkeep::{MAX_LEFTOVERS, Upkeep, UpkeepCommand};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What to do.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct CleanupRequest {
    /// Only say what would be removed.
    #[schema(default = true)]
    dry_run: bool,
}

impl Default for CleanupRequest {
    fn default() -> Self {
        Self { dry_run: true }
    }
}

/// What was done, or would be.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cleanup {
    /// Nothing was removed: it was only asked what would be.
    dry_run: bool,
    /// What is gone, or would be.
    removed: Vec<Orphan>,
    /// What stays, and why.
    kept: Vec<Orphan>,
    /// What could not be removed, and why.
    failed: Vec<Failed>,
}

/// What could not be removed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failed {
    #[serde(flatten)]
    #[allow(missing_docs)]
    orphan: Orphan,
    /// Why not.
    error: String,
}

/// Removes what belongs to no bot
///
/// As `GET /api/bot/admin/orphans` lists it at that moment, but for what says why it is kept. Without `"dryRun": false` it
/// only says what it would do. What is going to be removed is in the audit log before the first of it is touched; at most
/// 1,000 at once.
#[utoipa::path(
    post, path = "/api/bot/admin/cleanup", tag = "operations", request_body = Option<CleanupRequest>,
    responses((status = 200, description = "What was done, or would be", body = Cleanup), Invalid, KeyReused),
)]
pub(crate) async fn clean_up(
    State(api): State<ApiState>,
    OptionalCommand(command): OptionalCommand<CleanupRequest>,
) -> Result<Answer<Cleanup>, Problem> {
    let Command { input: CleanupRequest { dry_run }, context, .. } = command;
    let found = api.system.orphans().await.map_err(|why| Problem::unavailable(why, SOON))?;
    let (kept, mut gone): (Vec<_>, Vec<_>) = found.into_iter().partition(|one| one.keep.is_some());
    gone.truncate(MAX_LEFTOVERS);
    if dry_run {
        return Ok(Answer::ok(Cleanup { dry_run, removed: gone, kept, failed: Vec::new() }));
    }
    // Containers before the networks that they are on.
    gone.sort_by_key(|one| one.leftover.kind);
    let leftovers = gone.iter().map(|one| one.leftover.clone()).collect();
    let occasion = api.ids.uuid();
    let committed =
        api.executor.execute::<Upkeep>(occasion, UpkeepCommand::CleanUp(leftovers), context).await?;
    // It goes on also when the client goes away: what was announced is done.
    let system = api.system.clone();
    let work = tokio::spawn(async move {
        let (mut removed, mut failed) = (Vec::new(), Vec::new());
        for orphan in gone {
            match system.remove(&orphan).await {
                Ok(()) => removed.push(orphan),
                Err(error) => {
                    tracing::warn!(kind = %orphan.kind, name = %orphan.name, %error, "a leftover cannot be removed");
                    failed.push(Failed { orphan, error });
                }
            }
        }
        (removed, failed)
    });
    let (removed, failed) = work.await.map_err(Problem::internal)?;
    Ok(Answer::ok(Cleanup { dry_run, removed, kept, failed }).at(committed.position))
}
