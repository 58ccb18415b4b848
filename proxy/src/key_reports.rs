//! What the data path learns about keys, on its way into events: queued, coalesced, tried until it is taken.

use crate::{
    directory::Key,
    ports::{KeyNews, KeyReport, KeyReports},
    telemetry,
};
use clawplane_domain::{KeyId, TenantId, Timestamp};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// News that wait. A key has news at most once a cool-down, so this is only reached when the task does not run.
const QUEUE: usize = 4096;
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// How long the last reports may take when the process ends.
const LAST: Duration = Duration::from_secs(1);

/// Where the data path leaves its news; never waits.
pub(crate) struct KeyDesk {
    queue: mpsc::Sender<KeyReport>,
    proxy: String,
}

/// Writes the news down.
pub(crate) struct KeyReporter {
    port: Arc<dyn KeyReports>,
    queue: mpsc::Receiver<KeyReport>,
    /// The latest news of each key that are not written down. As many as there are keys, at most.
    waiting: BTreeMap<KeyId, KeyReport>,
}

/// A desk and the task behind it. `proxy` is the name of this process's usage stream.
pub(crate) fn open(port: Arc<dyn KeyReports>, proxy: &str) -> (KeyDesk, KeyReporter) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let desk = KeyDesk { queue: sender, proxy: proxy.to_owned() };
    (desk, KeyReporter { port, queue: receiver, waiting: BTreeMap::new() })
}

impl KeyDesk {
    /// Leaves news of a key.
    pub(crate) fn tell(
        &self,
        tenant: TenantId,
        vendor: &'static str,
        key: &Key,
        news: KeyNews,
        at: Timestamp,
    ) {
        let what = match news {
            KeyNews::Refused { .. } => "disabled",
            KeyNews::Cooled(_) => "cooling",
            KeyNews::Recovered => "healthy",
        };
        telemetry::key_state(vendor, what);
        tracing::warn!(key = %key.id, %tenant, vendor, state = what, ?news, "a provider key's state has changed");
        let report = KeyReport {
            tenant_id: tenant,
            key_id: key.id,
            secret: key.data_key,
            at,
            proxy: self.proxy.clone(),
            news,
        };
        if self.queue.try_send(report).is_err() {
            tracing::error!(key = %key.id, "news of a provider key are lost: too many wait");
        }
    }
}

impl KeyReporter {
    /// Works until `stop`, and writes down what is there then.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut backoff = BACKOFF_MIN;
        loop {
            let retry = !self.waiting.is_empty();
            tokio::select! {
                () = stop.cancelled() => break,
                report = self.queue.recv() => match report {
                    Some(report) => self.keep(report),
                    None => break,
                },
                () = tokio::time::sleep(backoff), if retry => {}
            }
            self.gather();
            backoff = if self.write().await { BACKOFF_MIN } else { (backoff * 2).min(BACKOFF_MAX) };
        }
        self.gather();
        if tokio::time::timeout(LAST, self.write()).await != Ok(true) {
            tracing::warn!(left = self.waiting.len(), "news of provider keys are not recorded at the end");
        }
    }

    fn gather(&mut self) {
        while let Ok(report) = self.queue.try_recv() {
            self.keep(report);
        }
    }

    /// The latest news of a key count; but nothing softens that the vendor does not take the same secret.
    fn keep(&mut self, report: KeyReport) {
        let refused = self
            .waiting
            .get(&report.key_id)
            .is_some_and(|old| matches!(old.news, KeyNews::Refused { .. }) && old.secret == report.secret);
        if !refused {
            self.waiting.insert(report.key_id, report);
        }
    }

    /// Writes everything down that waits; false when something is left.
    async fn write(&mut self) -> bool {
        while let Some((id, report)) = self.waiting.first_key_value() {
            if let Err(error) = self.port.report(report).await {
                tracing::warn!(%error, key = %id, left = self.waiting.len(), "news of a provider key cannot be recorded yet");
                return false;
            }
            self.waiting.pop_first();
        }
        true
    }
}

#[cfg(test)]
mod tests;
