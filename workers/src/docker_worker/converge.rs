//! One bot's way to what is wanted of it: step after step, until there is nothing left to do or somebody wants
//! something else of it.

use super::{
    BoxError, DesiredBot, Shared,
    disk::Measured,
    failures::{Failures, Verdict},
    plan::{self, Step},
    reason,
    token::Taken,
};
use crate::runtime::{ContainerSeen, RuntimeError};
use clawplane_domain::bot::{BotState, Desired, Observation};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

/// Wait before a stop or a removal that failed is tried again.
pub(super) const AGAIN: Duration = Duration::from_secs(5);

/// What the worker remembers of a bot between two tasks of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// What was reported last; before that, what the read model says.
    pub(super) last: Option<Observation>,
    /// The last report did not get through.
    pub(super) unreported: bool,
    pub(super) failures: Failures,
    pub(super) given_up: Option<GivenUp>,
    /// Since when a running container is not healthy yet.
    pub(super) starting_since: Option<Instant>,
    /// Health checks that failed in a row.
    pub(super) failed_probes: u32,
    pub(super) taken: Taken,
    /// The version of its configuration that its file was last seen to have.
    pub(super) config: Option<u64>,
    /// Its removal was confirmed; the read model just does not show it yet.
    pub(super) removed: bool,
    /// What its folder held when it was last measured.
    pub(super) disk: Option<Measured>,
}

/// A bot that is left alone.
#[derive(Clone, Debug)]
pub(super) struct GivenUp {
    /// What its container was to be made from.
    pub(super) spec_hash: String,
    /// What it goes on with, once that is there.
    pub(super) lacks: Lack,
}

/// What a bot failed for want of, if it is something of the host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// Nothing that would come by itself.
    Nothing,
    /// Its image.
    Image,
    /// Its port, which another program has.
    Port,
}

impl Memory {
    /// A start was asked for, or is not wanted any more: all tries are there again.
    pub(super) fn forgive(&mut self) {
        self.failures.forgive();
        self.given_up = None;
    }
}

/// One bot's task.
pub(super) struct Converge {
    pub(super) shared: Arc<Shared>,
    pub(super) bot: Arc<DesiredBot>,
    pub(super) memory: Memory,
    /// Somebody wants something else of it, or the platform stops.
    pub(super) cancel: CancellationToken,
    /// An image came to the engine.
    pub(super) images: Arc<Notify>,
}

/// After a step.
pub(super) enum Next {
    /// Nothing to do until something changes.
    Settled,
    /// Look again after this time.
    After(Duration),
    /// As [`Next::After`], or as soon as an image comes.
    AfterOrImage(Duration),
}

impl Converge {
    /// Runs until the bot is settled or the task is cancelled, between two steps. Gives the memory back.
    pub(super) async fn run(mut self) -> Memory {
        if self.memory.last.is_none() {
            self.memory.last = Some(self.bot.observed.clone());
        }
        while !self.cancel.is_cancelled() {
            let next = match self.step().await {
                Ok(next) => next,
                Err(error) => self.failed(error).await,
            };
            let (wait, image) = match next {
                Next::Settled => break,
                Next::After(wait) => (wait, false),
                Next::AfterOrImage(wait) => (wait, true),
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.cancel.cancelled() => break,
                () = self.images.notified(), if image => {}
            }
        }
        self.memory
    }

    async fn step(&mut self) -> Result<Next, RuntimeError> {
        if !self.shared.term.is_held() {
            return Ok(Next::Settled); // Somebody else may be at it.
        }
        if let Some(part) = self.part_in_move() {
            return self.step_moving(part).await;
        }
        if self.bot.desired == Desired::Running {
            return self.step_running().await;
        }
        self.memory.forgive();
        self.memory.starting_since = None;
        let shared = Arc::clone(&self.shared);
        let seen = shared.runtime.inspect(self.bot.id).await?;
        match plan::next(self.bot.desired, seen.as_ref(), "", self.last_state()) {
            Step::Purge => self.purge(seen).await,
            Step::Stop => self.stop(seen).await,
            Step::Rest(state) => {
                shared.forwards.remove(self.bot.id).await;
                let container_id = seen.map(|seen| seen.id);
                self.report(Observation { container_id, ..Observation::new(state) }).await;
                Ok(Next::Settled)
            }
            _ => Ok(Next::Settled),
        }
    }

    async fn stop(&mut self, seen: Option<ContainerSeen>) -> Result<Next, RuntimeError> {
        let Some(seen) = seen else { return Ok(Next::Settled) };
        let container_id = Some(seen.id.clone());
        self.report(Observation { container_id, ..Observation::new(BotState::Stopping) }).await;
        let _permit = self.shared.permits.acquire().await;
        self.shared.runtime.stop(&seen.id, self.shared.config.stop_grace).await?;
        Ok(Next::After(Duration::ZERO))
    }

