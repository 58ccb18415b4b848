//! Pulls of images: one an image at a time, however many bots wait for it.

use crate::runtime::{PullProgress, Runtime, RuntimeError};
use clawplane_domain::values::ImageRef;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Images that are pulled at the same time.
const AT_ONCE: usize = 3;

/// How a pull stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pull {
    Going(PullProgress),
    Done,
    Failed(RuntimeError),
}

/// The pulls that are under way.
pub(super) struct Pulls {
    runtime: Arc<dyn Runtime>,
    going: Arc<Mutex<HashMap<ImageRef, watch::Receiver<Pull>>>>,
    places: Arc<Semaphore>,
    tracker: TaskTracker,
    shutdown: CancellationToken,
}

impl Pulls {
    pub(super) fn new(runtime: Arc<dyn Runtime>, tracker: TaskTracker, shutdown: CancellationToken) -> Self {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        Self { runtime, going: Arc::default(), places, tracker, shutdown }
    }

    /// Follows the pull of `image`, starting it if need be. It goes on when nobody follows it any more.
    pub(super) fn follow(&self, image: &ImageRef) -> watch::Receiver<Pull> {
        let mut going = self.going.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pull) = going.get(image) {
            return pull.clone();
        }
        let (state, receiver) = watch::channel(Pull::Going(PullProgress::default()));
        going.insert(image.clone(), receiver.clone());
        let (runtime, places, shutdown) =
            (Arc::clone(&self.runtime), Arc::clone(&self.places), self.shutdown.clone());
        let (all, image) = (Arc::clone(&self.going), image.clone());
        self.tracker.spawn(async move {
            let work = async {
                let _place = places.acquire().await;
                let progress = |seen| state.send_modify(|state| *state = Pull::Going(seen));
                runtime.pull_image(&image, &progress).await
            };
            let result = tokio::select! {
                result = work => result,
                () = shutdown.cancelled() => Err(RuntimeError::Unavailable { reason: "the platform stops".to_owned() }),
            };
            // Out of the list first: whoever asks after the end asks anew.
            all.lock().unwrap_or_else(PoisonError::into_inner).remove(&image);
            state.send_replace(result.map_or_else(Pull::Failed, |()| Pull::Done));
        });
        receiver
    }
}
