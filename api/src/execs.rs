//! Commands in bots' containers: noted, run, noted again, whatever becomes of the client.

use crate::{
    ApiState,
    auth::Principal,
    bots,
    fields::Fields,
    machines,
    ports::machines::{ExecAsk, ExecEnd, MachineError},
    problem::{Kind, Problem},
    routes::bot::exec::ExecDto,
};
use axum::body::Bytes;
use clawplane_domain::{
    BotId, Metadata,
    bot::{Bot, BotCommand, ExecOutcome, ExecRequest, exec::MAX_ARGUMENTS, exec::MAX_SECONDS},
    redact::Redactor,
    values::Hostname,
};
use clawplane_eventstore::{Context, Position};
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// Where nobody says how long.
const USUAL_SECONDS: u32 = 30;
/// Longest argument, in bytes.
const LONGEST_ARGUMENT: usize = 8192;
/// Longest input, in bytes.
const LONGEST_INPUT: usize = 512 * 1024;
/// Most bytes of each output that are kept.
const MOST_OUTPUT: usize = 256 * 1024;
/// What the engine may take beside the command itself.
const BESIDE: Duration = Duration::from_secs(20);

/// A command that can be run.
pub(crate) struct Exec {
    command: Vec<String>,
    stdin: Bytes,
    seconds: u32,
}

/// A command that was run.
pub(crate) struct Done {
    pub(crate) id: Uuid,
    pub(crate) end: ExecEnd,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) duration_ms: u64,
    pub(crate) position: Option<Position>,
}

impl Exec {
    /// Names every field that cannot be taken.
    pub(crate) fn check(input: ExecDto) -> Result<Self, Problem> {
        let mut fields = Fields::default();
        let seconds =
            fields.within("timeoutSeconds", input.timeout_seconds.unwrap_or(USUAL_SECONDS), 1, MAX_SECONDS);
        let count = (1..=MAX_ARGUMENTS).contains(&input.cmd.len());
        fields.require("cmd", count, &format!("must have 1 to {MAX_ARGUMENTS} entries"));
        for (n, argument) in input.cmd.iter().enumerate().take(MAX_ARGUMENTS) {
            let fits = argument.len() <= LONGEST_ARGUMENT
                && !argument.contains('\0')
                && !(n == 0 && argument.is_empty());
            fields.require(&format!("cmd[{n}]"), fits, "must be a text of at most 8192 bytes without NUL");
        }
        let stdin = Bytes::from(input.stdin.unwrap_or_default());
        fields.require("stdin", stdin.len() <= LONGEST_INPUT, "must have at most 524288 bytes");
        fields.finish(Some(Self { command: input.cmd, stdin, seconds }))
    }

    /// A command of the platform's own.
    pub(crate) fn of(command: &[&str], seconds: u32) -> Self {
        let command = command.iter().map(|&argument| argument.to_owned()).collect();
        Self { command, stdin: Bytes::new(), seconds }
    }

    fn request(&self, id: Uuid, redactor: &Redactor) -> ExecRequest {
        let mut digest = Sha256::new();
        for argument in &self.command {
            digest.update(argument.as_bytes());
            digest.update([0]);
        }
        ExecRequest {
            exec_id: id,
            command: redactor.redact(&self.command.join(" ")).into_owned(),
            command_digest: hex::encode(digest.finalize()),
            arguments: u32::try_from(self.command.len()).unwrap_or(u32::MAX),
            stdin_bytes: self.stdin.len() as u64,
            timeout_seconds: self.seconds,
        }
    }
}

/// Notes the command, runs it, notes its end.
pub(crate) async fn run(
    api: &ApiState,
    principal: Principal,
    hostname: &Hostname,
    exec: Exec,
    context: Context,
) -> Result<Done, Problem> {
    let bot = bots::find(api, principal.tenant, hostname).await?;
    let redactor = machines::redactor(api, &bot).await?;
    let id = api.ids.uuid();
    let metadata = context.metadata.clone();
    let request = BotCommand::RequestExec(exec.request(id, &redactor));
    let noted = api.executor.execute::<Bot>(bot.id, request, context).await?;
    if noted.replayed {
        let detail =
            "this command was run before under the same idempotency key; what it printed is not kept";
        return Err(Problem::new(Kind::Conflict, detail));
    }
    // In a task of its own: what was begun is followed to its end, also where the client goes away.
    let task = tokio::spawn(follow(api.clone(), bot.id, id, exec, metadata));
    let (end, duration_ms, finished) = task.await.map_err(Problem::internal)?;
    let end = end?;
    let text = |bytes: &[u8]| redactor.redact(&String::from_utf8_lossy(bytes)).into_owned();
    let (stdout, stderr) = (text(&end.stdout), text(&end.stderr));
    Ok(Done { id, stdout, stderr, duration_ms, position: finished.or(noted.position), end })
}

async fn follow(
    api: ApiState,
    bot: BotId,
    id: Uuid,
    exec: Exec,
    metadata: Metadata,
) -> (Result<ExecEnd, MachineError>, u64, Option<Position>) {
    let started = Instant::now();
    let timeout = Duration::from_secs(exec.seconds.into());
    let ask = ExecAsk { command: exec.command, stdin: exec.stdin, timeout, most_output: MOST_OUTPUT };
    let ran = tokio::time::timeout(timeout + BESIDE, api.machines.exec(bot, ask)).await;
    let ran = ran
        .unwrap_or_else(|_| Err(MachineError::Unavailable("the engine did not answer in time".to_owned())));
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let end = ran.as_ref().ok();
    let outcome = ExecOutcome {
        exec_id: id,
        exit_code: end.and_then(|end| end.exit_code),
        timed_out: end.is_some_and(|end| end.timed_out),
        duration_ms,
        output_bytes: end.map_or(0, |end| end.output_bytes),
        error: ran.as_ref().err().map(ToString::to_string),
    };
    let metadata = Metadata { at: api.clock.now(), ..metadata };
    let context = Context { metadata, idempotency: None };
    let noted = api.executor.execute::<Bot>(bot, BotCommand::FinishExec(outcome), context).await;
    let position = noted.map_or_else(
        |error| {
        tracing::error!(%bot, exec = %id, %error, "the end of a command in a container could not be noted");
        None
    }, |committed| committed.position);
    (ran, duration_ms, position)
}
