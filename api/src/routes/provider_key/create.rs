//! `POST /api/provider-key`

use super::dto::{AddKeyRequest, KeyDto, NewKey};
use crate::{
    ApiState,
    answer::Answer,
    extract::Command,
    openapi::responses::{Invalid, KeyReused},
    problem::Problem,
    provider_keys,
};
use axum::extract::State;
use clawplane_domain::{KeyId, SealedSecret, provider_key::AddKey};

/// Adds a provider key
///
/// The secret is encrypted before anything is stored, and is in no answer, not even in this one.
#[utoipa::path(
    post, path = "/api/provider-key", tag = "provider keys", request_body = AddKeyRequest,
    responses(
        (status = 201, description = "The key without its secret", body = KeyDto,
         headers(("location" = String, description = "Where the key is found"))),
        Invalid, KeyReused,
    ),
)]
pub(crate) async fn add_key(
    State(api): State<ApiState>,
    command: Command<AddKeyRequest>,
) -> Result<Answer<KeyDto>, Problem> {
    let NewKey { vendor, secret, label, tags, base_url, weight, api_type, on_disconnect } =
        command.input.check(&api)?;
    let (id, tenant_id, created_by) =
        (KeyId(api.ids.uuid()), command.principal.tenant, command.principal.user);
    let make = |sealed: SealedSecret| AddKey {
        id,
        tenant_id,
        created_by,
        vendor,
        label,
        tags,
        weight,
        base_url,
        api_type,
        on_disconnect,
        sealed,
    };
    let at = command.context.metadata.at;
    let added = provider_keys::add(&api, (tenant_id, id), &secret, make, command.context).await?;
    let key = added.row.map_or_else(|| KeyDto::fresh(added.key, at), KeyDto::from);
    Ok(Answer::created(key.location(), key).at(added.position))
}
