//! The whole proxy between a real client and a fake vendor, over TCP on loopback.

mod abandoned;
mod access;
mod accounting;
mod credentials;
mod endings;
mod fake;
mod fallbacks;
mod half_open;
mod healing;
mod keys;
mod lifecycle;
mod limits;
mod passing;
mod prices;
mod quotas;
mod retries;
mod streams;
mod tls;
mod vendors;

use crate::{
    Deps, Proxy, ProxyConfig,
    connect::VendorClient,
    testing::{ManualClock, TestIds, World, fresh},
    upstream_body::UpstreamBody,
};
use bytes::Bytes;
use clawplane_domain::{BotId, TenantId};
use clawplane_eventstore::{Precedence, Wakeup};
use fake::{Fake, Script};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A proxy that serves, a fake vendor behind it, and one tenant with a bot that holds the token `tok`.
struct Stage {
    world: Arc<World>,
    clock: Arc<ManualClock>,
    vendor: Fake,
    tenant: TenantId,
    bot: BotId,
    address: SocketAddr,
    client: VendorClient,
    proxy: Proxy,
    wakeup: Wakeup,
    cancel: CancellationToken,
    tasks: TaskTracker,
    spool: Option<TempDir>,
}

/// What a client got.
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Got {
    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

async fn start(
    config: ProxyConfig,
    world: &Arc<World>,
    clock: &Arc<ManualClock>,
) -> (Proxy, SocketAddr, Wakeup, CancellationToken, TaskTracker) {
    let (wakeup, cancel, tasks) = (Wakeup::default(), CancellationToken::new(), TaskTracker::new());
    let deps = Deps {
        events: world.clone(),
        sink: world.clone(),
        unsealer: world.clone(),
        totals: world.clone(),
        keys: world.clone(),
        quotas: world.clone(),
        clock: clock.clone(),
        ids: Arc::new(TestIds),
        wakeup: wakeup.clone(),
        precedence: Precedence::default(),
        cancel: cancel.clone(),
        tasks: tasks.clone(),
    };
    let proxy = Proxy::start(config, deps).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (serving, shutdown) = (proxy.clone(), cancel.clone());
    tasks.spawn(async move { serving.serve(listener, shutdown).await });
    (proxy, address, wakeup, cancel, tasks)
}

impl Stage {
    async fn new(script: impl Fn(&fake::Heard) -> Script + Send + Sync + 'static) -> Self {
        Self::with(script, |_| {}).await
    }

    /// With a changed configuration. The vendor is allowed, though it is on loopback.
    async fn with(
        script: impl Fn(&fake::Heard) -> Script + Send + Sync + 'static,
        change: impl FnOnce(&mut ProxyConfig),
    ) -> Self {
        let vendor = Fake::start(script).await;
        let (world, clock) = (Arc::new(World::default()), Arc::new(ManualClock::new("2026-11-20T12:00:00Z")));
        let tenant = TenantId(fresh());
        let bot = world.bot(tenant, "tok", &[], None);
        let spool = tempfile::tempdir().unwrap();
        let mut config = ProxyConfig::new(spool.path());
        config.upstream_allow = vendor.address.to_string().parse().unwrap();
        change(&mut config);
        let (proxy, address, wakeup, cancel, tasks) = start(config, &world, &clock).await;
        let client =
            crate::connect::client(address.to_string().parse().unwrap(), Duration::from_secs(5), &[])
                .unwrap();
        let spool = Some(spool);
        Self { world, clock, vendor, tenant, bot, address, client, proxy, wakeup, cancel, tasks, spool }
    }

    fn base(&self, path: &str) -> String {
        format!("http://{}{path}", self.vendor.address)
    }

    /// A key of the stage's tenant, at the fake vendor.
    async fn key(&self, vendor: &str, path: &str) {
        self.world.key(self.tenant, vendor, "sk-vendor", Some(&self.base(path)));
        self.followed().await;
    }

    /// Waits until the proxy has seen every event.
    async fn followed(&self) {
        let marker = format!("marker-{}", fresh());
        self.world.bot(TenantId(fresh()), &marker, &[], None);
        self.wakeup.ring();
        let seen = async {
            while self.proxy.inner.directory.load().caller(&marker).is_none() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), seen).await.unwrap();
    }

    fn post(&self, path: &str, body: &str) -> http::request::Builder {
        let builder = Request::post(format!("http://{}/api/v1/{path}", self.address));
        builder.header("content-type", "application/json").header("content-length", body.len())
    }

    async fn open(&self, request: Request<UpstreamBody>) -> Response<Incoming> {
        self.client.request(request).await.unwrap()
    }

    async fn send(&self, request: Request<UpstreamBody>) -> Got {
        let (head, body) = self.open(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Got { status: head.status, headers: head.headers, body }
    }

    /// A JSON request with the token as bearer.
    async fn ask(&self, path: &str, body: &str) -> Got {
        let request = self.post(path, body).header("authorization", "Bearer tok");
        self.send(request.body(held(body)).unwrap()).await
    }

    async fn stop(&self) {
        self.cancel.cancel();
        self.tasks.close();
        tokio::time::timeout(Duration::from_secs(5), self.tasks.wait()).await.unwrap();
    }

    fn spool_dir(&self) -> PathBuf {
        self.spool.as_ref().unwrap().path().to_owned()
    }
}

fn held(body: &str) -> UpstreamBody {
    UpstreamBody::held(Bytes::copy_from_slice(body.as_bytes()))
}

const CHAT: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello there"}]}"#;
const CHAT_STREAM: &str = r#"{ "model":"gpt-4o-mini", "stream":true, "messages":[] }"#;
const ANSWER: &str = r#"{"id":"c","model":"gpt-4o-mini-2024-07-18","choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100}}"#;
