//! Other AI gateways before the same upstream: Portkey and LiteLLM, as `deploy/setup.sh --peers` installed them.
//!
//! One worker each, as they come, on loopback, and with a key of their own where they will not start without one.

mod process;

use crate::{memory, wrk::Target};
use process::Process;
use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};
use uuid::Uuid;

/// A gateway that runs until it is dropped.
pub(crate) struct Peer {
    /// Its name and version.
    pub(crate) name: &'static str,
    /// Where it takes the request.
    pub(crate) target: Target,
    process: Process,
}

impl Peer {
    /// Resident memory of all of its processes, in kB.
    pub(crate) fn memory(&self) -> u64 {
        memory::of_tree(self.process.pid())
    }

    /// Ends it, with all that it started.
    pub(crate) async fn stop(self) {
        self.process.stop().await;
    }
}

/// Starts those that are installed, and says of the others how they would be.
pub(crate) async fn start(upstream: SocketAddr) -> Vec<Peer> {
    let mut peers = Vec::new();
    match installed("peer-portkey", "portkey/package-lock.json") {
        Some(folder) => peers.push(portkey(&folder, upstream).await),
        None => absent("Portkey"),
    }
    match installed("peer-litellm", "litellm/requirements.txt") {
        Some(folder) => peers.push(litellm(&folder, upstream).await),
        None => absent("LiteLLM"),
    }
    peers
}

async fn portkey(folder: &Path, upstream: SocketAddr) -> Peer {
    let process = Process::start("portkey", |port| {
        let mut node = Command::new("node");
        node.arg("--require").arg(recipes().join("portkey/loopback.cjs"));
        node.arg(folder.join("node_modules/@portkey-ai/gateway/build/start-server.js"));
        node.args(["--headless", &format!("--port={port}")]).env("NODE_ENV", "production");
        node
    });
    process.answers("/").await;
    let headers = vec![
        ("authorization", "Bearer sk-bench".to_owned()),
        ("x-portkey-provider", "openai".to_owned()),
        ("x-portkey-custom-host", format!("http://{upstream}/v1")),
    ];
    peer("Portkey 1.15.2", process, headers)
}

async fn litellm(folder: &Path, upstream: SocketAddr) -> Peer {
    let key = format!("sk-{}", Uuid::new_v4().simple());
    let config = format!(
        "model_list:
  - model_name: gpt-4o-mini
    litellm_params: {{ model: openai/gpt-4o-mini, api_base: 'http://{upstream}/v1', api_key: sk-bench }}
litellm_settings: {{ telemetry: false }}
"
    );
    let process = Process::start_with("litellm", ("config.yaml", &config), |port| {
        let mut python = Command::new(folder.join("bin/python"));
        python.arg(folder.join("bin/litellm")).args(["--config", "config.yaml", "--host", "127.0.0.1"]);
        python.args(["--port", &port.to_string(), "--num_workers", "1"]);
        // Without this it fetches its list of prices at each start.
        python.env("LITELLM_LOCAL_MODEL_COST_MAP", "True").env("LITELLM_MASTER_KEY", &key);
        python
    });
    process.answers("/health/liveliness").await;
    peer("LiteLLM 1.109.0", process, vec![("authorization", format!("Bearer {key}"))])
}

fn peer(name: &'static str, process: Process, headers: Vec<(&'static str, String)>) -> Peer {
    let target = Target { url: process.url("/v1/chat/completions"), headers };
    Peer { name, target, process }
}

fn absent(name: &str) {
    println!("{name} is not installed here: `make bench-peers` or `deploy/setup.sh --peers` does it.\n");
}

/// Its folder, if it has exactly what the file of versions says.
fn installed(name: &str, versions: &str) -> Option<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = env::var_os("HOME").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let folder = cache.unwrap_or_else(|| home.join(".cache")).join("clawplane").join(name);
    let wanted = fs::read(recipes().join(versions)).expect("the file of versions");
    fs::read(folder.join(".versions")).is_ok_and(|got| got == wanted).then_some(folder)
}

fn recipes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/peers")
}
