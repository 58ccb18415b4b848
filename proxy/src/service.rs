//! The proxy as its users see it: started once, then handed requests.

mod admit;
mod answer;
mod attempts;
mod fallbacks;
mod find;
mod keys;

use crate::{
    ProxyConfig, StartError, access,
    body::ProxyBody,
    config::Timeouts,
    connect::{self, VendorClient},
    directory::{self, Caller, Directory, Follower},
    flight::{Arrival, BYTES_A_TOKEN, Flight, Recorder},
    forward,
    headers::REQUEST_ID,
    intake::{self, Budget},
    key_reports::{self, KeyDesk},
    key_states, observe,
    ports::{BoxError, EventSource, KeyReports, QuotaDesk, Unsealer, UsageSink, UsageTotals},
    price::{Book, PriceList, Prices},
    quota::{self, Amount, Keeper, Kicks},
    refusal::Refusal,
    spool::{self, Claimed, Spool},
    telemetry::{self, RequestMetrics},
    uploader::Uploader,
    vendors::Format,
};
use admit::Admitted;
use arc_swap::ArcSwap;
use attempts::Message;
use bytes::Bytes;
use clawplane_domain::{
    RequestId,
    clock::{Clock, Ids},
    provider_key::OnDisconnect,
};
use clawplane_eventstore::{Position, Precedence, Wakeup};
use http::{HeaderValue, Request, Response, request::Parts};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Output that is reserved for a request that does not limit it, and the most that is, in tokens. Reserving what a
/// request may use at most would let a mostly unused quota refuse everybody.
const OUTPUT_RESERVED: u64 = 512;
const OUTPUT_RESERVED_MAX: u64 = 1024;

/// Requests that are cut off at the end of the drain get this long to be recorded.
const CUT: Duration = Duration::from_millis(300);

/// What the proxy works with.
#[derive(Clone)]
pub struct Deps {
    /// The feed.
    pub events: Arc<dyn EventSource>,
    /// Where usage goes.
    pub sink: Arc<dyn UsageSink>,
    /// Opens provider keys.
    pub unsealer: Arc<dyn Unsealer>,
    /// What was used before the start.
    pub totals: Arc<dyn UsageTotals>,
    /// Where news of provider keys go.
    pub keys: Arc<dyn KeyReports>,
    /// Where quotas are shared with other proxies.
    pub quotas: Arc<dyn QuotaDesk>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Request ids and the proxy's own.
    pub ids: Arc<dyn Ids>,
    /// Rung when there are new events.
    pub wakeup: Wakeup,
    /// What the upload of usage gives way to.
    pub precedence: Precedence,
    /// The shutdown signal.
    pub cancel: CancellationToken,
    /// Where the proxy's tasks are tracked.
    pub tasks: TaskTracker,
}

/// The proxy. Clones share everything.
#[derive(Clone)]
pub struct Proxy {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: ProxyConfig,
    directory: Arc<ArcSwap<Directory>>,
    reached: watch::Receiver<Position>,
    client: VendorClient,
    recorder: Arc<Recorder>,
    ids: Arc<dyn Ids>,
    flights: TaskTracker,
    /// Cancelled when what is in flight at a stop may go on no longer.
    cut: CancellationToken,
    budget: Budget,
    desk: KeyDesk,
    kicks: Kicks,
}

/// A refusal in the form of a request's vendor.
type Refused = (Refusal, Format);

impl Proxy {
    /// Recovers the spool, reads the events to their head and starts the tasks. When this returns, requests can
    /// be handled; the tasks end within 5 s of `deps.cancel`.
    pub async fn start(config: ProxyConfig, deps: Deps) -> Result<Self, StartError> {
        let cancel = deps.cancel.clone();
        tokio::select! {
            started = Self::start_now(config, deps) => started,
            () = cancel.cancelled() => Err(StartError::Stopped),
        }
    }

