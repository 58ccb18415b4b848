//! `POST /api/provider-key/{id}/verify`

use crate::{
    ApiState, Verification,
    answer::Answer,
    extract::{Bare, KeyName},
    openapi::responses::{BadKey, Missing},
    problem::Problem,
    provider_keys,
};
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// What a vendor said about a key.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = KeyVerification)]
pub(crate) struct VerificationDto {
    /// The vendor takes the key, and it can be used now.
    ok: bool,
    /// The status of the vendor's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 200)]
    status: Option<u16>,
    /// `ok`, `refused`, `rate_limited`, `quota_exhausted`, `upstream_error`, `inconclusive`, or why there was no answer:
    /// `upstream_unreachable`, `upstream_connect_timeout`, `upstream_first_byte_timeout`, `upstream_failed`,
    /// `upstream_not_allowed`.
    #[schema(example = "ok")]
    code: String,
    /// From the call to its answer, in milliseconds.
    #[schema(example = 180)]
    latency_ms: u64,
    /// In words.
    #[schema(example = "the vendor takes the key")]
    detail: String,
}

/// Asks the vendor whether it takes a provider key
///
/// A real call that costs nothing, mostly for the list of models. When the vendor takes the key, a cool-down ends, and
/// a key that the proxy disabled is enabled; what a person disabled stays disabled.
#[utoipa::path(
    post, path = "/api/provider-key/{id}/verify", tag = "provider keys",
    params(("id" = Uuid, Path, description = "The key's id")),
    responses((status = 200, description = "What the vendor said", body = VerificationDto), BadKey, Missing),
)]
pub(crate) async fn verify_key(
    State(api): State<ApiState>,
    KeyName(id): KeyName,
    command: Bare,
) -> Result<Answer<VerificationDto>, Problem> {
    let (said, position) = provider_keys::verify(&api, command.principal, id, command.context).await?;
    Ok(Answer::ok(said.into()).at(position))
}

impl From<Verification> for VerificationDto {
    fn from(said: Verification) -> Self {
        let Verification { ok, status, code, latency_ms, detail } = said;
        Self { ok, status, code, latency_ms, detail }
    }
}
