//! The executor: a command in, events out, once.
//!
//! It adds to cqrs-es what a service needs: retries when several write to one stream, idempotency keys, metadata, the
//! position of what was written, and a task of its own for each command, so that a client that goes away cannot cut
//! it between the decision and the commit.

use crate::{
    ExecuteError, Position, StoreError, Wakeup,
    append::{Alongside, Appended, Repository, UsedKey, record_empty},
};
use clawplane_domain::{Aggregate, Metadata, claim::Claims};
use cqrs_es::{
    AggregateContext, AggregateError, EventStore,
    event_sink::EventSink,
    persist::{PersistedEventRepository, PersistedEventStore},
};
use rand::RngExt;
use sqlx::PgPool;
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// Tries before a command on a crowded stream is given up.
const TRIES: u32 = 40;
/// Longest wait between two tries.
const LONGEST_PAUSE_MS: u64 = 50;

/// A client's promise that two commands with one key are the same command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The key, unique within the tenant; at most 255 bytes.
    pub key: String,
    /// A digest of the command, so that the key cannot be used for another one.
    pub fingerprint: String,
}

/// What goes with a command.
#[derive(Clone, Debug)]
pub struct Context {
    /// Becomes the metadata of every event.
    pub metadata: Metadata,
    /// The client's promise, where it made one.
    pub idempotency: Option<Idempotency>,
}

impl From<Metadata> for Context {
    fn from(metadata: Metadata) -> Self {
        Self { metadata, idempotency: None }
    }
}

/// What a command led to.
#[derive(Clone, Debug)]
pub struct Committed<E> {
    /// The stream that it went to: with an idempotency key, that of the first time.
    pub aggregate_id: String,
    /// Its events; none when there was nothing to change.
    pub events: Vec<E>,
    /// Where the last of them stands in the feed.
    pub position: Option<Position>,
    /// The key was known: nothing was done this time.
    pub replayed: bool,
}

/// Takes commands for every aggregate.
#[derive(Clone, Debug)]
pub struct Executor {
    pool: PgPool,
    wakeup: Wakeup,
    running: TaskTracker,
}

impl Executor {
    /// Over the event database; rings `wakeup` after each commit.
    pub fn new(pool: PgPool, wakeup: Wakeup) -> Self {
        Self { pool, wakeup, running: TaskTracker::new() }
    }

    /// Waits until every command that was taken has ended. To be called once no more come in.
    pub async fn drained(&self) {
        self.running.close();
        self.running.wait().await;
    }

    /// The present state of an aggregate, folded from its events; its default where there are none.
    pub async fn load<A>(&self, id: &str) -> Result<A, StoreError>
    where
        A: Aggregate<Services = ()> + 'static,
        A::Error: Send + Sync + 'static,
    {
        let store = PersistedEventStore::<_, A>::new_event_store(Repository::new(self.pool.clone()));
        let mut context = store.load_aggregate(id).await.map_err(|error| load_failed(&error))?;
        Ok(std::mem::take(context.aggregate()))
    }

    /// Executes `command` on the aggregate `id`.
    ///
    /// Once this was called the command runs to its end, whether or not anybody still waits for the answer.
    pub async fn execute<A>(
        &self,
        id: impl ToString,
        command: A::Command,
        context: impl Into<Context>,
    ) -> Result<Committed<A::Event>, ExecuteError<A::Error>>
    where
        A: Aggregate<Services = ()> + 'static,
        A::Command: Clone + Send + Sync + 'static,
        A::Event: Claims,
        A::Error: Send + Sync + 'static,
    {
        let (pool, wakeup, id, context) =
            (self.pool.clone(), self.wakeup.clone(), id.to_string(), context.into());
        let task = self.running.spawn(async move {
            let result = run::<A>(&pool, &id, command, &context).await;
            wakeup.ring();
            result
        });
        task.await.unwrap_or(Err(ExecuteError::Store(StoreError::TaskLost)))
    }
}

async fn run<A>(
    pool: &PgPool,
    id: &str,
    command: A::Command,
    context: &Context,
) -> Result<Committed<A::Event>, ExecuteError<A::Error>>
where
    A: Aggregate<Services = ()> + 'static,
    A::Command: Clone + Send + Sync + 'static,
    A::Event: Claims,
    A::Error: Send + Sync + 'static,
{
    for attempt in 0..TRIES {
        if let Some(known) = replayed::<A>(pool, context).await? {
            return Ok(known);
        }
        match attempt_once::<A>(pool, id, command.clone(), context).await {
            Ok(Attempt::Done(committed)) => return Ok(committed),
            Ok(Attempt::Again) => pause(attempt).await,
            // What stands in the way may be the same command, sent twice and done meanwhile: then its answer counts.
            Err(no @ (ExecuteError::Refused(_) | ExecuteError::Taken(_))) => {
                return replayed::<A>(pool, context).await?.ok_or(no);
            }
            Err(error) => return Err(error),
        }
    }
    Err(ExecuteError::Contended)
}

