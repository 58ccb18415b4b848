//! Given/when/then for decisions: events that happened, a command, what must follow.
//!
//! Each use also sends everything through its stored form, so that replay is tested with every decision.

use crate::Decide;
use cqrs_es::DomainEvent;
use std::fmt::Debug;

/// A stream on which some events have happened.
pub(crate) struct Given<A> {
    state: A,
}

/// A stream on which `events` have happened.
pub(crate) fn given<A: Decide>(events: impl IntoIterator<Item = A::Event>) -> Given<A> {
    let mut state = A::default();
    events.into_iter().for_each(|event| state.evolve(stored(&event)));
    Given { state }
}

/// What a decision led to.
pub(crate) struct Then<A: Decide> {
    state: A,
    decided: Result<Vec<A::Event>, A::Refusal>,
}

impl<A: Decide> Given<A> {
    pub(crate) fn when(self, command: A::Command) -> Then<A> {
        let decided = self.state.decide(command);
        Then { state: self.state, decided }
    }
}

impl<A: Decide> Then<A>
where
    A::Refusal: PartialEq + Debug,
{
    /// Exactly these events follow. The state after them.
    #[track_caller]
    pub(crate) fn then(mut self, events: impl IntoIterator<Item = A::Event>) -> A {
        let decided = self.decided.expect("the command is accepted");
        pretty_assertions::assert_eq!(decided, events.into_iter().collect::<Vec<_>>());
        for event in &decided {
            self.state.evolve(stored(event));
        }
        self.state
    }

    /// There was nothing to change.
    #[track_caller]
    pub(crate) fn then_nothing(self) {
        self.then([]);
    }

    #[track_caller]
    pub(crate) fn refused(self, refusal: &A::Refusal) {
        pretty_assertions::assert_eq!(self.decided.as_ref().err(), Some(refusal));
    }
}

/// An event as it comes back from the store.
pub(crate) fn stored<E: DomainEvent>(event: &E) -> E {
    let json = serde_json::to_string(event).expect("every event can be stored");
    let back: E = serde_json::from_str(&json).expect("every stored event can be read");
    assert_eq!(&back, event, "nothing is lost in the stored form {json}");
    back
}

/// Gives commands one after the other, and compares the live state with that from the stored events.
pub(crate) fn replay_equals_live<A>(commands: impl IntoIterator<Item = A::Command>) -> A
where
    A: Decide + PartialEq + Debug,
{
    let (mut live, mut history) = (A::default(), Vec::new());
    for command in commands {
        for event in live.decide(command).unwrap_or_default() {
            history.push(serde_json::to_value(&event).expect("every event can be stored"));
            live.evolve(event);
        }
    }
    let mut replayed = A::default();
    for event in history {
        replayed.evolve(serde_json::from_value(event).expect("every stored event can be read"));
    }
    pretty_assertions::assert_eq!(replayed, live);
    live
}

/// The n-th id of a test.
pub(crate) fn id<I: From<uuid::Uuid>>(n: u128) -> I {
    I::from(uuid::Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000 | n))
}

/// Seconds after the time at which all tests happen.
pub(crate) fn at(seconds: i64) -> crate::Timestamp {
    chrono::DateTime::from_timestamp(1_772_366_400 + seconds, 0).expect("a time")
}

/// A checked value from a text that is one.
pub(crate) fn value<V: std::str::FromStr<Err: Debug>>(text: &str) -> V {
    text.parse().expect("a valid value")
}