    async fn start_now(config: ProxyConfig, deps: Deps) -> Result<Self, StartError> {
        let Deps {
            events,
            sink,
            unsealer,
            totals,
            keys,
            quotas,
            clock,
            ids,
            wakeup,
            precedence,
            cancel,
            tasks,
        } = deps;
        let bell = wakeup.listen();
        let list = PriceList::load();
        let claimed = Claimed::take(&config.spool_dir)?;
        let prices = Prices::new(list, Arc::new(directory::read_prices(events.as_ref()).await?));
        spool::recover(&claimed, sink.as_ref(), &|record| prices.put(record, None, None)).await?;
        let limits = spool::Limits {
            segment_bytes: config.spool_segment_bytes,
            max_bytes: config.spool_max_bytes,
            durability: config.spool_durability,
        };
        let spool = Arc::new(Spool::open(claimed, limits, clock.as_ref(), ids.as_ref())?);
        let directory = Arc::new(ArcSwap::default());
        let stream = spool.stream().to_owned();
        let (desk, reporter) = key_reports::open(keys, &stream);
        let (keeper, kicks) = Keeper::new(quotas, Arc::clone(&clock), Arc::clone(&directory), stream.clone());
        let (known, time) = (Arc::clone(&directory), Arc::clone(&clock));
        let mut follower = Follower::new(events, unsealer, known, stream, totals, time);
        follower.catch_up().await?;
        let reached = follower.reached();
        let client =
            connect::client(config.upstream_allow.clone(), config.timeouts.connect, &config.extra_roots.0)?;
        let (flights, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(follower.run(bell, cancel.clone()));
        tasks.spawn(Arc::clone(&spool).sync_loop(stop.clone()));
        tasks.spawn(reporter.run(stop.clone()));
        let uploader = Uploader::new(Arc::clone(&spool), sink, Arc::clone(&clock), precedence);
        tasks.spawn(uploader.run(stop.clone()));
        tasks.spawn(keeper.run(stop.clone()));
        tasks.spawn(key_states::run(Arc::clone(&directory), Arc::clone(&clock), stop.clone()));
        let cut = CancellationToken::new();
        tasks.spawn(drain(flights.clone(), config.drain, cancel, cut.clone(), stop));
        telemetry::describe();
        let observer = config.observer.clone();
        let recorder =
            Arc::new(Recorder { spool, prices: list, clock, observer, metrics: RequestMetrics::new() });
        let budget = Budget::new(config.max_buffered);
        let inner =
            Inner { config, directory, reached, client, recorder, ids, flights, cut, budget, desk, kicks };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Handles one request to `/api/v1/{vendor}/{*path}`, whoever's HTTP server it came through.
    ///
    /// The whole path is read from the URI, so mount it as a route, not nested. Dropping the future, or the body of the
    /// response, cancels the request at the vendor and records what was used.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<ProxyBody>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let id = RequestId(self.inner.ids.uuid());
        let arrival = Arrival { id, at: self.inner.recorder.clock.now(), start: Instant::now() };
        let (parts, body) = request.into_parts();
        let mut response = match self.inner.process(parts, body, arrival).await {
            Ok(response) => response,
            Err((refusal, format)) => refusal.response(format).map(ProxyBody::own),
        };
        if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }

    /// Waits until what happened up to `position` counts here: tokens, keys, quotas, prices. False after `at_most`.
    pub async fn caught_up(&self, position: Position, at_most: Duration) -> bool {
        let mut reached = self.inner.reached.clone();
        let waiting = reached.wait_for(|reached| *reached >= position);
        tokio::time::timeout(at_most, waiting).await.is_ok_and(|reached| reached.is_ok())
    }

    pub(crate) fn config(&self) -> &ProxyConfig {
        &self.inner.config
    }
}

/// Records the intent: nothing goes upstream without.
async fn begin(mut admitted: Box<Admitted>, input: u64) -> Result<Box<Admitted>, Refused> {
    let key = admitted.key.id;
    match admitted.flight.send(key, input).await {
        Ok(()) => Ok(admitted),
        Err(error) => {
            tracing::error!(%error, "a request is refused because its usage cannot be recorded");
            Err(admitted.refuse(Refusal::spool()))
        }
    }
}

/// Stops the uploader when nothing is in flight any more, or after `drain`.
async fn drain(
    flights: TaskTracker,
    drain: Duration,
    cancel: CancellationToken,
    cut: CancellationToken,
    stop: CancellationToken,
) {
    cancel.cancelled().await;
    flights.close();
    let in_time = tokio::time::timeout(drain, flights.wait()).await.is_ok();
    cut.cancel();
    if !in_time && tokio::time::timeout(CUT, flights.wait()).await.is_err() {
        tracing::warn!(left = flights.len(), "requests are still in flight at the end");
    }
    stop.cancel();
}

impl Inner {
    async fn process<B>(
        self: &Arc<Self>,
        mut parts: Parts,
        body: B,
        arrival: Arrival,
    ) -> Result<Response<ProxyBody>, Refused>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let Timeouts { body: body_time, total, .. } = self.config.timeouts;
        let deadline = arrival.start + total;
        let mut admitted = self.admit(&parts, arrival)?;
        let mut share = self.budget.share();
        let limits = intake::Limits { bytes: self.config.max_body, time: body_time };
        let mut taken = match intake::take(&parts, body, limits, &mut share).await {
            Ok(taken) => taken,
            Err(refusal) => return Err(admitted.refuse(refusal)),
        };
        let mut asked = std::mem::take(&mut taken.asked);
        // As the client wrote it: stand-ins are judged on their own.
        if let Err(refusal) = access::check(&admitted.caller.access, &parts, taken.held()) {
            return Err(admitted.refuse(refusal));
        }
        let mut way = admitted.way(&parts, &taken, &asked);
        if let Err(refusal) = self.begin_elsewhere(&mut admitted, &way, &mut parts, &mut taken, &mut asked) {
            return Err(admitted.refuse(refusal));
        }
        way.injected = admitted.wants_usage(asked.stream, asked.include_usage) && taken.ask_for_usage();
        admitted.asked(&parts, asked.model, asked.stream);
        let input = taken.length.div_ceil(BYTES_A_TOKEN);
        let admitted = self.reserve(admitted, &arrival, input, asked.max_output).await?;
        let admitted = begin(admitted, input).await?;
        let format = admitted.route.format;
        let message = Message::new(parts, taken, way, self.may_repeat(&admitted));
        if admitted.key.on_disconnect == OnDisconnect::Cancel {
            return self.carry(admitted, message, deadline).await;
        }
        let inner = Arc::clone(self);
        let going = Box::pin(async move { inner.carry(admitted, message, deadline).await });
        forward::outlive(self.cut.clone(), going).await.unwrap_or_else(|| Err((Refusal::stopping(), format)))
    }

