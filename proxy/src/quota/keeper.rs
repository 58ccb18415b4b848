//! Does for the ledgers what the data path must not: gets slices before they are needed, gives back what is idle,
//! and has thresholds written down.
//!
//! It is level-triggered: what fails is done by a later round. Only a request that found nothing rings for it.

use super::{Chore, Ledger};
use crate::{directory::Directory, ports::QuotaDesk, telemetry};
use arc_swap::ArcSwap;
use clawplane_domain::clock::Clock;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// Most ledgers that wait to be looked after. One that finds no place asks again with its next request.
const QUEUE: usize = 4096;
/// Most questions to the desk at once.
const AT_ONCE: usize = 16;
/// How long the desk may take. After that a proxy goes by what it knows.
const ANSWER: Duration = Duration::from_millis(1500);
/// Between two looks at all ledgers.
const ROUND: Duration = Duration::from_secs(1);
/// Where others hold what is left, it is not asked for more often than this.
const STARVED: Duration = Duration::from_millis(200);
/// How long giving back may take at the end.
const FAREWELL: Duration = Duration::from_millis(1500);

/// The way to ring for a ledger.
#[derive(Clone, Debug)]
pub(crate) struct Kicks {
    queue: mpsc::Sender<Arc<Ledger>>,
    /// The desk did not answer when it was asked last.
    desk_away: Arc<AtomicBool>,
}

impl Kicks {
    /// Has the ledger looked after soon. Never waits.
    pub(crate) fn kick(&self, ledger: &Arc<Ledger>) {
        if ledger.queue() && self.queue.try_send(Arc::clone(ledger)).is_err() {
            ledger.unqueue();
        }
    }

    /// Whether the desk did not answer when it was asked last, for whichever quota.
    pub(crate) fn desk_is_away(&self) -> bool {
        self.desk_away.load(Ordering::Relaxed)
    }
}

/// Looks after all ledgers of a directory.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    directory: Arc<ArcSwap<Directory>>,
    queue: mpsc::Receiver<Arc<Ledger>>,
}

struct Shared {
    desk: Arc<dyn QuotaDesk>,
    clock: Arc<dyn Clock>,
    /// This process, in this life.
    holder: String,
    desk_away: Arc<AtomicBool>,
}

impl Keeper {
    pub(crate) fn new(
        desk: Arc<dyn QuotaDesk>,
        clock: Arc<dyn Clock>,
        directory: Arc<ArcSwap<Directory>>,
        holder: String,
    ) -> (Self, Kicks) {
        let (sender, queue) = mpsc::channel(QUEUE);
        let desk_away = Arc::<AtomicBool>::default();
        let kicks = Kicks { queue: sender, desk_away: Arc::clone(&desk_away) };
        (Self { shared: Arc::new(Shared { desk, clock, holder, desk_away }), directory, queue }, kicks)
    }

    /// Works until `stop`, then gives back every slice.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut rounds = interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ledger) = self.queue.recv() => {
                    let shared = Arc::clone(&self.shared);
                    spawn(&mut tasks, async move { shared.renew(&ledger).await }).await;
                }
                _ = rounds.tick() => self.round(&mut tasks, false).await,
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
            }
        }
        let farewell = async {
            while tasks.join_next().await.is_some() {}
            self.round(&mut tasks, true).await;
            while tasks.join_next().await.is_some() {}
        };
        if timeout(FAREWELL, farewell).await.is_err() {
            tracing::warn!("slices of quotas were not given back; they end by themselves");
        }
    }

    async fn round(&self, tasks: &mut JoinSet<()>, always: bool) {
        let now = self.shared.clock.now();
        let directory = self.directory.load_full();
        for ledger in directory.ledgers() {
            for chore in ledger.chores(now, &self.shared.holder, always) {
                let (shared, ledger) = (Arc::clone(&self.shared), Arc::clone(ledger));
                spawn(tasks, async move { shared.chore(&ledger, chore, always).await }).await;
            }
        }
    }
}

/// Starts a task once there are few enough of them.
async fn spawn(tasks: &mut JoinSet<()>, task: impl Future<Output = ()> + Send + 'static) {
    while tasks.len() >= AT_ONCE {
        tasks.join_next().await;
    }
    tasks.spawn(task);
}

impl Shared {
    async fn chore(&self, ledger: &Arc<Ledger>, chore: Chore, last: bool) {
        match chore {
            Chore::Renew if !last && ledger.queue() => self.renew(ledger).await,
            Chore::Renew => {}
            Chore::Return(back) => {
                if let Err(why) = answer(self.desk.give_back(back)).await {
                    tracing::debug!(why, "a slice of a quota was not given back; it ends by itself");
                }
            }
            Chore::Reach(reached) => match answer(self.desk.reached(ledger.subject, reached)).await {
                Ok(()) => ledger.said(reached),
                Err(why) => tracing::debug!(why, "a threshold waits to be written down"),
            },
        }
    }

    /// Renews the ledger's slices. It stands in the queue until then.
    async fn renew(&self, ledger: &Arc<Ledger>) {
        if let Some(ask) = ledger.ask(self.clock.now(), &self.holder) {
            match answer(self.desk.lease(ask.clone())).await {
                Ok(answers) => {
                    self.desk_away.store(false, Ordering::Relaxed);
                    telemetry::lease("granted");
                    if ledger.granted(&ask, &answers) {
                        telemetry::lease("starved");
                        sleep(STARVED).await;
                    }
                }
                Err(why) => {
                    self.desk_away.store(true, Ordering::Relaxed);
                    telemetry::lease("unanswered");
                    tracing::warn!(
                        why,
                        "a quota's slices cannot be renewed; the proxy goes by what it knows"
                    );
                    ledger.failed();
                }
            }
        }
        ledger.unqueue();
        ledger.more.notify_waiters();
    }
}

async fn answer<T>(asked: impl Future<Output = Result<T, crate::ports::BoxError>>) -> Result<T, String> {
    match timeout(ANSWER, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}
