//! How long a bot takes from its start to running, beside a bare `docker run` of the same image with the same limits.

use clawplane_tests::{Client, docker, engine::SMALL_BOT_IMAGE, wait};
use serde_json::json;
use std::time::{Duration, Instant};

/// Starts of each kind; the median counts.
const STARTS: usize = 9;
const NETWORK: &str = "clawplane-bench";

/// Needs an engine; says so where there is none.
pub(crate) async fn run(admin: &Client) {
    if !docker::available("the start of a bot") {
        return;
    }
    clawplane_tests::engine::build_small_bot(None);
    // The bare one's network is there already, and so is the bot's from its second start on.
    docker::output(&["network", "create", "--internal", "--subnet", "10.199.199.0/28", NETWORK]);
    admin
        .post(
            "/api/bot",
            &json!({"hostname": "bench-start", "image": SMALL_BOT_IMAGE, "limits": {"memoryMib": 512}}),
        )
        .await;
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for n in 0..=STARTS {
        let (one, other) = (bare_start(n).await, bot_start(admin).await);
        if n > 0 {
            bare.push(one);
            ours.push(other);
        }
    }
    docker::output(&["network", "rm", NETWORK]);
    admin.send(reqwest::Method::DELETE, "/api/bot/bench-start", None).await;
    let (bare, ours) = (median(bare), median(ours));
    println!("\n| start until it answers its health check, median of {STARTS} | ms |\n|---|---|");
    println!("| `docker run` of the same image and limits | {} |", bare.as_millis());
    println!("| a bot, from `POST .../start` until the API shows it running | {} |", ours.as_millis());
    println!("| more | {} |", ours.as_millis().saturating_sub(bare.as_millis()));
}

async fn bare_start(n: usize) -> Duration {
    let name = format!("clawplane-bench-{n}");
    let began = Instant::now();
    let run = ["run", "-d", "--name", &name, "--network", NETWORK, "--cap-drop=ALL", "--init", "--read-only"];
    let limits = ["--security-opt=no-new-privileges", "--pids-limit=512", "--memory=512m", "--cpus=1"];
    let places = ["--tmpfs=/tmp", "--user=1000:1000", SMALL_BOT_IMAGE];
    docker::output(&[&run[..], &limits, &places].concat());
    let ip = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let ip = docker::output(&["inspect", "-f", ip, &name]);
    let health = format!("http://{}:18789/healthz", ip.trim());
    wait::until_quick("the container to answer", 30, || async {
        reqwest::get(&health).await.map_err(|error| error.to_string())
    })
    .await;
    let took = began.elapsed();
    docker::output(&["rm", "-f", &name]);
    took
}

async fn bot_start(admin: &Client) -> Duration {
    let path = "/api/bot/bench-start";
    let began = Instant::now();
    admin.post(&format!("{path}/start"), &json!({})).await;
    state(admin, "running").await;
    let took = began.elapsed();
    // So that the next one makes a container too, as `docker run` does.
    let id = admin.get(path).await["containerId"].as_str().expect("a container").to_owned();
    admin.post(&format!("{path}/stop"), &json!({})).await;
    state(admin, "stopped").await;
    docker::output(&["rm", "-f", &id]);
    took
}

async fn state(admin: &Client, state: &str) {
    wait::until_quick(&format!("the bot to be {state}"), 60, || async {
        let bot = admin.get("/api/bot/bench-start").await;
        if bot["state"] == state { Ok(()) } else { Err(bot) }
    })
    .await;
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