    async fn reserve(
        &self,
        mut admitted: Box<Admitted>,
        arrival: &Arrival,
        input: u64,
        max_output: Option<u64>,
    ) -> Result<Box<Admitted>, Refused> {
        let output = max_output.unwrap_or(OUTPUT_RESERVED).min(OUTPUT_RESERVED_MAX);
        let mut estimate = Amount::default();
        if admitted.generative {
            estimate.tokens = input.saturating_add(output);
            admitted.expected = (input, output);
            match admitted.estimated_cost((input, output), arrival.at) {
                Ok(cost) => estimate.cost_micros = cost,
                Err(refusal) => return Err(admitted.refuse(refusal)),
            }
        }
        let caller = Arc::clone(&admitted.caller);
        let (bot, tenant) = (&caller.ledger, &caller.tenant_ledger);
        match quota::reserve(bot, tenant, arrival.at, estimate, &self.kicks).await {
            Ok((reservation, rates)) => {
                admitted.flight.reserved(reservation);
                admitted.rates = rates;
                Ok(admitted)
            }
            Err(refused) => Err(admitted.refuse(Refusal::quota(&refused))),
        }
    }

    fn flight(
        &self,
        arrival: Arrival,
        (caller, book): (&Caller, &Arc<Book>),
        vendor: &str,
    ) -> Option<Flight> {
        // What is no vendor's id is still a request of the bot's.
        let vendor = vendor.parse().or_else(|_| "unknown".parse()).ok()?;
        Some(Flight::new(
            Arc::clone(&self.recorder),
            arrival,
            caller,
            Arc::clone(book),
            vendor,
            self.flights.token(),
        ))
    }

    fn unauthenticated(arrival: &Arrival, refusal: Refusal, format: Format) -> Refused {
        telemetry::unauthenticated();
        observe::access_refused(arrival, &refusal);
        (refusal, format)
    }
}

#[cfg(test)]
mod tests;
