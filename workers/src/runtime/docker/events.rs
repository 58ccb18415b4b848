//! The engine's own events: somebody removed a container by hand, a process ended, an image came.

use super::{
    DockerRuntime,
    profile::{LABEL_BOT, LABEL_INSTANCE},
};
use crate::runtime::{EngineEvent, RuntimeError};
use bollard::{
    models::{EventMessage, EventMessageTypeEnum},
    query_parameters::EventsOptionsBuilder,
};
use futures::{StreamExt, stream, stream::BoxStream};
use std::collections::HashMap;

/// What happens to containers that the worker has to know of; `exec_*`, `top` and the like are not.
const CONTAINER_ACTIONS: &[&str] =
    &["create", "start", "die", "destroy", "oom", "pause", "unpause", "rename", "stop", "kill"];

impl DockerRuntime {
    pub(super) fn event_stream(self) -> BoxStream<'static, Result<EngineEvent, RuntimeError>> {
        let types = vec!["container".to_owned(), "image".to_owned()];
        let options =
            EventsOptionsBuilder::default().filters(&HashMap::from([("type".to_owned(), types)])).build();
        let connected = async move {
            match self.client().await {
                Ok(client) => {
                    let events = client.events(Some(options));
                    events.filter_map(move |event| std::future::ready(self.relevant(event))).boxed()
                }
                Err(error) => stream::once(std::future::ready(Err(error))).boxed(),
            }
        };
        stream::once(connected).flatten().boxed()
    }

    fn relevant(
        &self,
        event: Result<EventMessage, bollard::errors::Error>,
    ) -> Option<Result<EngineEvent, RuntimeError>> {
        let event = match event {
            Ok(event) => event,
            Err(error) => return Some(Err(self.fault("follow the engine's events", error))),
        };
        if event.typ == Some(EventMessageTypeEnum::IMAGE) {
            return Some(Ok(EngineEvent::Image));
        }
        let action = event.action?;
        let attributes = event.actor?.attributes?;
        // The filter by label would hide the image events, so it is done here.
        if attributes.get(LABEL_INSTANCE).map(String::as_str) != Some(self.instance())
            || !CONTAINER_ACTIONS.contains(&action.as_str())
        {
            return None;
        }
        let bot = attributes.get(LABEL_BOT)?.parse().ok()?;
        Some(Ok(EngineEvent::Container(bot)))
    }
}
