//! The same JSON request and answer through everybody: at one connection and at many.

use crate::{
    memory,
    nginx::Nginx,
    peers::{self, Peer},
    wrk::{self, Target},
};
use clawplane_tests::{Client, Platform};

/// Connections at once.
const CONNECTIONS: [u32; 2] = [1, 32];
/// Each is asked for so long before it is measured: compilers at run time and pools of connections need it.
const WARM_UP: u32 = 2;

/// Prints the table of requests, then that of memory.
pub(crate) async fn run(platform: &Platform, admin: &Client, nginx: &Nginx) {
    admin.add_key("openai", "sk-bench", &format!("http://{}/v1", nginx.upstream)).await;
    let token = admin.add_bot("bench").await;
    let path = "/v1/chat/completions";
    let ours = Target::bearer(format!("{}/api/v1/openai/chat/completions", platform.url), &token);
    let upstream = Target::bearer(format!("http://{}{path}", nginx.upstream), &token);
    let plain = Target::bearer(format!("http://{}{path}", nginx.proxy), &token);
    let peers = peers::start(nginx.upstream).await;

    let mut rows = vec![
        ("bare upstream", &upstream),
        ("nginx reverse proxy", &plain),
        ("clawplane, everything on", &ours),
    ];
    rows.extend(peers.iter().map(|peer| (peer.name, &peer.target)));
    for (_, target) in &rows {
        target.check(&nginx.id).await;
        wrk::run_for(target, CONNECTIONS[1], WARM_UP);
    }
    println!("proxy: a JSON request and answer, {} s each\n", wrk::SECONDS);
    println!("| connections | what | requests/s | p50 us | p99 us | of nginx |");
    println!("|---|---|---|---|---|---|");
    for connections in CONNECTIONS {
        let loads: Vec<_> = rows.iter().map(|(_, target)| wrk::run(target, connections)).collect();
        for ((what, _), load) in rows.iter().zip(&loads) {
            let ratio = load.per_second / loads[1].per_second;
            println!(
                "| {connections} | {what} | {:.0} | {:.0} | {:.0} | {ratio:.3} |",
                load.per_second, load.p50_us, load.p99_us
            );
        }
    }
    if !peers.is_empty() {
        memory_of(platform, &peers);
    }
    for peer in peers {
        peer.stop().await;
    }
}

/// Ours is the whole platform: API, projections and workers are in the process too, its Postgres and NATS are not.
fn memory_of(platform: &Platform, peers: &[Peer]) {
    println!("\n| after that load | resident memory, MB |\n|---|---|");
    let ours = ("clawplane, the whole platform's process", memory::of(platform.pid()));
    for (what, kilobytes) in std::iter::once(ours).chain(peers.iter().map(|peer| (peer.name, peer.memory())))
    {
        println!("| {what} | {} |", kilobytes / 1024);
    }
}
