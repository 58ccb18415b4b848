//! A bot that changes its host: each of the two hosts' workers does its part, one step after the other.
//!
//! Every step may be cut off and done again. Until the bot is placed anew its data are untouched where they were.

use super::{
    MoveStep,
    converge::{AGAIN, Converge, Next},
    ports::Heard,
};
use crate::{runtime::RuntimeError, workspace::Workspaces};
use clawplane_domain::{
    HostId,
    bot::{BotState, Desired, Observation, Part},
};
use std::{sync::Arc, time::Duration};

/// Wait before data that cannot be had are looked for again.
const NO_DATA: Duration = Duration::from_secs(10);

impl Converge {
    /// What this host has to do with a bot that moves; `None` where it is simply here.
    pub(super) fn part_in_move(&self) -> Option<Part> {
        let part = self.bot.placement.part_of(self.shared.term.host());
        (part != Part::Keep).then_some(part)
    }

    pub(super) async fn step_moving(&mut self, part: Part) -> Result<Next, RuntimeError> {
        self.memory.forgive();
        self.memory.starting_since = None;
        match part {
            Part::LetGo { said } => {
                self.remove_container().await?;
                if said {
                    return Ok(Next::Settled);
                }
                let resting = match self.last_state() {
                    BotState::Created => BotState::Created,
                    _ => BotState::Stopped,
                };
                self.report(Observation::new(resting)).await;
                Ok(self.say(MoveStep::LetGo).await.map_or(Next::After(AGAIN), |_| Next::Settled))
            }
            Part::Take(from) => self.take(from).await,
            Part::Forget(now_on) => {
                self.remove_container().await?;
                if !self.shared.workspaces.is_of(now_on).await {
                    let removed = self.shared.workspaces.remove(self.bot.id).await;
                    removed.map_err(|error| other("remove the bot's folder", &error.to_string()))?;
                }
                Ok(self.say(MoveStep::Forgotten).await.map_or(Next::After(AGAIN), |_| Next::Settled))
            }
            Part::Keep | Part::Nothing => Ok(Next::Settled),
        }
    }

    /// Container and network away, ways closed.
    async fn remove_container(&self) -> Result<(), RuntimeError> {
        let (shared, bot) = (&self.shared, &self.bot);
        let _permit = shared.permits.acquire().await;
        shared.forwards.remove(bot.id).await;
        if let Some(seen) = shared.runtime.inspect(bot.id).await? {
            shared.runtime.stop(&seen.id, shared.config.stop_grace).await?;
            shared.runtime.remove(&seen.id).await?;
        }
        shared.runtime.remove_network(bot.id).await
    }

    /// Gets the bot's data here. Where both hosts have one folder they are here already.
    async fn take(&mut self, from: HostId) -> Result<Next, RuntimeError> {
        let (here, bot) = (self.shared.workspaces.clone(), self.bot.id);
        let shared_folder = here.is_of(from).await;
        if !shared_folder {
            let there = self.shared.term.folders().folder_of(from).await.map(|root| Workspaces::at(&root));
            let seen = match there {
                Some(there) if there.is_of(from).await => Some(there),
                _ => None,
            };
            let Some(there) = seen else {
                let reason = "its data cannot be had: the folder of the host that it is on is not visible here. Move it \
                              back to that host to call the move off";
                return Ok(self.no_data(reason).await);
            };
            let shared = Arc::clone(&self.shared);
            let _permit = shared.permits.acquire().await;
            if let Err(error) = here.take(&there, bot, shared.term.host()).await {
                return Ok(self.no_data(&format!("its data cannot be taken over: {error}")).await);
            }
        }
        match self.say(MoveStep::Taken).await {
            Some(Heard::Taken) => {
                tracing::info!(%bot, hostname = %self.bot.hostname, "a bot came to this host");
                Ok(Next::Settled)
            }
            Some(Heard::TooLate) if shared_folder => Ok(Next::Settled),
            Some(Heard::TooLate) => {
                let removed = here.remove(bot).await;
                removed.map_err(|error| other("remove a bot's copy", &error.to_string()))?;
                Ok(Next::Settled)
            }
            None => Ok(Next::After(AGAIN)),
        }
    }

    async fn no_data(&mut self, reason: &str) -> Next {
        tracing::warn!(bot = %self.bot.id, reason, "a bot cannot come to this host");
        let state = if self.bot.desired == Desired::Running { BotState::Failed } else { BotState::Stopped };
        self.report(Observation { reason: Some(reason.to_owned()), ..Observation::new(state) }).await;
        Next::After(NO_DATA)
    }

    async fn say(&mut self, step: MoveStep) -> Option<Heard> {
        let host = self.shared.term.host();
        match self.shared.reports.moved(self.bot.id, self.bot.tenant_id, host, step).await {
            Ok(heard) => Some(heard),
            Err(error) => {
                self.unreported(&error);
                None
            }
        }
    }
}

fn other(what: &'static str, message: &str) -> RuntimeError {
    RuntimeError::Other { what, message: message.to_owned() }
}
