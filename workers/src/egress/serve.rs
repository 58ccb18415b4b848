//! One connection of a bot: `CONNECT host:port`, or a request with the whole URL in its first line (RFC 9112, 3.2.2).

use super::{
    Denied, Rules, Web, Whose,
    activity::{Active, Activity},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    body::Incoming,
    client::conn::http1 as client,
    server::conn::http1 as server,
    service::service_fn,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    io::copy_bidirectional,
    net::TcpStream,
    sync::{OwnedSemaphorePermit, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Longest wait for a request's head.
const HEAD: Duration = Duration::from_secs(30);
/// Largest head.
const HEAD_BYTES: usize = 64 * 1024;
/// A way that nothing goes through for so long is closed.
const IDLE: Duration = Duration::from_mins(5);
/// What is between two neighbours and not for the far end (RFC 9110, 7.6.1).
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

type Body = BoxBody<Bytes, hyper::Error>;

/// What a connection is served with.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) whose: Whose,
    pub(super) rules: watch::Receiver<Rules>,
    pub(super) web: Web,
    pub(super) closed: CancellationToken,
    pub(super) tracker: TaskTracker,
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    host: String,
    port: u16,
}

impl Served {
    pub(super) async fn connection(self, stream: TcpStream, place: Arc<OwnedSemaphorePermit>) {
        let service = service_fn(|request| {
            let (served, place) = (self.clone(), Arc::clone(&place));
            async move { Ok::<_, Infallible>(served.answer(request, place).await) }
        });
        let mut http = server::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(HEAD_BYTES)
            .auto_date_header(false);
        // Simple clients close their side once they have asked.
        http.half_close(true);
        let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
        if let Err(error) = connection.await {
            tracing::debug!(bot = %self.whose.bot, %error, "a bot's connection to the web ended");
        }
    }

    async fn answer(&self, request: Request<Incoming>, place: Arc<OwnedSemaphorePermit>) -> Response<Body> {
        let Some(target) = Target::of(&request) else {
            return say(
                StatusCode::BAD_REQUEST,
                "this is a forward proxy: send CONNECT host:port, or a request for an http:// URL",
            );
        };
        let rules = Arc::clone(&self.rules.borrow());
        let stream = match self.web.guard.connect(&rules, &target.host, target.port).await {
            Ok(stream) => stream,
            Err(why) => return self.denied(&target, why),
        };
        metrics::counter!("clawplane_egress_connections_total").increment(1);
        let activity = Activity::default();
        let upstream = Active { stream, activity: activity.clone() };
        if request.method() == Method::CONNECT {
            let upgrade = hyper::upgrade::on(request);
            let served = self.clone();
            self.tracker.spawn(async move {
                let _place = place;
                let tunnel = tunnel(upgrade, upstream);
                served.while_allowed(&target, &activity, tunnel).await;
            });
            return Response::new(Full::default().map_err(|never| match never {}).boxed());
        }
        self.forward(request, target, upstream, activity, place).await
    }

    async fn forward(
        &self,
        request: Request<Incoming>,
        target: Target,
        upstream: Active<TcpStream>,
        activity: Activity,
        place: Arc<OwnedSemaphorePermit>,
    ) -> Response<Body> {
        let unreachable = || say(StatusCode::BAD_GATEWAY, "the place does not answer");
        let Some(request) = as_origin(request) else {
            return say(StatusCode::BAD_REQUEST, "the URL cannot be read");
        };
        let Ok((mut sender, connection)) = client::handshake(TokioIo::new(upstream)).await else {
            return unreachable();
        };
        let served = self.clone();
        self.tracker.spawn(async move {
            let _place = place;
            served.while_allowed(&target, &activity, async { drop(connection.await) }).await;
        });
        match sender.send_request(request).await {
            Ok(mut response) => {
                strip(response.headers_mut());
                *response.version_mut() = http::Version::HTTP_11;
                response.map(BodyExt::boxed)
            }
            Err(error) => {
                tracing::debug!(bot = %self.whose.bot, %error, "a place on the web does not answer");
                unreachable()
            }
        }
    }

    /// Goes on until it is over, or must not be any more.
    async fn while_allowed(&self, target: &Target, activity: &Activity, way: impl Future<Output = ()>) {
        let mut rules = self.rules.clone();
        let gone = rules.wait_for(|rules| !rules.iter().any(|rule| rule.allows(&target.host, target.port)));
        tokio::select! {
            () = way => {}
            _ = gone => tracing::info!(bot = %self.whose.bot, host = %target.host, "a bot's way to a place was cut: its list has changed"),
            () = activity.idle(IDLE) => {}
            () = self.closed.cancelled() => {}
        }
    }

    fn denied(&self, target: &Target, why: Denied) -> Response<Body> {
        if why.is_refusal() {
            self.web.refusals.note(self.whose, &target.host, target.port, why);
        }
        let status = if why.is_refusal() { StatusCode::FORBIDDEN } else { StatusCode::BAD_GATEWAY };
        say(status, &format!("{}:{} is {why}", target.host, target.port))
    }
}

impl Target {
    fn of(request: &Request<Incoming>) -> Option<Self> {
        let uri = request.uri();
        let authority = uri.authority()?;
        // `user@host` has no place in a request, and is a way to show one host and mean another.
        if authority.as_str().contains('@') {
            return None;
        }
        let port = match (request.method() == Method::CONNECT, uri.scheme_str(), authority.port_u16()) {
            (true, None, Some(port)) | (false, Some("http"), Some(port)) => port,
            // A port that is none makes no other one.
            (false, Some("http"), None) if authority.as_str() == authority.host() => 80,
            _ => return None,
        };
        Some(Self { host: authority.host().to_owned(), port })
    }
}

/// The request as the place itself takes it. Its host is the URL's, whatever the bot says beside that.
fn as_origin(mut request: Request<Incoming>) -> Option<Request<Incoming>> {
    let authority = request.uri().authority()?.as_str().to_owned();
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
    *request.uri_mut() = path.parse::<Uri>().ok()?;
    strip(request.headers_mut());
    request.headers_mut().insert(header::HOST, HeaderValue::from_str(&authority).ok()?);
    *request.version_mut() = http::Version::HTTP_11;
    Some(request)
}

/// Takes out what is not for the far end, and what `Connection` names.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

async fn tunnel(upgrade: OnUpgrade, mut upstream: Active<TcpStream>) {
    let Ok(upgraded): Result<Upgraded, _> = upgrade.await else { return };
    let mut down = TokioIo::new(upgraded);
    // Either side may hang up at any time.
    let _ = copy_bidirectional(&mut down, &mut upstream).await;
}

fn say(status: StatusCode, text: &str) -> Response<Body> {
    let body = Full::new(Bytes::from(format!("{text}\n"))).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
