//! The bridge between a pure decision and the `Aggregate` trait of cqrs-es, which is asynchronous.

use crate::claim::Claims;

/// An aggregate as a pure function: state and command give events, state and event give state.
///
/// The `cqrs_es::Aggregate` of every type here is generated from this by `impl_aggregate!`.
pub trait Decide: Default + Send + Sync {
    /// What somebody wants to happen.
    type Command: Send;
    /// What happened.
    type Event: cqrs_es::DomainEvent + Claims;
    /// Why it was refused.
    type Refusal: std::error::Error;

    /// The events that `command` leads to; an empty list when there is nothing to change.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// Folds one event into the state. Never fails: what was recorded did happen.
    fn evolve(&mut self, event: Self::Event);
}

/// Implements `cqrs_es::Aggregate` by a type's `Decide`, under the given stream type.
macro_rules! impl_aggregate {
    ($aggregate:ty, $stream_type:literal) => {
        impl cqrs_es::Aggregate for $aggregate {
            const TYPE: &'static str = $stream_type;
            type Command = <$aggregate as $crate::Decide>::Command;
            type Event = <$aggregate as $crate::Decide>::Event;
            type Error = <$aggregate as $crate::Decide>::Refusal;
            type Services = ();

            async fn handle(
                &mut self,
                command: Self::Command,
                _services: &(),
                sink: &cqrs_es::event_sink::EventSink<Self>,
            ) -> Result<(), Self::Error> {
                for event in $crate::Decide::decide(self, command)? {
                    sink.write(event, self).await;
                }
                Ok(())
            }

            fn apply(&mut self, event: Self::Event) {
                $crate::Decide::evolve(self, event);
            }
        }
    };
}

/// Implements `cqrs_es::DomainEvent` for an enum whose serde tag `type` is the event's name.
macro_rules! impl_event {
    ($event:ident { $($variant:ident => $name:literal @ $version:literal),+ $(,)? }) => {
        impl cqrs_es::DomainEvent for $event {
            fn event_type(&self) -> String {
                match self { $(Self::$variant { .. } => $name,)+ }.to_owned()
            }
            fn event_version(&self) -> String {
                match self { $(Self::$variant { .. } => $version,)+ }.to_owned()
            }
        }
        impl $event {
            /// Every event name of this aggregate, for readers that filter by name and for the golden files.
            pub const NAMES: &'static [&'static str] = &[$($name),+];
        }
    };
}

pub(crate) use impl_aggregate;
pub(crate) use impl_event;
