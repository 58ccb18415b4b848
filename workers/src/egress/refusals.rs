//! Tells of destinations that were refused: each to the log and the metrics, the first of an hour as an event.

use super::{Denied, Whose};
use async_trait::async_trait;
use clawplane_domain::{BotId, bot::RefusedEgress};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

/// The same destination of the same bot is an event once in this time.
const AGAIN: Duration = Duration::from_hours(1);
/// Destinations of one bot that are events in that time: it can make up as many as it likes.
const OF_A_BOT: usize = 16;
/// Bots that are remembered.
const BOTS: usize = 10_000;
/// Reports that wait; more of them are only logged.
const QUEUE: usize = 256;

/// Where refusals become events.
#[async_trait]
pub trait Reports: Send + Sync + 'static {
    /// A bot wanted to go where it may not.
    async fn refused(&self, whose: Whose, refused: RefusedEgress);
}

/// Takes refusals.
#[derive(Clone, Debug)]
pub struct Refusals {
    told: Arc<Mutex<Told>>,
    queue: mpsc::Sender<(Whose, RefusedEgress)>,
}

/// A host as it was asked for, and a port.
type Place = (String, u16);
/// What was told of each bot, and when.
type Told = HashMap<BotId, Vec<(Place, Instant)>>;

impl Refusals {
    /// With the task that reports them, until `shutdown`.
    pub fn start(reports: Arc<dyn Reports>, shutdown: CancellationToken) -> (Self, impl Future<Output = ()>) {
        let (queue, mut waiting) = mpsc::channel::<(Whose, RefusedEgress)>(QUEUE);
        let task = async move {
            loop {
                tokio::select! {
                    next = waiting.recv() => match next {
                        Some((whose, refused)) => reports.refused(whose, refused).await,
                        None => return,
                    },
                    () = shutdown.cancelled() => return,
                }
            }
        };
        (Self { told: Arc::default(), queue }, task)
    }

    /// A bot wanted to go there.
    pub(super) fn note(&self, whose: Whose, host: &str, port: u16, why: Denied) {
        metrics::counter!("clawplane_egress_refused_total", "why" => why.code()).increment(1);
        let host: String = host.chars().filter(|c| !c.is_control()).take(253).collect();
        if !self.is_news(whose.bot, &host, port) {
            tracing::debug!(bot = %whose.bot, %host, port, why = why.code(), "a bot asked again for a place that it may not go to");
            return;
        }
        tracing::warn!(bot = %whose.bot, tenant = %whose.tenant, %host, port, why = why.code(), "a bot asked for a place that it may not go to");
        let _ = self.queue.try_send((whose, RefusedEgress { host, port, why: why.code().to_owned() }));
    }

    fn is_news(&self, bot: BotId, host: &str, port: u16) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= BOTS && !told.contains_key(&bot) {
            told.retain(|_, places| places.iter().any(|(_, at)| at.elapsed() < AGAIN));
            if told.len() >= BOTS {
                return false;
            }
        }
        let places = told.entry(bot).or_default();
        places.retain(|(_, at)| at.elapsed() < AGAIN);
        if places.len() >= OF_A_BOT || places.iter().any(|((known, at), _)| known == host && *at == port) {
            return false;
        }
        places.push(((host.to_owned(), port), Instant::now()));
        true
    }
}