enum Attempt<E> {
    Done(Committed<E>),
    Again,
}

async fn attempt_once<A>(
    pool: &PgPool,
    id: &str,
    command: A::Command,
    context: &Context,
) -> Result<Attempt<A::Event>, ExecuteError<A::Error>>
where
    A: Aggregate<Services = ()> + 'static,
    A::Event: Claims,
    A::Error: Send + Sync + 'static,
{
    let repository = Repository::new(pool.clone());
    let store = PersistedEventStore::<_, A>::new_event_store(repository.clone());
    let mut loaded = store.load_aggregate(id).await.map_err(|error| load_failed(&error))?;
    let sink = EventSink::default();
    loaded.aggregate().handle(command, &(), &sink).await.map_err(ExecuteError::Refused)?;
    let events = sink.collect().await;
    let committed = |position| Committed {
        aggregate_id: id.to_owned(),
        events: events.clone(),
        position,
        replayed: false,
    };
    if events.is_empty() {
        let Some(idempotency) = &context.idempotency else { return Ok(Attempt::Done(committed(None))) };
        // A key that is taken by now belongs to the same command, which was faster: it has the answer.
        let first = record_empty(pool, context.metadata.tenant_id, idempotency, (A::TYPE, id)).await?;
        return Ok(if first { Attempt::Done(committed(None)) } else { Attempt::Again });
    }
    repository.prepare(Alongside {
        takes: events.iter().flat_map(Claims::takes).collect(),
        releases: events.iter().flat_map(Claims::releases).collect(),
        idempotency: context.idempotency.clone().map(|key| (context.metadata.tenant_id, key)),
    });
    let result = store.commit(events.clone(), loaded, context.metadata.to_map()).await;
    match (repository.outcome(), result) {
        (Some(Appended::At(position)), _) => Ok(Attempt::Done(committed(Some(position)))),
        (Some(Appended::Conflict | Appended::KeyUsed), _) => Ok(Attempt::Again),
        (Some(Appended::Taken(claim)), _) => Err(ExecuteError::Taken(claim)),
        (Some(Appended::Failed(error)), _) => Err(StoreError::from(error).into()),
        (None, Err(error)) => Err(StoreError::Unstorable(error.to_string()).into()),
        (None, Ok(_)) => Err(StoreError::TaskLost.into()),
    }
}

/// What the context's idempotency key led to the first time, if it was used.
async fn replayed<A>(
    pool: &PgPool,
    context: &Context,
) -> Result<Option<Committed<A::Event>>, ExecuteError<A::Error>>
where
    A: Aggregate<Services = ()> + 'static,
    A::Error: Send + Sync + 'static,
{
    let Some(idempotency) = &context.idempotency else { return Ok(None) };
    let Some(used) = UsedKey::find(pool, context.metadata.tenant_id, &idempotency.key).await? else {
        return Ok(None);
    };
    if used.fingerprint != idempotency.fingerprint || used.aggregate_type != A::TYPE {
        return Err(ExecuteError::KeyReused);
    }
    let repository = Repository::new(pool.clone());
    let stored =
        repository.get_events::<A>(&used.aggregate_id).await.map_err(|error| unreadable(&used, &error))?;
    let (first, count) = (used.first_sequence, used.event_count);
    let range = stored.into_iter().filter(|event| {
        i64::try_from(event.sequence).is_ok_and(|sequence| sequence >= first && sequence < first + count)
    });
    let events = range.map(|event| serde_json::from_value(event.payload)).collect::<Result<Vec<_>, _>>();
    let events = events.map_err(|error| unreadable(&used, &error))?;
    let position = (used.event_count > 0).then_some(used.position);
    Ok(Some(Committed { aggregate_id: used.aggregate_id, events, position, replayed: true }))
}

/// Full jitter: whoever lost a race waits a random while that may grow.
async fn pause(attempt: u32) {
    let longest = (1_u64 << attempt.min(6)).min(LONGEST_PAUSE_MS);
    let millis = rand::rng().random_range(0..=longest);
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

fn load_failed<E: std::error::Error>(error: &AggregateError<E>) -> StoreError {
    StoreError::Database(sqlx::Error::Protocol(format!("loading an aggregate: {error}")))
}

fn unreadable(used: &UsedKey, error: &dyn std::error::Error) -> StoreError {
    StoreError::Unreadable {
        at: format!("{}/{}", used.aggregate_type, used.aggregate_id),
        why: error.to_string(),
    }
}
