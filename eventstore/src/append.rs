//! One append: events, claims and idempotency key in one transaction.
//!
//! This is a repository for cqrs-es that reads with the one of postgres-es and writes by itself: one statement for
//! all events, the position handed back, and the claims beside them.

use crate::{Position, StoreError, executor::Idempotency};
use clawplane_domain::{TenantId, claim::Claim};
use cqrs_es::{
    Aggregate,
    persist::{
        PersistedEventRepository, PersistenceError, ReplayStream, SerializedEvent, SerializedSnapshot,
    },
};
use postgres_es::PostgresEventRepository;
use sqlx::{PgConnection, PgPool, Row};
use std::sync::{Arc, Mutex, PoisonError};

/// What goes with the events of one command.
#[derive(Debug, Default)]
pub(crate) struct Alongside {
    pub(crate) takes: Vec<Claim>,
    pub(crate) releases: Vec<Claim>,
    pub(crate) idempotency: Option<(TenantId, Idempotency)>,
}

/// How one append ended.
#[derive(Debug)]
pub(crate) enum Appended {
    At(Position),
    /// Another writer was first on the stream.
    Conflict,
    /// A name is taken.
    Taken(Claim),
    /// The idempotency key was used meanwhile.
    KeyUsed,
    Failed(sqlx::Error),
}

/// A repository for exactly one command: cqrs-es hands back neither position nor a typed error, so both wait here.
#[derive(Clone)]
pub(crate) struct Repository {
    pool: PgPool,
    reader: Arc<PostgresEventRepository>,
    alongside: Arc<Mutex<Alongside>>,
    outcome: Arc<Mutex<Option<Appended>>>,
}

impl Repository {
    pub(crate) fn new(pool: PgPool) -> Self {
        let reader = Arc::new(PostgresEventRepository::new(pool.clone()));
        Self { pool, reader, alongside: Arc::default(), outcome: Arc::default() }
    }

    /// Says what the next `persist` shall write beside its events.
    pub(crate) fn prepare(&self, alongside: Alongside) {
        *self.alongside.lock().unwrap_or_else(PoisonError::into_inner) = alongside;
    }

    /// How the last `persist` ended.
    pub(crate) fn outcome(&self) -> Option<Appended> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn append(
        &self,
        events: &[SerializedEvent],
        alongside: &Alongside,
    ) -> Result<Appended, sqlx::Error> {
        if alongside.takes.is_empty() && alongside.releases.is_empty() && alongside.idempotency.is_none() {
            let mut connection = self.pool.acquire().await?;
            return insert_events(&mut connection, events).await;
        }
        // The events come first: their insert draws the transaction id that the feed orders by.
        let mut tx = self.pool.begin().await?;
        let Appended::At(position) = insert_events(&mut tx, events).await? else {
            return Ok(Appended::Conflict);
        };
        let Some(first) = events.first() else { return Ok(Appended::Conflict) };
        if let Some(taken) = change_claims(&mut tx, first, alongside).await? {
            return Ok(Appended::Taken(taken));
        }
        if let Some((tenant, idempotency)) = &alongside.idempotency {
            let used = CommandKey { tenant: *tenant, idempotency, first, count: events.len(), position };
            if !used.insert(&mut tx).await? {
                return Ok(Appended::KeyUsed);
            }
        }
        tx.commit().await?;
        Ok(Appended::At(position))
    }
}

async fn insert_events(
    connection: &mut PgConnection,
    events: &[SerializedEvent],
) -> Result<Appended, sqlx::Error> {
    let column =
        |field: fn(&SerializedEvent) -> &String| events.iter().map(|e| field(e).clone()).collect::<Vec<_>>();
    let sequences = events.iter().map(|e| i64::try_from(e.sequence)).collect::<Result<Vec<_>, _>>();
    let sequences = sequences.map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    let inserted = sqlx::query(
        "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::jsonb[], $7::jsonb[])
         RETURNING tx_id::text, global_position",
    )
    .bind(column(|e| &e.aggregate_type))
    .bind(column(|e| &e.aggregate_id))
    .bind(sequences)
    .bind(column(|e| &e.event_type))
    .bind(column(|e| &e.event_version))
    .bind(events.iter().map(|e| e.payload.clone()).collect::<Vec<_>>())
    .bind(events.iter().map(|e| e.metadata.clone()).collect::<Vec<_>>())
    .fetch_all(connection)
    .await;
    let rows = match inserted {
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => return Ok(Appended::Conflict),
        other => other?,
    };
    let positions = rows.iter().map(|row| Position::from_row(row.get(0), row.get(1)));
    let positions = positions.collect::<Result<Vec<_>, _>>()?;
    Ok(Appended::At(positions.into_iter().max().unwrap_or_default()))
}

/// Releases, then takes. The name that is taken already, if there is one.
async fn change_claims(
    tx: &mut PgConnection,
    stream: &SerializedEvent,
    alongside: &Alongside,
) -> Result<Option<Claim>, sqlx::Error> {
    for claim in &alongside.releases {
        sqlx::query("DELETE FROM claims WHERE scope = $1 AND name = $2 AND aggregate_id = $3")
            .bind(claim.scope.as_str())
            .bind(&claim.name)
            .bind(&stream.aggregate_id)
            .execute(&mut *tx)
            .await?;
    }
    for claim in &alongside.takes {
        let taken = sqlx::query(
            "INSERT INTO claims (scope, name, aggregate_type, aggregate_id) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
        )
        .bind(claim.scope.as_str())
        .bind(&claim.name)
        .bind(&stream.aggregate_type)
        .bind(&stream.aggregate_id)
        .execute(&mut *tx)
        .await?;
        if taken.rows_affected() == 0 {
            return Ok(Some(claim.clone()));
        }
    }
    Ok(None)
}

