//! Two sets of threads: people and bots are waiting for what the first does, nobody for what the second does.
//!
//! Projections and the upload of usage follow at their own pace and catch up by themselves. Without a lower priority they take
//! the processors from the data path just when it needs them most.

use clawplane_eventstore::Precedence;
use std::{
    future::Future,
    io,
    time::{Duration, Instant},
};
use tokio::runtime::{Builder, Handle, Runtime, RuntimeMetrics};

/// How nice the background is, of 19: a tenth of a busy processor is still its own.
const NICE: i32 = 10;
/// The share of the foreground's time, in percent, from which on it counts as busy.
const BUSY: u128 = 60;
/// Over which that is measured.
const MEASURED: Duration = Duration::from_millis(50);

/// Where to spawn what nobody waits for, and what that gives way to.
#[derive(Clone, Debug)]
pub struct Background {
    /// Its threads.
    pub handle: Handle,
    /// Busy while the foreground is.
    pub precedence: Precedence,
}

/// The runtimes of this process.
#[derive(Debug)]
pub struct Runtimes {
    foreground: Runtime,
    background: Runtime,
}

impl Runtimes {
    /// Starts their threads.
    pub fn start() -> io::Result<Self> {
        let foreground = Builder::new_multi_thread().enable_all().build()?;
        let mut builder = Builder::new_multi_thread();
        builder.enable_all().thread_name("background").on_thread_start(|| {
            // On Linux a priority belongs to the thread. Where it cannot be lowered, all are equal.
            let _ = rustix::process::setpriority_process(None, NICE);
        });
        Ok(Self { foreground, background: builder.build()? })
    }

    /// The second set, which from now on knows how busy the first one is.
    pub fn background(&self) -> Background {
        let precedence = Precedence::default();
        let handle = self.background.handle().clone();
        handle.spawn(watch(self.foreground.metrics(), precedence.clone()));
        Background { handle, precedence }
    }

    /// Runs `main` to its end in the foreground.
    pub fn run<T>(&self, main: impl Future<Output = T>) -> T {
        self.foreground.block_on(main)
    }
}

/// Says again and again whether the foreground is busy.
async fn watch(foreground: RuntimeMetrics, precedence: Precedence) {
    let (mut before, mut at) = (worked(&foreground), Instant::now());
    loop {
        tokio::time::sleep(MEASURED).await;
        let (work, now) = (worked(&foreground), Instant::now());
        let could = (now - at).as_micros() * foreground.num_workers() as u128;
        precedence.set_busy(work.saturating_sub(before).as_micros() * 100 > could * BUSY);
        (before, at) = (work, now);
    }
}

/// What all workers together have worked since their start.
fn worked(foreground: &RuntimeMetrics) -> Duration {
    (0..foreground.num_workers()).map(|worker| foreground.worker_total_busy_duration(worker)).sum()
}
