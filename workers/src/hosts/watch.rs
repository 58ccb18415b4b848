//! Looks whether a host's engine answers, and says so: lost after some seconds of silence, found when it is back.

use super::worker::Shared;
use crate::runtime::Runtime;
use clawplane_domain::{
    Actor, HostId, Metadata, TenantId,
    host::{Host, HostCommand, HostRefusal, Measured},
    values::Hostname,
};
use clawplane_eventstore::ExecuteError;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Longest wait for one answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Looks until `shutdown`.
pub(super) async fn watch(
    shared: Arc<Shared>,
    (id, name): (HostId, Hostname),
    runtime: Arc<dyn Runtime>,
    shutdown: CancellationToken,
) {
    let mut answered = Instant::now();
    let mut said: Option<Option<Measured>> = None;
    loop {
        let (pause, news) = match look(&*runtime).await {
            Ok(measured) => {
                answered = Instant::now();
                (shared.config.look_every, Some(Ok(measured)))
            }
            Err(reason) => {
                let silent = answered.elapsed() >= shared.config.lost_after;
                (shared.config.look_every, silent.then_some(Err(reason)))
            }
        };
        metrics::gauge!("clawplane_host_up", "host" => name.to_string())
            .set(if matches!(news, Some(Ok(_))) { 1.0 } else { 0.0 });
        if let Some(news) = news {
            let now = news.as_ref().ok().cloned();
            if said.as_ref() != Some(&now) && report(&shared, id, &name, news).await {
                said = Some(now);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

async fn look(runtime: &dyn Runtime) -> Result<Measured, String> {
    let looked = timeout(ANSWER, async {
        let info = runtime.info().await?;
        Ok::<_, crate::runtime::RuntimeError>((info, runtime.size().await?))
    });
    let (info, size) = looked
        .await
        .map_err(|_| format!("no answer within {} s", ANSWER.as_secs()))?
        .map_err(|error| match error {
            crate::runtime::RuntimeError::Unavailable { reason } => reason,
            other => other.to_string(),
        })?;
    let (memory_mib, cpu_millis) = size.map_or((0, 0), |size| (size.memory_mib, size.cpu_millis));
    Ok(Measured { engine: info.version, memory_mib, cpu_millis })
}

/// Whether it was heard.
pub(super) async fn report(
    shared: &Shared,
    id: HostId,
    name: &Hostname,
    news: Result<Measured, String>,
) -> bool {
    let at = shared.parts.clock.now();
    let command = match news {
        Ok(measured) => HostCommand::Seen(measured),
        Err(reason) => HostCommand::Lost { at, reason },
    };
    let metadata = Metadata {
        // Hosts are of no tenant.
        tenant_id: TenantId(Uuid::nil()),
        actor: Actor::system("docker-worker"),
        at,
        request_id: None,
        causation: None,
    };
    match shared.parts.executor.execute::<Host>(id, command.clone(), metadata).await {
        Ok(done) if done.events.is_empty() => true,
        Ok(_) => {
            match command {
                HostCommand::Lost { reason, .. } => tracing::warn!(host = %name, %reason, "a host is lost"),
                _ => tracing::info!(host = %name, "a host answers"),
            }
            true
        }
        Err(ExecuteError::Refused(HostRefusal::Unknown)) => true,
        Err(error) => {
            tracing::warn!(host = %name, %error, "how a host is cannot be reported yet");
            false
        }
    }
}
