//! A command in a container, with an end: the engine itself has no way to end one.
//!
//! A shell in the container says its process id first and then becomes the command, so that another command can end it
//! with the processes of its session.

use crate::runtime::observe::{ExecAsk, ExecEnd};
use bollard::{
    Docker,
    container::LogOutput,
    errors::Error,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use std::{pin::Pin, time::Duration};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Says its process id and becomes the rest.
const SHELL: &str = r#"printf '%s\n' "$$" && exec "$@""#;
/// Ends a process with its group, which a command's first process leads. (dash knows no `--` here.)
const KILL: &str = r#"kill -9 "-$1" 2>/dev/null || kill -9 "$1""#;
/// Longest first line that is looked for a process id.
const LONGEST_PID: usize = 20;
/// What ending a command, and the engine's word on how it ended, may take.
const AFTERWARDS: Duration = Duration::from_secs(5);

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

pub(super) async fn run(client: &Docker, id: &str, ask: ExecAsk) -> Result<ExecEnd, Error> {
    let mut command = vec!["sh", "-c", SHELL, "sh"];
    command.extend(ask.command.iter().map(String::as_str));
    let (exec, mut output, input) = start(client, id, &command, !ask.stdin.is_empty()).await?;
    let mut kept = Kept::new(ask.most_output);
    let over = {
        let mut feeding = std::pin::pin!(feed(input, ask.stdin));
        let mut over = std::pin::pin!(tokio::time::sleep(ask.timeout));
        let mut fed = false;
        loop {
            tokio::select! {
                chunk = output.next() => match chunk {
                    Some(Ok(chunk)) => kept.take(&chunk),
                    Some(Err(error)) => return Err(error),
                    None => break false,
                },
                () = &mut feeding, if !fed => fed = true,
                () = &mut over => break true,
            }
        }
    };
    let mut end = kept.end;
    end.timed_out = over;
    if let (true, Some(pid)) = (over, kept.pid) {
        let killed = tokio::time::timeout(AFTERWARDS, kill(client, id, &pid)).await;
        if !matches!(killed, Ok(Ok(()))) {
            tracing::warn!(container = id, "a command whose time is over could not be ended");
        }
    }
    end.exit_code = exit_code(client, &exec).await;
    Ok(end)
}

async fn start(
    client: &Docker,
    id: &str,
    command: &[&str],
    reads: bool,
) -> Result<(String, Output, Option<Pin<Box<dyn AsyncWrite + Send>>>), Error> {
    let options = CreateExecOptions {
        cmd: Some(command.to_vec()),
        attach_stdin: Some(reads),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..CreateExecOptions::default()
    };
    let exec = client.create_exec(id, options).await?.id;
    let attached = StartExecOptions { detach: false, tty: false, output_capacity: Some(64 * 1024) };
    match client.start_exec(&exec, Some(attached)).await? {
        StartExecResults::Attached { output, input } => Ok((exec, output, reads.then_some(input))),
        StartExecResults::Detached => Ok((exec, futures::stream::empty().boxed(), None)),
    }
}

/// Writes what the command can read, and says that there is no more.
async fn feed(input: Option<Pin<Box<dyn AsyncWrite + Send>>>, bytes: Bytes) {
    let Some(mut input) = input else { return };
    // A command that does not want it closes its end.
    let _ = input.write_all(&bytes).await;
    let _ = input.shutdown().await;
}

async fn kill(client: &Docker, id: &str, pid: &str) -> Result<(), Error> {
    let (_, mut output, _) = start(client, id, &["sh", "-c", KILL, "sh", pid], false).await?;
    while let Some(chunk) = output.next().await {
        chunk?;
    }
    Ok(())
}

/// The engine notes it a moment after the output ended.
async fn exit_code(client: &Docker, exec: &str) -> Option<i64> {
    let asked = async {
        loop {
            match client.inspect_exec(exec).await {
                Ok(seen) if seen.running == Some(true) => tokio::time::sleep(Duration::from_millis(50)).await,
                Ok(seen) => return seen.exit_code,
                Err(_) => return None,
            }
        }
    };
    tokio::time::timeout(AFTERWARDS, asked).await.ok().flatten()
}

/// What is kept of a command's output.
struct Kept {
    most: usize,
    pid: Option<String>,
    /// The beginning of standard output, until its first line is there.
    head: Option<Vec<u8>>,
    end: ExecEnd,
}

impl Kept {
    fn new(most: usize) -> Self {
        Self { most, pid: None, head: Some(Vec::new()), end: ExecEnd::default() }
    }

    fn take(&mut self, chunk: &LogOutput) {
        match chunk {
            LogOutput::StdErr { message } => self.keep(true, message),
            other => {
                let bytes = other.as_ref();
                let Some(mut head) = self.head.take() else { return self.keep(false, bytes) };
                head.extend_from_slice(bytes);
                match head.iter().position(|byte| *byte == b'\n') {
                    Some(end) => {
                        let rest = head.split_off(end + 1);
                        let pid = String::from_utf8_lossy(&head).trim().to_owned();
                        self.pid = Some(pid).filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()));
                        self.keep(false, &rest);
                    }
                    // No shell of ours said this.
                    None if head.len() > LONGEST_PID => self.keep(false, &head),
                    None => self.head = Some(head),
                }
            }
        }
    }

    fn keep(&mut self, stderr: bool, bytes: &[u8]) {
        let kept = if stderr { &mut self.end.stderr } else { &mut self.end.stdout };
        let room = self.most.saturating_sub(kept.len());
        kept.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        self.end.truncated |= bytes.len() > room;
        self.end.output_bytes = self.end.output_bytes.saturating_add(bytes.len() as u64);
    }
}
