//! `POST /api/provider-key/{id}/disable`

use super::dto::{DisableKeyRequest, KeyDto};
use crate::{
    ApiState,
    answer::Answer,
    extract::{Bare, KeyName, OptionalBody},
    openapi::responses::{Invalid, KeyReused, Missing},
    problem::Problem,
    provider_keys,
};
use axum::extract::State;

/// Takes a provider key out of use
///
/// The proxy stops using it within a second, and only a person puts it back. A disabled key stays disabled.
#[utoipa::path(
    post, path = "/api/provider-key/{id}/disable", tag = "provider keys",
    request_body(content = Option<DisableKeyRequest>, description = "Why, if there is something to say"),
    params(("id" = Uuid, Path, description = "The key's id")),
    responses((status = 200, description = "The key as it is now", body = KeyDto), Invalid, Missing, KeyReused),
)]
pub(crate) async fn disable_key(
    State(api): State<ApiState>,
    KeyName(id): KeyName,
    command: Bare,
    OptionalBody(input): OptionalBody<DisableKeyRequest>,
) -> Result<Answer<KeyDto>, Problem> {
    let disable = input.unwrap_or_default().check()?;
    let (row, position) =
        provider_keys::change(&api, command.principal, id, disable, command.context).await?;
    Ok(Answer::ok(row.into()).at(position))
}
