//! Two sets of threads: people and bots are waiting for what the first does, nobody for what the second does.
//!
//! Projections and the upload of usage follow at their own pace and catch up by themselves. Without a lower priority they take
//! the processors from the data path just when it needs them most.

use std::{future::Future, io};
use tokio::runtime::{Builder, Handle, Runtime};

/// How nice the background is, of 19: a tenth of a busy processor is still its own.
const NICE: i32 = 10;

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

    /// Where to spawn what nobody waits for.
    pub fn background(&self) -> Handle {
        self.background.handle().clone()
    }

    /// Runs `main` to its end in the foreground.
    pub fn run<T>(&self, main: impl Future<Output = T>) -> T {
        self.foreground.block_on(main)
    }
}
