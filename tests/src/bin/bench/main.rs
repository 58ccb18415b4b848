//! `make bench`: how fast it is, as ratios to what others do on the same machine in the same run.
//!
//! The proxy against nginx's plain reverse proxy and the bare upstream; events, commands and rebuilds a second on the
//! private Postgres of a real `clawplane dev`. Nothing here asserts: figures go to `docs/PERFORMANCE.md` by hand.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark for people")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod nginx;
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
    admin.add_key("openai", "sk-bench", &format!("http://{}/v1", nginx.upstream)).await;
    let token = admin.add_bot("bench").await;

    let path = "/v1/chat/completions";
    let upstream = format!("http://{}{path}", nginx.upstream);
    let plain = format!("http://{}{path}", nginx.proxy);
    let ours = format!("{}/api/v1/openai/chat/completions", platform.url);
    println!("proxy: a JSON request and answer, {} s each\n", wrk::SECONDS);
    println!("| connections | what | requests/s | p50 us | p99 us | of nginx |");
    println!("|---|---|---|---|---|---|");
    for connections in [1, 32] {
        let reference = wrk::run(&plain, connections, &token);
        for (what, result) in [
            ("bare upstream", wrk::run(&upstream, connections, &token)),
            ("nginx reverse proxy", reference),
            ("clawplane, everything on", wrk::run(&ours, connections, &token)),
        ] {
            let ratio = result.per_second / reference.per_second;
            println!(
                "| {connections} | {what} | {:.0} | {:.0} | {:.0} | {ratio:.2} |",
                result.per_second, result.p50_us, result.p99_us
            );
        }
    }
    streams::run(&platform, &admin, slow).await;
    store::run(&platform).await;
}