    async fn purge(&mut self, seen: Option<ContainerSeen>) -> Result<Next, RuntimeError> {
        if self.memory.removed {
            return Ok(Next::Settled);
        }
        let (shared, bot) = (Arc::clone(&self.shared), Arc::clone(&self.bot));
        if self.last_state() != BotState::Deleting {
            self.report(Observation::new(BotState::Deleting)).await;
        }
        let _permit = shared.permits.acquire().await;
        shared.forwards.remove(bot.id).await;
        if let Some(seen) = seen {
            shared.runtime.remove(&seen.id).await?;
        }
        shared.runtime.remove_network(bot.id).await?;
        if !bot.life.keep_data {
            shared.workspaces.remove(bot.id).await.map_err(|error| RuntimeError::Other {
                what: "remove the bot's folder",
                message: error.to_string(),
            })?;
        }
        match shared.reports.confirm_removed(bot.id, bot.tenant_id).await {
            Ok(()) => {
                tracing::info!(bot = %bot.id, hostname = %bot.hostname, "a bot was removed");
                self.memory.removed = true;
                Ok(Next::Settled)
            }
            Err(error) => {
                self.unreported(&error);
                Ok(Next::After(AGAIN))
            }
        }
    }

    /// What follows from an error of the engine's.
    async fn failed(&mut self, error: RuntimeError) -> Next {
        self.shared.engine.note(&error);
        let reason = match &error {
            // Nothing is known of the bot now: what was last seen stays. The engine's return starts a pass.
            RuntimeError::Unavailable { .. } => return Next::Settled,
            RuntimeError::ImageMissing { .. } => format!(
                "{error}: run `make openclaw-image` and set BOT_IMAGE=clawplane/openclaw:<version>, or name an image \
                 that this host has or can pull"
            ),
            _ => error.to_string(),
        };
        match self.bot.desired {
            Desired::Running => {
                let missing = matches!(error, RuntimeError::ImageMissing { .. });
                match self.trial() {
                    Some(number) if missing => self.roll_back(number, &reason).await,
                    _ => self.fail(&reason, None, if missing { Lack::Image } else { Lack::Nothing }).await,
                }
            }
            desired => {
                tracing::warn!(bot = %self.bot.id, ?desired, %error, "a bot cannot be brought to rest yet");
                let state = if desired == Desired::Deleted { BotState::Deleting } else { BotState::Stopping };
                let reason = Some(reason::clean(&reason, None));
                self.report(Observation { reason, ..Observation::new(state) }).await;
                Next::After(AGAIN)
            }
        }
    }

    /// Reports a failure, and decides whether there is another try.
    pub(super) async fn fail(&mut self, reason: &str, seen: Option<&ContainerSeen>, lacks: Lack) -> Next {
        let restarts = self.memory.failures.total();
        let verdict = self.memory.failures.note(Instant::now(), &self.shared.config);
        self.memory.starting_since = None;
        if let (Verdict::GiveUp, Some(number), true) = (verdict, self.trial(), lacks != Lack::Port) {
            return self.roll_back(number, reason).await;
        }
        let mut reason = reason::clean(reason, None);
        if verdict == Verdict::GiveUp {
            reason.push_str(
                "\nIt has failed too often and is left alone; start it again once the cause is gone.",
            );
        }
        tracing::warn!(bot = %self.bot.id, hostname = %self.bot.hostname, %reason, ?verdict, "a bot failed");
        metrics::counter!("clawplane_bot_failures_total").increment(1);
        self.report(Observation {
            state: BotState::Failed,
            reason: Some(reason),
            container_id: seen.map(|seen| seen.id.clone()),
            exit_code: seen.and_then(|seen| seen.exit_code),
            restarts,
            left_alone: verdict == Verdict::GiveUp,
        })
        .await;
        match verdict {
            Verdict::RetryAfter(wait) if lacks == Lack::Image => Next::AfterOrImage(wait),
            Verdict::RetryAfter(wait) => Next::After(wait),
            Verdict::GiveUp => {
                let spec_hash = self.spec_hash().await;
                self.memory.given_up = Some(GivenUp { spec_hash, lacks });
                Next::Settled
            }
        }
    }

    pub(super) fn last_state(&self) -> BotState {
        self.memory.last.as_ref().map_or(BotState::Created, |last| last.state)
    }

    /// Reports what was seen, if it is news.
    pub(super) async fn report(&mut self, seen: Observation) {
        if self.memory.last.as_ref() == Some(&seen) && !self.memory.unreported {
            return;
        }
        let sent = self.shared.reports.observe(self.bot.id, self.bot.tenant_id, seen.clone()).await;
        // What follows is decided by what was seen, reported or not.
        self.memory.last = Some(seen);
        match sent {
            Ok(()) => self.memory.unreported = false,
            Err(error) => self.unreported(&error),
        }
    }

    pub(super) fn unreported(&mut self, error: &BoxError) {
        tracing::warn!(bot = %self.bot.id, %error, "a bot's state cannot be reported; it will be tried again");
        self.memory.unreported = true;
    }
}
