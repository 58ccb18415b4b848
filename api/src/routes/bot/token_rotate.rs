//! `POST /api/bot/{hostname}/token/rotate`

use crate::{
    ApiState,
    answer::Answer,
    bots::tokens,
    extract::{BotName, OptionalCommand},
    openapi::responses::{Invalid, KeyReused, Missing},
    problem::Problem,
    surround,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use clawplane_domain::bot::token::USUAL_GRACE;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// How to rotate a bot's token.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RotateTokenRequest {
    /// How long the present token stays valid, in seconds; 10 minutes when absent.
    #[schema(example = 600, maximum = 86_400)]
    grace_seconds: Option<u64>,
}

/// A bot's new token.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RotatedToken {
    /// The new token. Shown this once.
    #[schema(example = "cp_q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA")]
    gateway_token: String,
    /// When it ends; absent when it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
    /// Until when a token from before it is valid; absent when all are void.
    #[serde(skip_serializing_if = "Option::is_none")]
    earlier_valid_until: Option<DateTime<Utc>>,
}

/// Rotates a bot's gateway token
///
/// The new token is in this answer and in no other, except for a repetition with the same `Idempotency-Key`. The present
/// one, and at most one from before it, stay valid for the grace time, so that nothing is refused meanwhile. A running bot is given the new token by the platform, without a restart where it can.
#[utoipa::path(
    post, path = "/api/bot/{hostname}/token/rotate", tag = "bots", request_body = Option<RotateTokenRequest>,
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 200, description = "The new token", body = RotatedToken), Invalid, Missing, KeyReused),
)]
pub(crate) async fn rotate_token(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    OptionalCommand(command): OptionalCommand<RotateTokenRequest>,
) -> Result<Answer<RotatedToken>, Problem> {
    surround::about_bot(&hostname);
    let grace = command.input.grace_seconds.map_or(USUAL_GRACE, Duration::from_secs);
    let new = tokens::rotate(&api, command.principal, &hostname, grace, command.context).await?;
    let answer = RotatedToken {
        gateway_token: new.plain.expose().to_owned(),
        expires_at: new.expires_at,
        earlier_valid_until: new.earlier_until,
    };
    Ok(Answer::ok(answer).at(new.position))
}
