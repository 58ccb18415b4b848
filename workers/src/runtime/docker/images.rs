//! Images: is one here, and if not, fetch it and say how far that is.

use super::{DockerRuntime, errors};
use crate::runtime::{PullProgress, RuntimeError};
use bollard::{models::CreateImageInfo, query_parameters::CreateImageOptionsBuilder};
use clawplane_domain::values::ImageRef;
use futures::StreamExt;
use std::{collections::HashMap, time::Duration};

/// A pull that says nothing for so long is given up.
const SILENCE: Duration = Duration::from_mins(2);
/// Most layers that are counted; an image may have 127.
const LAYERS: usize = 256;

impl DockerRuntime {
    pub(super) async fn image_is_here(&self, image: &ImageRef) -> Result<bool, RuntimeError> {
        match self.client().await?.inspect_image(image.as_str()).await {
            Ok(_) => Ok(true),
            Err(error) if errors::is_missing(&error) => Ok(false),
            Err(error) => Err(self.fault("inspect an image", error)),
        }
    }

    pub(super) async fn pull(
        &self,
        image: &ImageRef,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> Result<(), RuntimeError> {
        let client = self.client().await?;
        // Without a tag Docker would take that as "all tags of it".
        let (name, tag) = name_and_tag(image.as_str());
        let options = CreateImageOptionsBuilder::default().from_image(name).tag(tag).build();
        let mut stream = std::pin::pin!(client.create_image(Some(options), None, None));
        let mut layers = Layers::default();
        loop {
            let next = tokio::time::timeout(SILENCE, stream.next()).await;
            match next.map_err(|_| missing(image, "the registry stopped answering"))? {
                None => return Ok(()),
                Some(Ok(info)) => {
                    if let Some(error) =
                        info.error_detail.as_ref().and_then(|detail| detail.message.as_deref())
                    {
                        return Err(missing(image, error));
                    }
                    progress(layers.note(info));
                }
                Some(Err(error)) => {
                    return Err(match self.fault("pull", error) {
                        RuntimeError::Other { message, .. } | RuntimeError::Conflict { message } => {
                            missing(image, &message)
                        }
                        other => other,
                    });
                }
            }
        }
    }
}

fn missing(image: &ImageRef, reason: &str) -> RuntimeError {
    RuntimeError::ImageMissing { image: image.to_string(), reason: reason.trim().to_owned() }
}

/// A digest belongs to the name, a colon before the last slash to the registry's port.
fn name_and_tag(image: &str) -> (&str, &str) {
    if image.contains('@') {
        return (image, "");
    }
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

/// Bytes a layer, as the engine tells them one by one.
#[derive(Default)]
struct Layers(HashMap<String, (u64, u64)>);

impl Layers {
    fn note(&mut self, info: CreateImageInfo) -> PullProgress {
        let bytes = |number: Option<i64>| number.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        // Unpacking counts the same bytes once more.
        let downloading = info.status.as_deref() == Some("Downloading");
        let done = matches!(info.status.as_deref(), Some("Download complete" | "Pull complete"));
        if let Some(id) = info.id.filter(|id| self.0.contains_key(id) || self.0.len() < LAYERS) {
            let layer = self.0.entry(id).or_default();
            if let Some(detail) = info.progress_detail.filter(|detail| downloading && detail.total.is_some())
            {
                *layer = (bytes(detail.current), bytes(detail.total));
            }
            if done {
                layer.0 = layer.1;
            }
        }
        let sum = |part: fn(&(u64, u64)) -> u64| self.0.values().map(part).fold(0, u64::saturating_add);
        PullProgress { current: sum(|layer| layer.0), total: sum(|layer| layer.1) }
    }
}

#[cfg(test)]
mod tests;
