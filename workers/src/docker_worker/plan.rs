//! What to do next for one bot, as a pure function of what is wanted, what is there and what was last reported.

use crate::runtime::{ContainerSeen, Phase};
use clawplane_domain::bot::{BotState, Desired};

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing to do; this is its state.
    Rest(BotState),
    /// Image, files and container, then start it.
    Create,
    /// The container was made from another specification: away with it.
    Replace,
    /// The container is there and shall run.
    Start,
    /// It runs: keep its ways open and look at its health.
    Watch,
    /// It is frozen: nothing can be said of its health, and nothing is to be done.
    Wait,
    /// Its process ended by itself.
    Crashed,
    /// Its process shall end.
    Stop,
    /// Remove everything.
    Purge,
}

/// The next step. `spec_hash` is that of the specification a container should be made from now.
pub(super) fn next(desired: Desired, seen: Option<&ContainerSeen>, spec_hash: &str, last: BotState) -> Step {
    match (desired, seen) {
        (Desired::Deleted, _) => Step::Purge,
        (Desired::Stopped, Some(seen)) if matches!(seen.phase, Phase::Running | Phase::Paused) => Step::Stop,
        // It was never started: it is as new.
        (Desired::Stopped, None) if last == BotState::Created => Step::Rest(BotState::Created),
        (Desired::Stopped, _) => Step::Rest(BotState::Stopped),
        (Desired::Running, None) => Step::Create,
        // Whoever froze it (a backup, as a rule) lets it go on.
        (Desired::Running, Some(seen)) if seen.phase == Phase::Paused => Step::Wait,
        (Desired::Running, Some(seen)) if seen.spec_hash != spec_hash => Step::Replace,
        (Desired::Running, Some(seen)) => match seen.phase {
            Phase::Running => Step::Watch,
            Phase::Paused => Step::Wait,
            Phase::Exited if was_up(last) => Step::Crashed,
            Phase::Created | Phase::Exited => Step::Start,
        },
    }
}

/// Whether a process that is not there any more is news. After `Failed` it is not: that was reported, and this is the
/// next try.
fn was_up(last: BotState) -> bool {
    matches!(last, BotState::Starting | BotState::Running | BotState::Unhealthy)
}

#[cfg(test)]
mod tests;
