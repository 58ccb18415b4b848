//! `PATCH /api/provider-key/{id}`

use super::dto::{ChangeKeyRequest, KeyDto};
use crate::{
    ApiState,
    answer::Answer,
    extract::{Command, KeyName},
    openapi::responses::{Invalid, KeyReused, Missing},
    problem::Problem,
    provider_keys,
};
use axum::extract::State;
use clawplane_domain::provider_key::KeyCommand;

/// Changes a provider key's label, tags or weight
///
/// What is not named stays. The proxy chooses by the new tags and weight within a second.
#[utoipa::path(
    patch, path = "/api/provider-key/{id}", tag = "provider keys", request_body = ChangeKeyRequest,
    params(("id" = Uuid, Path, description = "The key's id")),
    responses((status = 200, description = "The key as it is now", body = KeyDto), Invalid, Missing, KeyReused),
)]
pub(crate) async fn change_key(
    State(api): State<ApiState>,
    KeyName(id): KeyName,
    command: Command<ChangeKeyRequest>,
) -> Result<Answer<KeyDto>, Problem> {
    let change = KeyCommand::Change(command.input.check()?);
    let (row, position) = provider_keys::change(&api, command.principal, id, change, command.context).await?;
    Ok(Answer::ok(row.into()).at(position))
}
