//! `POST /api/backups/{id}/restore`

use super::dto::BackupDto;
use crate::{
    ApiState,
    answer::Answer,
    backups::{self, Into as Target},
    extract::{BackupName, Command, OptionalCommand},
    fields::Fields,
    openapi::responses::{InTheWay, Invalid, KeyReused, Missing},
    problem::Problem,
    routes::bot::dto::CreatedBot,
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a backup goes.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RestoreRequest {
    /// A bot that is made for it; the bot that the backup is of, when absent.
    new_bot: Option<NewBotRequest>,
    /// Whether the bot shall run afterwards; else it runs if it did before.
    start: bool,
}

/// A bot that is made for a backup, of what the backup's bot was made of.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewBotRequest {
    /// Its name in the API.
    #[schema(example = "support-bot-2", min_length = 1, max_length = 63)]
    hostname: String,
    /// Its name for people; that of the backup's bot, when absent.
    #[schema(example = "Support bot", max_length = 100)]
    name: Option<String>,
}

/// A restore that was asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestedRestore {
    /// The backup, with its restore.
    backup: BackupDto,
    /// The bot that was made for it, with its gateway token, which is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    bot: Option<CreatedBot>,
}

/// Restores a backup
///
/// Into the bot that it is of, or into a new one. The archive is unpacked beside the bot's data and compared while the bot
/// runs on; then the bot is stopped, its data are exchanged in one step, and it starts again. When anything fails
/// before that, the bot is as it was. The bot of the backup gets a new gateway token (rotate it to see one).
#[utoipa::path(
    post, path = "/api/backups/{id}/restore", tag = "backups", request_body = RestoreRequest,
    params(("id" = Uuid, Path, description = "The backup's id")),
    responses(
        (status = 202, description = "What was asked for", body = RequestedRestore),
        Invalid, Missing, InTheWay, KeyReused,
    ),
)]
pub(crate) async fn restore_backup(
    State(api): State<ApiState>,
    BackupName(id): BackupName,
    OptionalCommand(command): OptionalCommand<RestoreRequest>,
) -> Result<Answer<RequestedRestore>, Problem> {
    let Command { principal, input, context } = command;
    let target = input.check()?;
    let restoring = backups::restore(&api, principal, id, target, context).await?;
    let bot = restoring.created.map(|created| CreatedBot::new(&api, created));
    Ok(Answer::accepted(RequestedRestore { backup: restoring.row.into(), bot }).at(restoring.position))
}

impl RestoreRequest {
    fn check(self) -> Result<(Target, bool), Problem> {
        let Some(new) = self.new_bot else { return Ok((Target::Same, self.start)) };
        let mut fields = Fields::default();
        let hostname = fields.parse("newBot.hostname", &new.hostname);
        let name = fields.optional("newBot.name", new.name.as_deref());
        let into = hostname.map(|hostname| (Target::New { hostname, name }, self.start));
        fields.finish(into)
    }
}
