//! The API as tests use it: in-process, with fakes for what other crates hand in.

use crate::machine::{Machine, Shared};
use crate::space::FakeSpace;
use crate::support::{CountingIds, FixedClock, TestDatabase, database};
use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Method, Request, StatusCode},
};
use bytes::Bytes;
use clawplane_api::{
    ApiDeps, ApiState, Archive, BackupArchives, EngineGate, FieldError, HealthChecks, HostPorts, KeyVerifier,
    PartHealth, PartStatus, TokenConfig, Tunnels, VendorRules, Verification,
    accounts::{self, NewAccount},
    system::{Diagnosis, Orphan, ServerStatus, System, SystemStatus},
};
use clawplane_domain::{
    Secret, UserId,
    backup::{BackupProfile, Form},
    provider_key::{AddKey, ApiType},
    values::{BaseUrl, VendorId},
};
use clawplane_eventstore::{
    ClaimTable, Executor, JobProgress, MasterKey, Precedence, TokenIssuer, Vault, Wakeup,
};
use clawplane_projections::{Runner, Views};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

const MIN_POSITION: &str = "x-clawplane-min-position";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// The time of `FixedClock` as the API writes it.
pub(crate) const NOON: &str = "2026-03-01T12:00:00Z";

/// What stands in for the other crates.
#[derive(Default)]
pub(crate) struct Fakes {
    /// Why no container can be had, if none can.
    pub(crate) no_engine: Mutex<Option<String>>,
    /// Ports that other programs have.
    pub(crate) taken_ports: Mutex<Vec<u16>>,
    /// How the parts are.
    pub(crate) parts: Mutex<Vec<PartHealth>>,
    /// The bots' machines.
    pub(crate) machine: Machine,
    /// What stands in bots' folders.
    pub(crate) space: FakeSpace,
    /// Whether archives cannot be read.
    pub(crate) no_store: Mutex<bool>,
    /// What the vendors say of keys; without it none can be asked.
    pub(crate) verdict: Mutex<Option<Verification>>,
    /// What belongs to no bot; without it no engine answers.
    pub(crate) orphans: Mutex<Option<Vec<Orphan>>>,
    /// What the doctor finds.
    pub(crate) findings: Mutex<Vec<Diagnosis>>,
}

#[async_trait]
impl System for Fakes {
    async fn status(&self) -> SystemStatus {
        let server = ServerStatus { ok: true, version: Some("15".to_owned()) };
        let (hosts, read_models) = (Vec::new(), Vec::new());
        SystemStatus { version: "1".to_owned(), database: server.clone(), nats: server, hosts, read_models }
    }

    async fn orphans(&self) -> Result<Vec<Orphan>, String> {
        self.orphans.lock().unwrap().clone().ok_or_else(|| "the engine is away".to_owned())
    }

    async fn remove(&self, orphan: &Orphan) -> Result<(), String> {
        if orphan.name == "stuck" {
            return Err("it is in use".to_owned());
        }
        let mut orphans = self.orphans.lock().unwrap();
        orphans.as_mut().unwrap().retain(|one| one.id != orphan.id);
        Ok(())
    }

    async fn examine(&self) -> Result<Vec<Diagnosis>, String> {
        Ok(self.findings.lock().unwrap().clone())
    }
}

