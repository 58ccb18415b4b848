//! `POST /api/bot/{hostname}/exec`

use crate::{
    ApiState,
    answer::Answer,
    execs::{self, Exec},
    extract::{BotName, Command},
    openapi::responses::{Invalid, KeyReused, Missing, NoContainer},
    problem::Problem,
    surround,
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A command for a bot's container.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExecDto {
    /// Program and arguments, 1 to 64 of at most 8192 bytes each; no shell reads them.
    #[schema(example = json!(["ls", "-la", "/home/node/.openclaw"]), min_items = 1, max_items = 64)]
    pub(crate) cmd: Vec<String>,
    /// After so many seconds it is ended; 30 when absent.
    #[schema(example = 30, minimum = 1, maximum = 300)]
    pub(crate) timeout_seconds: Option<u32>,
    /// What it can read, at most 512 KiB.
    pub(crate) stdin: Option<String>,
}

/// How a command went.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExecResult {
    /// Names it in the audit log.
    exec_id: Uuid,
    /// What it ended with; `null` where nobody knows. 126 and 127: it could not be started.
    #[schema(example = 0)]
    exit_code: Option<i64>,
    /// It was ended because its time was over.
    timed_out: bool,
    /// Its standard output, at most 256 KiB, with `[redacted]` where a secret was.
    stdout: String,
    /// Its standard error, likewise.
    stderr: String,
    /// It printed more than this.
    truncated: bool,
    /// From its start to its end.
    #[schema(example = 12)]
    duration_ms: u64,
}

/// Runs a command in a bot's container
///
/// As the bot's own user, without a terminal. What is run by whom stands in the audit log before it runs, and how it ended
/// after. The answer comes when it has ended or its time is over; it goes on when the client goes away.
#[utoipa::path(
    post, path = "/api/bot/{hostname}/exec", tag = "bots", request_body = ExecDto,
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses(
        (status = 200, description = "How it went", body = ExecResult),
        Invalid, Missing, NoContainer, KeyReused,
    ),
)]
pub(crate) async fn exec(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    command: Command<ExecDto>,
) -> Result<Answer<ExecResult>, Problem> {
    surround::about_bot(&hostname);
    let exec = Exec::check(command.input)?;
    let done = execs::run(&api, command.principal, &hostname, exec, command.context).await?;
    let answer = ExecResult {
        exec_id: done.id,
        exit_code: done.end.exit_code,
        timed_out: done.end.timed_out,
        stdout: done.stdout,
        stderr: done.stderr,
        truncated: done.end.truncated,
        duration_ms: done.duration_ms,
    };
    Ok(Answer::ok(answer).at(done.position))
}
