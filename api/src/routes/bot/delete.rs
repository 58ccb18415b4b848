//! `DELETE /api/bot/{hostname}`

use crate::{
    ApiState,
    answer::Answer,
    bots,
    extract::{Bare, BotName, Query},
    openapi::responses::{BadKey, KeyReused, Missing},
    problem::Problem,
    surround,
};
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

/// How to delete a bot.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteParams {
    /// What becomes of its folder: `purge` (when absent) removes it, `keep` leaves it for a new bot (`dataOf`).
    #[param(example = "purge")]
    data: Option<String>,
}

/// Deletes a bot
///
/// Its token is void and its hostname free at once; its container, network and data follow. With `data=keep` its folder
/// stays on its host, and a new bot of the tenant can take it over by this bot's id.
#[utoipa::path(
    delete, path = "/api/bot/{hostname}", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot"), DeleteParams),
    responses((status = 204, description = "The bot is deleted"), BadKey, Missing, KeyReused),
)]
pub(crate) async fn delete_bot(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    Query(params): Query<DeleteParams>,
    command: Bare,
) -> Result<Answer<()>, Problem> {
    surround::about_bot(&hostname);
    let keep = match params.data.as_deref() {
        None | Some("purge") => false,
        Some("keep") => true,
        Some(_) => return Err(Problem::field("data", "must be `keep` or `purge`")),
    };
    let position = bots::delete(&api, command.principal, &hostname, keep, command.context).await?;
    Ok(Answer::nothing().at(position))
}
