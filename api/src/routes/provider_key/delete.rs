//! `DELETE /api/provider-key/{id}`

use crate::{
    ApiState,
    answer::Answer,
    extract::{Bare, KeyName},
    openapi::responses::{BadKey, KeyReused, Missing},
    problem::Problem,
    provider_keys,
};
use axum::extract::State;

/// Deletes a provider key
///
/// The proxy stops using it within a second, and the key that decrypts it is destroyed, in all of history.
#[utoipa::path(
    delete, path = "/api/provider-key/{id}", tag = "provider keys",
    params(("id" = Uuid, Path, description = "The key's id")),
    responses((status = 204, description = "The key is deleted"), BadKey, Missing, KeyReused),
)]
pub(crate) async fn delete_key(
    State(api): State<ApiState>,
    KeyName(id): KeyName,
    command: Bare,
) -> Result<Answer<()>, Problem> {
    let position = provider_keys::delete(&api, command.principal, id, command.context).await?;
    Ok(Answer::nothing().at(position))
}