#[async_trait]
impl EngineGate for Fakes {
    async fn available(&self) -> Result<(), String> {
        self.no_engine.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

impl HostPorts for Fakes {
    fn is_free(&self, port: u16) -> bool {
        !self.taken_ports.lock().unwrap().contains(&port)
    }
}

#[async_trait]
impl HealthChecks for Fakes {
    async fn parts(&self) -> Vec<PartHealth> {
        self.parts.lock().unwrap().clone()
    }
}

#[async_trait]
impl KeyVerifier for Fakes {
    async fn verify(&self, _: &AddKey) -> Result<Verification, String> {
        self.verdict.lock().unwrap().clone().ok_or_else(|| "nobody can ask".to_owned())
    }
}

#[async_trait]
impl BackupArchives for Fakes {
    async fn open(&self, backup: &BackupProfile, form: Form) -> Result<Archive, String> {
        let text = format!("{form:?} of {}", backup.request.hostname);
        let size = text.len() as u64;
        match *self.no_store.lock().unwrap() {
            true => Err("the store is away".to_owned()),
            false => Ok(Archive { size, stream: stream::iter([Ok(Bytes::from(text))]).boxed() }),
        }
    }
}

impl VendorRules for Fakes {
    fn knows(&self, vendor: &VendorId) -> bool {
        ["openai", "anthropic", "custom"].contains(&vendor.as_str())
    }

    fn shared_formats(&self, from: &VendorId, to: &VendorId) -> Vec<&'static str> {
        match (from.as_str(), to.as_str()) {
            ("anthropic", "openai") => Vec::new(),
            (_, "custom") => vec!["openai", "anthropic"],
            _ => vec!["openai"],
        }
    }

    fn check(&self, _: &VendorId, base_url: Option<&BaseUrl>, _: Option<ApiType>) -> Result<(), FieldError> {
        match base_url.filter(|url| url.as_str().contains("169.254.")) {
            Some(_) => Err(FieldError::new("baseUrl", "must not be a private address")),
            None => Ok(()),
        }
    }
}

pub(crate) struct App {
    pub(crate) deps: ApiDeps,
    pub(crate) fakes: Arc<Fakes>,
    pub(crate) clock: FixedClock,
    pub(crate) pool: sqlx::PgPool,
    pub(crate) wakeup: Wakeup,
    pub(crate) shutdown: CancellationToken,
    pub(crate) router: Router,
    /// The position of the last command, which every read asks for unless it says otherwise: a test must not hang on
    /// how fast the machine is.
    last: Arc<Mutex<Option<String>>>,
    _database: TestDatabase,
}

impl Drop for App {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl App {
    /// With the projections running and one user, `ada@example.com`, who administers the installation.
    pub(crate) async fn start() -> Self {
        let app = Self::without_projections().await;
        Runner::start(
            app.pool.clone(),
            app.wakeup.clone(),
            Precedence::default(),
            app.shutdown.clone(),
            &TaskTracker::new(),
        );
        app.register("ada@example.com", true).await;
        app
    }

    /// With nobody in it.
    pub(crate) async fn without_projections() -> Self {
        let database = database().await;
        let pool = database.pool.clone();
        clawplane_projections::migrate(&pool).await.unwrap();
        let (clock, ids) = (FixedClock::default(), Arc::new(CountingIds::default()));
        let fakes = Arc::new(Fakes::default());
        let wakeup = Wakeup::default();
        let executor = Executor::new(pool.clone(), wakeup.clone());
        let vault = Vault::new(pool.clone(), MasterKey::new([7; 32]), ids.clone());
        let issuer = TokenIssuer::new(executor.clone(), vault.clone(), Some(Duration::from_hours(1)));
        let shutdown = CancellationToken::new();
        let deps = ApiDeps {
            executor,
            claims: ClaimTable::new(pool.clone()),
            vault,
            views: Views::new(pool.clone()),
            clock: Arc::new(clock.clone()),
            ids,
            tokens: TokenConfig::new(Secret::new("a signing secret of at least 32 bytes".to_owned())),
            issuer,
            port_start: 9200,
            default_image: "ghcr.io/openclaw/openclaw:latest".parse().unwrap(),
            archives: fakes.clone(),
            progress: JobProgress::new(pool.clone()),
            vendors: fakes.clone(),
            verifier: fakes.clone(),
            ports: fakes.clone(),
            engine: fakes.clone(),
            machines: Arc::new(Shared(fakes.clone())),
            ingress: Some("https://bots.example.com".parse().unwrap()),
            tunnels: Tunnels::new(TaskTracker::new(), shutdown.clone()),
            system: fakes.clone(),
            space: fakes.clone(),
            health: fakes.clone(),
            proxy: None,
            metrics: None,
        };
        let router = clawplane_api::router(ApiState::new(deps.clone()));
        Self { deps, fakes, clock, pool, wakeup, shutdown, router, last: Arc::default(), _database: database }
    }

    /// Another person with a tenant.
    pub(crate) async fn register(&self, email: &str, administrator: bool) -> UserId {
        let new = NewAccount {
            email: email.parse().unwrap(),
            password: Secret::new(PASSWORD.to_owned()),
            name: "Ada".parse().unwrap(),
            administrator,
        };
        let deps = &self.deps;
        let clock = deps.clock.as_ref();
        accounts::register(&deps.executor, &deps.claims, clock, deps.ids.as_ref(), new).await.unwrap()
    }

    /// Signs in with the password of all tests.
    pub(crate) async fn sign_in(&self, email: &str) -> Session {
        let body = json!({"email": email, "password": PASSWORD});
        let reply = self.post("/api/auth/login").json(&body).send().await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        let text = |field: &str| reply.body[field].as_str().unwrap().to_owned();
        Session { access: text("accessToken"), refresh: text("refreshToken") }
    }

