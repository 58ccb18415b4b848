//! `make bench`: how fast it is, as ratios to what others do on the same machine in the same run.
//!
//! The proxy against nginx's plain reverse proxy, the bare upstream and, where they are installed, other AI gateways; events, commands and rebuilds a second on the
//! private Postgres of a real `clawplane dev`. Nothing here asserts: figures go to `docs/PERFORMANCE.md` by hand.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark for people")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod bots;
mod memory;
mod nginx;
mod peers;
mod requests;
mod store;
mod streams;
mod wrk;

use clawplane_tests::Platform;
use nginx::Nginx;

#[tokio::main]
async fn main() {
    let nginx = Nginx::start();
    let slow = streams::vendor().await;
    let platform = Platform::start(&[nginx.upstream.to_string(), slow.to_string()]).await;
    let admin = platform.admin().await;
    requests::run(&platform, &admin, &nginx).await;
    streams::run(&platform, &admin, slow).await;
    store::run(&platform).await;
    bots::run(&admin).await;
}
