//! The files of bots' workspaces: noted in the bot's stream first, then changed on its host.

use crate::{
    ApiState,
    auth::Principal,
    bots,
    ports::space::{Entry, Expected, SpaceError},
    problem::{Kind, Problem},
};
use clawplane_domain::{
    bot::{Bot, BotCommand, FileChange, FileContent},
    openclaw::WorkspacePath,
    values::Hostname,
};
use clawplane_eventstore::{Context, Position};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// After this a host may be back.
const SOON: Duration = Duration::from_secs(5);

/// A change of one file.
pub(crate) struct Change {
    /// The file.
    pub(crate) path: WorkspacePath,
    /// What it has to be before.
    pub(crate) expected: Expected,
    /// What goes with the event.
    pub(crate) context: Context,
}

/// Writes a file. The event comes first: what is on the disk is never there without somebody having asked for it.
pub(crate) async fn write(
    api: &ApiState,
    principal: Principal,
    hostname: &Hostname,
    change: Change,
    content: Vec<u8>,
) -> Result<(Entry, bool, Option<Position>), Problem> {
    let bot = bots::find(api, principal.tenant, hostname).await?;
    let Change { path, expected, context } = change;
    let before = api.space.expect(bot.id, path.clone(), expected.clone()).await?;
    let about = FileContent { bytes: content.len() as u64, sha256: hex::encode(Sha256::digest(&content)) };
    let noted = FileChange { path: path.to_string(), content: Some(about) };
    let committed = api.executor.execute::<Bot>(bot.id, BotCommand::NoteFile(noted), context).await?;
    let entry = api.space.write(bot.id, path, content, expected).await?;
    Ok((entry, before.is_none(), committed.position))
}

/// Removes a file.
pub(crate) async fn remove(
    api: &ApiState,
    principal: Principal,
    hostname: &Hostname,
    change: Change,
) -> Result<Option<Position>, Problem> {
    let bot = bots::find(api, principal.tenant, hostname).await?;
    let Change { path, expected, context } = change;
    if api.space.expect(bot.id, path.clone(), expected.clone()).await?.is_none() {
        return Err(Problem::not_found("file"));
    }
    let noted = FileChange { path: path.to_string(), content: None };
    let committed = api.executor.execute::<Bot>(bot.id, BotCommand::NoteFile(noted), context).await?;
    api.space.remove(bot.id, path, expected).await?;
    Ok(committed.position)
}

impl From<SpaceError> for Problem {
    fn from(error: SpaceError) -> Self {
        match error {
            SpaceError::Missing => Self::not_found("file"),
            SpaceError::Other(wanted) => {
                Self::new(Kind::Conflict, format!("what is there is not a {wanted}"))
            }
            SpaceError::Changed => {
                Self::new(Kind::PreconditionFailed, "the file is not the one that was expected")
            }
            SpaceError::Unavailable(why) => Self::unavailable(why, SOON),
        }
    }
}
