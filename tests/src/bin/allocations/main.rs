//! What a proxied request allocates: the proxy alone, on a thread of its own, which is the only one that is counted.
//!
//! On other threads are its clients, its vendor and what runs in the background of the platform too: following the feed,
//! syncing and uploading the spool, writing the log. Spool, log lines and metrics are the real ones; the database is not there.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a benchmark for people")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod doubles;
mod load;

use allocation_counter::{AllocationInfo, measure};
use clawplane_cli::source::{SystemClock, SystemIds};
use clawplane_eventstore::{Precedence, Wakeup};
use clawplane_proxy::{Deps, Proxy, ProxyConfig};
use doubles::World;
use load::Client;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::{
    future::Future,
    io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, mpsc},
};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    sync::oneshot,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const WARM_UP: u64 = 1000;
const REQUESTS: u64 = 10_000;
/// Streams of few and of many chunks: the difference is what chunks cost.
const STREAMS: u64 = 100;
const FEW: u64 = 10;
const MANY: u64 = 210;

fn main() {
    let around = Runtime::new().expect("threads");
    let (lines, _log) = tracing_appender::non_blocking(io::sink());
    tracing_subscriber::fmt().with_writer(lines).with_ansi(false).init();
    PrometheusBuilder::new().install_recorder().expect("a recorder");
    let spool = tempfile::tempdir().expect("a folder");
    let vendor = around.block_on(load::vendor());
    let world = Arc::new(World::new(vendor));
    // As in the platform, its tasks belong to the background and only requests to the thread that is counted.
    let proxy = around.block_on(start(spool.path(), vendor, &world));
    let (laps, to_run) = mpsc::channel();
    let (bound, address) = oneshot::channel();
    std::thread::spawn(move || data_path(&proxy, bound, &to_run));
    let client = Client::new(address.blocking_recv().expect("an address"));
    let counted = |run: &dyn Fn()| {
        let (ended, end) = oneshot::channel::<()>();
        let (report, result) = oneshot::channel();
        laps.send(Lap { end, report }).expect("it runs");
        run();
        drop(ended);
        result.blocking_recv().expect("a result")
    };
    let requests = |n| around.block_on(client.requests(n));
    let streams = |chunks| around.block_on(client.streams(STREAMS, chunks));

    counted(&|| requests(WARM_UP));
    let request = Cost::of(counted(&|| requests(REQUESTS))).each(REQUESTS);
    counted(&|| streams(FEW));
    let few = Cost::of(counted(&|| streams(FEW))).each(STREAMS);
    let many = Cost::of(counted(&|| streams(MANY))).each(STREAMS);
    let chunk = many.less(few).each(MANY - FEW);
    let rest = few.less(chunk.times(FEW));
    around.block_on(world.has_recorded(WARM_UP + REQUESTS + 3 * STREAMS));

    println!("\n| what the proxy allocates | allocations | bytes |\n|---|---|---|");
    println!("| a JSON request and its answer | {:.2} | {:.0} |", request.count, request.bytes);
    println!("| a chunk of a stream | {:.2} | {:.0} |", chunk.count, chunk.bytes);
    println!("| a stream without its chunks | {:.2} | {:.0} |", rest.count, rest.bytes);
}

/// What is counted from when it is sent until its `end`.
struct Lap {
    end: oneshot::Receiver<()>,
    report: oneshot::Sender<AllocationInfo>,
}

/// Serves on this thread, for as long as somebody wants laps counted.
fn data_path(proxy: &Proxy, bound: oneshot::Sender<SocketAddr>, laps: &mpsc::Receiver<Lap>) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    bound.send(listener.local_addr().expect("an address")).expect("somebody waits");
    let serving = proxy.clone();
    runtime.spawn(async move { serving.serve(listener, CancellationToken::new()).await });
    while let Ok(Lap { end, report }) = laps.recv() {
        let counted = measure(|| run(&runtime, end));
        report.send(counted).expect("somebody waits");
    }
}

fn run(runtime: &Runtime, until: impl Future) {
    runtime.block_on(until);
}

async fn start(spool: &Path, vendor: SocketAddr, world: &Arc<World>) -> Proxy {
    let mut config = ProxyConfig::new(spool);
    config.upstream_allow = vendor.to_string().parse().expect("an address");
    let deps = Deps {
        events: world.clone(),
        sink: world.clone(),
        unsealer: world.clone(),
        totals: world.clone(),
        keys: world.clone(),
        quotas: world.clone(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        wakeup: Wakeup::default(),
        precedence: Precedence::default(),
        cancel: CancellationToken::new(),
        tasks: TaskTracker::new(),
    };
    Proxy::start(config, deps).await.expect("a proxy")
}

/// Allocations and their bytes. A buffer that grows counts once more, with all of its new size.
#[derive(Clone, Copy)]
struct Cost {
    count: f64,
    bytes: f64,
}

impl Cost {
    fn of(info: AllocationInfo) -> Self {
        Self { count: info.count_total as f64, bytes: info.bytes_total as f64 }
    }
    fn each(self, of: u64) -> Self {
        Self { count: self.count / of as f64, bytes: self.bytes / of as f64 }
    }
    fn times(self, n: u64) -> Self {
        Self { count: self.count * n as f64, bytes: self.bytes * n as f64 }
    }
    fn less(self, other: Self) -> Self {
        Self { count: self.count - other.count, bytes: self.bytes - other.bytes }
    }
}
