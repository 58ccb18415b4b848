//! Counts the keys in each state for whoever watches from outside, once a second and off the data path.

use crate::{
    directory::{Directory, Key},
    health::Standing,
    telemetry,
};
use arc_swap::ArcSwap;
use clawplane_domain::{Timestamp, clock::Clock};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Between two counts.
const ROUND: Duration = Duration::from_secs(1);
/// The states that a key can be in.
pub(crate) const STATES: [&str; 4] = ["healthy", "cooling", "probing", "disabled"];

/// How many keys of each vendor are in each state.
pub(crate) type Census = BTreeMap<&'static str, [u32; STATES.len()]>;

/// Counts until `stop`.
pub(crate) async fn run(directory: Arc<ArcSwap<Directory>>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut rounds = interval(ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut census = Census::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = rounds.tick() => {}
        }
        // A vendor without keys any more has none in any state; it does not keep its last count.
        for counts in census.values_mut() {
            *counts = Default::default();
        }
        take(&mut census, directory.load().every_key(), clock.now());
        for (vendor, counts) in &census {
            telemetry::keys(vendor, counts);
        }
    }
}

fn take<'a>(census: &mut Census, keys: impl Iterator<Item = (&'static str, &'a Arc<Key>)>, now: Timestamp) {
    for (vendor, key) in keys {
        let state = match key.health.is_free() {
            true => 0,
            false => match key.health.standing(now) {
                Standing::Free => 0,
                Standing::Cooling(_) => 1,
                Standing::Probing => 2,
                Standing::Disabled => 3,
            },
        };
        census.entry(vendor).or_default()[state] += 1;
    }
}

#[cfg(test)]
mod tests;
