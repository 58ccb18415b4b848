//! Support for the end-to-end tests: the real binary with its own data folder, fake vendors, a small client.

#![allow(clippy::missing_panics_doc, reason = "support for tests: a panic is how a test fails")]
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stderr, reason = "support for tests")]

pub mod client;
pub mod collector;
pub mod docker;
pub mod engine;
pub mod exposition;
pub mod platform;
pub mod sdk;
pub mod serve;
pub mod vendor;
pub mod wait;

pub use client::Client;
pub use collector::Collector;
pub use engine::Engine;
pub use platform::Platform;
pub use serve::Serve;
pub use vendor::FakeVendor;
