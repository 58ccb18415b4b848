//! Waiting for a fact, with a bound and the last thing seen in the message.

use std::{fmt::Debug, time::Duration};
use tokio::time::{Instant, sleep};

/// Asks `probe` until it gives `Ok`, for at most `seconds`; fails with the last `Err`.
pub async fn until<T, E: Debug, F: Future<Output = Result<T, E>>>(
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
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}
