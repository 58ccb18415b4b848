//! `POST /api/provider-key/{id}/rotate`

use super::dto::{KeyDto, RotateKeyRequest};
use crate::{
    ApiState,
    answer::Answer,
    extract::{Command, KeyName},
    openapi::responses::{Invalid, KeyReused, Missing},
    problem::Problem,
    provider_keys,
};
use axum::extract::State;

/// Replaces a provider key's secret
///
/// The proxy uses the new one within a second, and what decrypts the earlier one is destroyed, in all of history. A
/// cool-down ends with it; a disabled key stays disabled until somebody enables it.
#[utoipa::path(
    post, path = "/api/provider-key/{id}/rotate", tag = "provider keys", request_body = RotateKeyRequest,
    params(("id" = Uuid, Path, description = "The key's id")),
    responses((status = 200, description = "The key without its secret", body = KeyDto), Invalid, Missing, KeyReused),
)]
pub(crate) async fn rotate_key(
    State(api): State<ApiState>,
    KeyName(id): KeyName,
    command: Command<RotateKeyRequest>,
) -> Result<Answer<KeyDto>, Problem> {
    let secret = command.input.check()?;
    let (row, position) =
        provider_keys::rotate(&api, command.principal, id, &secret, command.context).await?;
    Ok(Answer::ok(row.into()).at(position))
}
