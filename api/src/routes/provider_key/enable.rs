//! `POST /api/provider-key/{id}/enable`

use super::dto::KeyDto;
use crate::{
    ApiState,
    answer::Answer,
    extract::{Bare, KeyName},
    openapi::responses::{BadKey, KeyReused, Missing},
    problem::Problem,
    provider_keys,
};
use axum::extract::State;
use clawplane_domain::provider_key::KeyCommand;

/// Puts a provider key back into use
///
/// Ends a cool-down, too. An enabled key stays enabled.
#[utoipa::path(
    post, path = "/api/provider-key/{id}/enable", tag = "provider keys",
    params(("id" = Uuid, Path, description = "The key's id")),
    responses((status = 200, description = "The key as it is now", body = KeyDto), BadKey, Missing, KeyReused),
)]
pub(crate) async fn enable_key(
    State(api): State<ApiState>,
    KeyName(id): KeyName,
    command: Bare,
) -> Result<Answer<KeyDto>, Problem> {
    let enable = KeyCommand::Enable;
    let (row, position) = provider_keys::change(&api, command.principal, id, enable, command.context).await?;
    Ok(Answer::ok(row.into()).at(position))
}
