//! Waiting for a fact, with a bound and the last thing seen in the message.

use std::{fmt::Debug, time::Duration};
use tokio::time::{Instant, sleep};

/// Asks `probe` until it gives `Ok`, for at most `seconds`; fails with the last `Err`.
pub async fn until<T, E: Debug, F: Future<Output = Result<T, E>>>(
    what: &str,
    seconds: u64,
    probe: impl FnMut() -> F,
) -> T {
    every(Duration::from_millis(100), what, seconds, probe).await
}

/// As [`until`], for what is there soon.
pub async fn until_quick<T, E: Debug, F: Future<Output = Result<T, E>>>(
    what: &str,
    seconds: u64,
    probe: impl FnMut() -> F,
) -> T {
    every(Duration::from_millis(10), what, seconds, probe).await
}

async fn every<T, E: Debug, F: Future<Output = Result<T, E>>>(
    pause: Duration,
    what: &str,
    seconds: u64,
    mut probe: impl FnMut() -> F,
) -> T {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(last) if Instant::now() >= end => {
                panic!("waited {seconds} s for {what}; last seen: {last:?}")
            }
            Err(_) => sleep(pause).await,
        }
    }
}
