//! The workers' view of bots' machines, for the API.

use async_trait::async_trait;
use clawplane_api::ports::machines as port;
use clawplane_domain::{BotId, redact::Redactor};
use clawplane_workers::{
    WatchError, Watcher,
    runtime::observe::{ExecAsk, LogAsk},
    watch::{CheckStatus, Sample, diagnose::Wanted},
};
use futures::{StreamExt, stream, stream::BoxStream};

/// The machines that this process reaches.
pub(crate) struct Machines(pub(crate) Watcher);

fn refused(error: WatchError) -> port::MachineError {
    match error {
        WatchError::NoContainer => port::MachineError::NoContainer,
        WatchError::NotRunning => port::MachineError::NotRunning,
        WatchError::Busy => port::MachineError::Busy,
        away @ (WatchError::Runtime(_) | WatchError::Gateway(_)) => {
            port::MachineError::Unavailable(away.to_string())
        }
    }
}

fn figures(sample: Sample) -> port::Figures {
    let counters = sample.counters;
    port::Figures {
        cpu_percent: sample.cpu_percent,
        memory_bytes: counters.memory_bytes,
        memory_limit_bytes: counters.memory_limit_bytes,
        received_bytes: counters.received_bytes,
        sent_bytes: counters.sent_bytes,
        read_bytes: counters.read_bytes,
        written_bytes: counters.written_bytes,
        pids: counters.pids,
        layer_bytes: sample.layer_bytes,
        folder_bytes: sample.folder_bytes,
        folder_is_more: sample.folder_is_more,
    }
}

#[async_trait]
impl port::Machines for Machines {
    async fn logs(
        &self,
        bot: BotId,
        ask: port::LogAsk,
        redactor: Redactor,
    ) -> Result<BoxStream<'static, Result<port::LogLine, port::MachineError>>, port::MachineError> {
        let ask = LogAsk { tail: ask.tail, since: ask.since, follow: ask.follow };
        let lines = self.0.logs(bot, ask, redactor).await.map_err(refused)?;
        let lines = lines.map(|line| match line {
            Ok(line) => {
                Ok(port::LogLine { at: line.at, stderr: line.stderr, text: line.text, cut: line.cut })
            }
            Err(error) => Err(refused(error.into())),
        });
        Ok(lines.boxed())
    }

    async fn figures(&self, bot: BotId) -> Result<BoxStream<'static, port::Figures>, port::MachineError> {
        let watched = self.0.figures(bot).await.map_err(refused)?;
        let samples = stream::unfold((watched, true), |(mut watched, first)| async move {
            let sample = if first { watched.latest().await? } else { watched.next().await? };
            Some((figures(sample), (watched, false)))
        });
        Ok(samples.boxed())
    }

    async fn exec(&self, bot: BotId, ask: port::ExecAsk) -> Result<port::ExecEnd, port::MachineError> {
        let port::ExecAsk { command, stdin, timeout, most_output } = ask;
        let end =
            self.0.exec(bot, ExecAsk { command, stdin, timeout, most_output }).await.map_err(refused)?;
        Ok(port::ExecEnd {
            exit_code: end.exit_code,
            stdout: end.stdout,
            stderr: end.stderr,
            output_bytes: end.output_bytes,
            truncated: end.truncated,
            timed_out: end.timed_out,
        })
    }

    async fn diagnose(&self, bot: BotId, wanted: port::Wanted) -> Vec<port::Check> {
        let port::Wanted { desired, limits, token, vendors } = wanted;
        let checks = self.0.diagnose(bot, Wanted { desired, limits, token, vendors }).await;
        let checks = checks.into_iter().map(|check| port::Check {
            name: check.name,
            status: match check.status {
                CheckStatus::Ok => port::CheckStatus::Ok,
                CheckStatus::Warn => port::CheckStatus::Warn,
                CheckStatus::Fail => port::CheckStatus::Fail,
            },
            detail: check.detail,
            remedy: check.remedy,
        });
        checks.collect()
    }

    async fn dial(&self, bot: BotId) -> Result<Box<dyn port::Connection>, port::MachineError> {
        let io = self.0.dial(bot).await.map_err(refused)?;
        Ok(Box::new(io))
    }
}
