//! The bots' machines as a test wants them.

use crate::app::Fakes;
use async_trait::async_trait;
use clawplane_api::ports::machines::{
    Check, CheckStatus, Connection, ExecAsk, ExecEnd, Figures, LogAsk, LogLine, MachineError, Machines,
    Wanted,
};
use clawplane_domain::{BotId, redact::Redactor};
use futures::{StreamExt, stream, stream::BoxStream};
use std::{net::SocketAddr, sync::Mutex};
use tokio::{net::TcpStream, sync::Notify};

/// What there is, and what was asked for.
#[derive(Default)]
pub(crate) struct Machine {
    /// Lines of every log, before secrets are taken out; one that begins with `!` was written to standard error.
    pub(crate) log: Mutex<Vec<String>>,
    /// What was asked of logs.
    pub(crate) asked: Mutex<Vec<LogAsk>>,
    /// Streams that are open.
    pub(crate) open: Mutex<usize>,
    /// Where every bot's gateway is.
    pub(crate) gateway: Mutex<Option<SocketAddr>>,
    /// What commands print; without it no container runs.
    pub(crate) prints: Mutex<Option<ExecEnd>>,
    /// Commands that were run.
    pub(crate) ran: Mutex<Vec<ExecAsk>>,
    /// Commands wait for this where they are told to.
    pub(crate) hold: Mutex<bool>,
    pub(crate) go_on: Notify,
    /// What was given to compare.
    pub(crate) wanted: Mutex<Vec<Wanted>>,
}

/// Counts itself for as long as it lives.
struct Open(std::sync::Arc<Fakes>);

impl Drop for Open {
    fn drop(&mut self) {
        *self.0.machine.open.lock().unwrap() -= 1;
    }
}

/// The fakes as the API holds them.
pub(crate) struct Shared(pub(crate) std::sync::Arc<Fakes>);

#[async_trait]
impl Machines for Shared {
    async fn logs(
        &self,
        _: BotId,
        ask: LogAsk,
        redactor: Redactor,
    ) -> Result<BoxStream<'static, Result<LogLine, MachineError>>, MachineError> {
        let machine = &self.0.machine;
        machine.asked.lock().unwrap().push(ask);
        let log = machine.log.lock().unwrap().clone();
        if log.is_empty() {
            return Err(MachineError::NoContainer);
        }
        *machine.open.lock().unwrap() += 1;
        let open = Open(self.0.clone());
        let lines = log.into_iter().map(move |text| {
            let stderr = text.starts_with('!');
            let text = redactor.redact(text.trim_start_matches('!')).into_owned();
            let at = Some("2026-03-01T12:00:00.000000001Z".parse().unwrap());
            Ok(LogLine { at, stderr, text, cut: false })
        });
        let lines = stream::iter(lines);
        let lines = if ask.follow { lines.chain(stream::pending()).boxed() } else { lines.boxed() };
        Ok(lines
            .map(move |line| {
                let _ = &open;
                line
            })
            .boxed())
    }

    async fn figures(&self, _: BotId) -> Result<BoxStream<'static, Figures>, MachineError> {
        if self.0.machine.log.lock().unwrap().is_empty() {
            return Err(MachineError::NotRunning);
        }
        let figures = Figures { cpu_percent: 12.345, memory_bytes: 1000, pids: 3, ..Figures::default() };
        Ok(stream::iter([figures, Figures { folder_bytes: Some(7), ..figures }]).boxed())
    }

    async fn exec(&self, _: BotId, ask: ExecAsk) -> Result<ExecEnd, MachineError> {
        let machine = &self.0.machine;
        machine.ran.lock().unwrap().push(ask);
        let hold = *machine.hold.lock().unwrap();
        if hold {
            machine.go_on.notified().await;
        }
        machine.prints.lock().unwrap().clone().ok_or(MachineError::NotRunning)
    }

    async fn diagnose(&self, _: BotId, wanted: Wanted) -> Vec<Check> {
        self.0.machine.wanted.lock().unwrap().push(wanted);
        let detail = "read-only".to_owned();
        vec![Check {
            name: "config",
            status: CheckStatus::Warn,
            detail,
            remedy: Some("repair it".to_owned()),
        }]
    }

    async fn dial(&self, _: BotId) -> Result<Box<dyn Connection>, MachineError> {
        let gateway = *self.0.machine.gateway.lock().unwrap();
        let gateway = gateway.ok_or(MachineError::NotRunning)?;
        let stream = TcpStream::connect(gateway).await;
        Ok(Box::new(stream.map_err(|error| MachineError::Unavailable(error.to_string()))?))
    }
}
