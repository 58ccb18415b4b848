//! `POST /api/bot/{hostname}/move`

use super::dto::BotDto;
use crate::{
    ApiState,
    answer::Answer,
    bots,
    extract::{BotName, Command},
    fields::Fields,
    openapi::responses::{Invalid, KeyReused, Missing, NoPlace},
    problem::Problem,
    surround,
};
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

/// Where a bot shall be.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MoveRequest {
    /// The host; one that has room, when absent. The one that it is on calls a move off.
    #[schema(example = "rack-2")]
    host: Option<String>,
    /// Its host is lost and nobody waits for it: the bot goes on with the data as they are in that host's folder. What the
    /// lost host still writes there, or keeps to itself, is thrown away when it comes back.
    #[serde(default)]
    abandon: bool,
}

/// Moves a bot to another host
///
/// Its container ends, its data are copied, and it goes on there as its owner wants it. `movingTo` says that it is under
/// way. Both hosts' folders have to be visible to the worker that leads the new one; where they are not, `reason` says
/// so, and moving the bot to the host that it is on calls the move off.
#[utoipa::path(
    post, path = "/api/bot/{hostname}/move", tag = "bots", request_body = MoveRequest,
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 202, description = "The bot shall be there", body = BotDto), Invalid, Missing, NoPlace, KeyReused),
)]
pub(crate) async fn move_bot(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    command: Command<MoveRequest>,
) -> Result<Answer<BotDto>, Problem> {
    surround::about_bot(&hostname);
    let mut fields = Fields::default();
    let host = fields.optional("host", command.input.host.as_deref());
    let to = fields.finish(Some((host, command.input.abandon)))?;
    let whose = (command.principal.tenant, &hostname);
    let (row, position) = bots::relocate(&api, whose, to, command.context).await?;
    Ok(Answer::accepted(BotDto::new(&api, row)).at(position))
}