/// A row of the idempotency keys, to be written with the events that the command led to.
struct CommandKey<'a> {
    tenant: TenantId,
    idempotency: &'a Idempotency,
    first: &'a SerializedEvent,
    count: usize,
    position: Position,
}

impl CommandKey<'_> {
    /// Whether it was free.
    async fn insert(&self, tx: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let inserted = sqlx::query(
            "INSERT INTO command_keys (tenant_id, key, fingerprint, aggregate_type, aggregate_id, first_sequence,
                                       event_count, tx_id, global_position)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::xid8, $9) ON CONFLICT DO NOTHING",
        )
        .bind(self.tenant.0)
        .bind(&self.idempotency.key)
        .bind(&self.idempotency.fingerprint)
        .bind(&self.first.aggregate_type)
        .bind(&self.first.aggregate_id)
        .bind(i64::try_from(self.first.sequence).map_err(|error| sqlx::Error::Encode(Box::new(error)))?)
        .bind(i64::try_from(self.count).map_err(|error| sqlx::Error::Encode(Box::new(error)))?)
        .bind(self.position.tx_text())
        .bind(self.position.global)
        .execute(tx)
        .await?;
        Ok(inserted.rows_affected() == 1)
    }
}

impl PersistedEventRepository for Repository {
    async fn get_events<A: Aggregate>(&self, id: &str) -> Result<Vec<SerializedEvent>, PersistenceError> {
        self.reader.get_events::<A>(id).await
    }

    async fn get_last_events<A: Aggregate>(
        &self,
        id: &str,
        last_sequence: usize,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        self.reader.get_last_events::<A>(id, last_sequence).await
    }

    /// There are no snapshots: the crate's own apply events twice.
    async fn get_snapshot<A: Aggregate>(
        &self,
        _id: &str,
    ) -> Result<Option<SerializedSnapshot>, PersistenceError> {
        Ok(None)
    }

    async fn persist<A: Aggregate>(
        &self,
        events: &[SerializedEvent],
        _snapshot: Option<(String, serde_json::Value, usize)>,
    ) -> Result<(), PersistenceError> {
        let alongside = std::mem::take(&mut *self.alongside.lock().unwrap_or_else(PoisonError::into_inner));
        let appended = self.append(events, &alongside).await.unwrap_or_else(Appended::Failed);
        let result = match &appended {
            Appended::At(_) => Ok(()),
            _ => Err(PersistenceError::OptimisticLockError),
        };
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(appended);
        result
    }

    async fn stream_events<A: Aggregate>(&self, id: &str) -> Result<ReplayStream, PersistenceError> {
        self.reader.stream_events::<A>(id).await
    }

    async fn stream_all_events<A: Aggregate>(&self) -> Result<ReplayStream, PersistenceError> {
        self.reader.stream_all_events::<A>().await
    }
}

pub(crate) use key::{UsedKey, record_empty};

mod key {
    //! Idempotency keys that are known already.

    use super::{Idempotency, PgPool, Position, Row, StoreError, TenantId};

    /// What a key was used for.
    pub(crate) struct UsedKey {
        pub(crate) fingerprint: String,
        pub(crate) aggregate_type: String,
        pub(crate) aggregate_id: String,
        pub(crate) first_sequence: i64,
        pub(crate) event_count: i64,
        pub(crate) position: Position,
    }

    impl UsedKey {
        pub(crate) async fn find(
            pool: &PgPool,
            tenant: TenantId,
            key: &str,
        ) -> Result<Option<Self>, StoreError> {
            let row = sqlx::query(
                "SELECT fingerprint, aggregate_type, aggregate_id, first_sequence, event_count, tx_id::text,
                        global_position
                 FROM command_keys WHERE tenant_id = $1 AND key = $2",
            )
            .bind(tenant.0)
            .bind(key)
            .fetch_optional(pool)
            .await?;
            let Some(row) = row else { return Ok(None) };
            Ok(Some(Self {
                fingerprint: row.get(0),
                aggregate_type: row.get(1),
                aggregate_id: row.get(2),
                first_sequence: row.get(3),
                event_count: row.get(4),
                position: Position::from_row(row.get(5), row.get(6))?,
            }))
        }
    }

    /// Remembers a key whose command changed nothing, so that it changes nothing later either. Whether it was free.
    pub(crate) async fn record_empty(
        pool: &PgPool,
        tenant: TenantId,
        idempotency: &Idempotency,
        stream: (&str, &str),
    ) -> Result<bool, StoreError> {
        let inserted = sqlx::query(
            "INSERT INTO command_keys (tenant_id, key, fingerprint, aggregate_type, aggregate_id, first_sequence,
                                       event_count, tx_id, global_position)
             VALUES ($1, $2, $3, $4, $5, 1, 0, '0', 0) ON CONFLICT DO NOTHING",
        )
        .bind(tenant.0)
        .bind(&idempotency.key)
        .bind(&idempotency.fingerprint)
        .bind(stream.0)
        .bind(stream.1)
        .execute(pool)
        .await?;
        Ok(inserted.rows_affected() == 1)
    }
}
