//! What people see of the fake engine's containers: what a test put there.

use super::FakeRuntime;
use crate::runtime::{
    RuntimeError,
    observe::{Counters, ExecAsk, ExecEnd, LimitsSeen, LogAsk, LogChunk, NetworkSeen, Observe},
};
use async_trait::async_trait;
use bytes::Bytes;
use clawplane_domain::BotId;
use futures::{StreamExt, stream, stream::BoxStream};
use std::time::Duration;

/// The fake engine's clock: a sample every so often.
const TICK: Duration = Duration::from_millis(20);

#[async_trait]
impl Observe for FakeRuntime {
    fn logs(&self, _id: &str, ask: LogAsk) -> BoxStream<'static, Result<LogChunk, RuntimeError>> {
        let log = match self.up() {
            Ok(engine) => engine.log.clone(),
            Err(error) => return stream::once(std::future::ready(Err(error))).boxed(),
        };
        let lines: Vec<_> = log.split_inclusive('\n').map(str::to_owned).collect();
        let skipped = ask
            .tail
            .and_then(|tail| usize::try_from(tail).ok())
            .map_or(0, |tail| lines.len().saturating_sub(tail));
        let chunks = lines.into_iter().skip(skipped).map(|line| {
            Ok(LogChunk {
                stderr: false,
                bytes: Bytes::from(format!("2026-03-01T12:00:00.000000000Z {line}")),
            })
        });
        let written = stream::iter(chunks);
        if ask.follow { written.chain(stream::pending()).boxed() } else { written.boxed() }
    }

    fn counters(&self, id: &str) -> BoxStream<'static, Result<Counters, RuntimeError>> {
        self.engine().calls.push(format!("counters {id}"));
        let this = self.clone();
        let samples = stream::unfold(0_u64, move |second| {
            let this = this.clone();
            async move {
                tokio::time::sleep(TICK).await;
                let sample = this.up().map(|_| Counters {
                    cpu_nanos: second * 250_000_000,
                    machine_nanos: second * 2_000_000_000,
                    cores: 2,
                    memory_bytes: 64 << 20,
                    memory_limit_bytes: 128 << 20,
                    received_bytes: second * 1000,
                    sent_bytes: second * 10,
                    read_bytes: 0,
                    written_bytes: 0,
                    pids: 3,
                });
                Some((sample, second + 1))
            }
        });
        samples.boxed()
    }

    async fn layer_bytes(&self, _id: &str) -> Result<u64, RuntimeError> {
        self.up().map(|_| 4096)
    }

    async fn exec(&self, id: &str, ask: ExecAsk) -> Result<ExecEnd, RuntimeError> {
        self.up()?.calls.push(format!("exec {id} {}", ask.command.join(" ")));
        let stdout = ask.command.join(" ").into_bytes();
        Ok(ExecEnd { exit_code: Some(0), output_bytes: stdout.len() as u64, stdout, ..ExecEnd::default() })
    }

    async fn network_of(&self, bot: BotId) -> Result<Option<NetworkSeen>, RuntimeError> {
        let gateway = self.up()?.networks.get(&bot).copied();
        Ok(gateway.map(|gateway| NetworkSeen { internal: true, gateway: Some(gateway) }))
    }

    async fn limits_of(&self, id: &str) -> Result<LimitsSeen, RuntimeError> {
        let limits = self.up()?.by_id(id).map(|container| container.spec.limits);
        Ok(limits.map_or_else(LimitsSeen::default, |limits| LimitsSeen {
            memory_bytes: i64::from(limits.memory_mib) << 20,
            nano_cpus: i64::from(limits.cpu_millis) * 1_000_000,
            pids: i64::from(limits.pids),
        }))
    }
}