    /// Signs in as the one user of [`App::start`].
    pub(crate) async fn ada(&self) -> Session {
        self.sign_in("ada@example.com").await
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        let peer = ConnectInfo::<SocketAddr>(([192, 0, 2, 7], 5000).into());
        let request = Request::builder().method(method).uri(path).extension(peer);
        Call {
            router: self.router.clone(),
            request,
            body: Body::empty(),
            last: self.last.clone(),
            plain: false,
        }
    }
    pub(crate) fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }
    pub(crate) fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }
    pub(crate) fn put(&self, path: &str) -> Call {
        self.call(Method::PUT, path)
    }
    pub(crate) fn patch(&self, path: &str) -> Call {
        self.call(Method::PATCH, path)
    }
    pub(crate) fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    /// Makes a bot with this hostname and nothing else said.
    pub(crate) async fn create_bot(&self, session: &Session, hostname: &str) -> Reply {
        let reply = self.post("/api/bot").as_(session).json(&json!({"hostname": hostname})).send().await;
        assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
        reply
    }

    /// Serves it on a port, for what takes a real connection.
    pub(crate) async fn serve(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = self.router.clone().into_make_service_with_connect_info::<SocketAddr>();
        let over = self.shutdown.clone().cancelled_owned();
        tokio::spawn(async move { axum::serve(listener, service).with_graceful_shutdown(over).await });
        address
    }

    /// How many events of a name there are.
    pub(crate) async fn events(&self, event_type: &str) -> i64 {
        let count = sqlx::query_scalar("SELECT count(*) FROM events WHERE event_type = $1");
        count.bind(event_type).fetch_one(&self.pool).await.unwrap()
    }

    /// How many data keys the vault holds.
    pub(crate) async fn data_keys(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM data_keys").fetch_one(&self.pool).await.unwrap()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

pub(crate) struct Call {
    router: Router,
    request: axum::http::request::Builder,
    body: Body,
    last: Arc<Mutex<Option<String>>>,
    plain: bool,
}

impl Call {
    pub(crate) fn as_(self, session: &Session) -> Self {
        self.header("authorization", &format!("Bearer {}", session.access))
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn peer(mut self, peer: [u8; 4]) -> Self {
        self.request = self.request.extension(ConnectInfo::<SocketAddr>((peer, 5000).into()));
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text(&body.to_string())
    }

    pub(crate) fn text(mut self, body: &str) -> Self {
        self.body = Body::from(body.to_owned());
        self.header("content-type", "application/json")
    }

    /// Sends it to another process.
    pub(crate) fn set_router(&mut self, router: Router) {
        self.router = router;
    }

    /// Without asking for a position.
    pub(crate) fn plain(mut self) -> Self {
        self.plain = true;
        self
    }

    /// The body of an answer that must be a success, as it comes.
    pub(crate) async fn stream(self) -> axum::body::BodyDataStream {
        let response = self.router.oneshot(self.request.body(self.body).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body().into_data_stream()
    }

    pub(crate) async fn send(mut self) -> Reply {
        let last = self.last.lock().unwrap().clone().filter(|_| !self.plain);
        if let Some(last) = last
            && self.request.headers_ref().is_some_and(|headers| !headers.contains_key(MIN_POSITION))
        {
            self.request = self.request.header(MIN_POSITION, last);
        }
        let request = self.request.body(self.body).unwrap();
        let response = self.router.oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        if let Some(position) = headers.get("x-clawplane-position") {
            *self.last.lock().unwrap() = Some(position.to_str().unwrap().to_owned());
        }
        let text = to_bytes(response.into_body(), 10_000_000).await.unwrap();
        let body = serde_json::from_slice(&text).unwrap_or(Value::Null);
        let text = String::from_utf8(text.to_vec()).unwrap();
        Reply { status, headers, body, text }
    }
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// `null` when it is not JSON.
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Reply {
    /// Status and the fields that the problem is about.
    pub(crate) fn problem(&self) -> (u16, Vec<&str>) {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text);
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        (self.status.as_u16(), errors.iter().map(|error| error["field"].as_str().unwrap()).collect())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// A part of the platform.
pub(crate) fn part(name: &str, status: PartStatus, detail: Option<&str>) -> PartHealth {
    PartHealth { name: name.to_owned(), status, detail: detail.map(str::to_owned) }
}
