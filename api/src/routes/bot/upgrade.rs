//! `POST /api/bot/{hostname}/upgrade`

use super::dto::BotDto;
use crate::{
    ApiState,
    answer::Answer,
    bots::life,
    extract::{BotName, Command},
    fields::Fields,
    openapi::responses::{Invalid, KeyReused, Missing, Revoked},
    problem::Problem,
    surround,
};
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

/// The image to have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpgradeRequest {
    /// The new image; `null` is the platform's default.
    #[schema(example = "ghcr.io/openclaw/openclaw:2026.10")]
    image: Option<String>,
}

/// Upgrades a bot to another image
///
/// The bot runs on until the new image is there, and is tried with it then. Once it is healthy the image is the bot's; if it
/// ends, or is not healthy in time, the bot runs with the image that it had again, with the same data. `upgrade` of the bot
/// says how it stands. A bot that is stopped is tried with its next start. To call an upgrade off, ask for the present image.
#[utoipa::path(
    post, path = "/api/bot/{hostname}/upgrade", tag = "bots", request_body = UpgradeRequest,
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 202, description = "The bot is tried with the image", body = BotDto), Invalid, Missing, Revoked, KeyReused),
)]
pub(crate) async fn upgrade_bot(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    command: Command<UpgradeRequest>,
) -> Result<Answer<BotDto>, Problem> {
    surround::about_bot(&hostname);
    let mut fields = Fields::default();
    let image = fields.optional("image", command.input.image.as_deref());
    let image = fields.finish(Some(image))?;
    let (row, position) = life::upgrade(&api, command.principal, &hostname, image, command.context).await?;
    Ok(Answer::accepted(BotDto::new(&api, row)).at(position))
}
