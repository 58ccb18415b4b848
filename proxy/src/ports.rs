//! What the proxy needs from outside, as traits, and their implementations for the event store.
//!
//! The data path itself calls none of them: they serve the follower, the uploader and the start.

use async_trait::async_trait;
use chrono::NaiveDate;
use clawplane_domain::{
    BotId, DataKeyId, KeyId, RequestId, SealedSecret, Secret, TenantId, TimeZone, Timestamp,
    provider_key::Cooling,
    quota::{QuotaSubject, Reached, WindowLimit},
    quota_lease::{Ask, Returned},
    usage::UsageRecorded,
};
use clawplane_eventstore::{Batch, Feed, Filter, Position, StoreError, UsageAppender, Vault, VaultError};

pub use clawplane_eventstore::Stored;

/// Any error of somebody else's.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Where events are read from.
#[async_trait]
pub trait EventSource: Send + Sync + 'static {
    /// At most `limit` events of `filter` after `after`, in the feed's order.
    async fn read(&self, after: Position, filter: Filter, limit: u32) -> Result<Batch, StoreError>;
    /// As [`EventSource::read`], without the usage of the stream `own`; and where to read on from.
    async fn read_others(
        &self,
        after: Position,
        filter: Filter,
        own: &str,
        limit: u32,
    ) -> Result<(Batch, Position), StoreError>;
}

#[async_trait]
impl EventSource for Feed {
    async fn read(&self, after: Position, filter: Filter, limit: u32) -> Result<Batch, StoreError> {
        Feed::read(self, after, filter, limit).await
    }
    async fn read_others(
        &self,
        after: Position,
        filter: Filter,
        own: &str,
        limit: u32,
    ) -> Result<(Batch, Position), StoreError> {
        Feed::read_others(self, after, filter, own, limit).await
    }
}

/// Where usage is stored.
#[async_trait]
pub trait UsageSink: Send + Sync + 'static {
    /// Stores records with their numbers in the stream. Storing a number again changes nothing.
    async fn append(&self, stream: &str, records: &[(u64, UsageRecorded)]) -> Result<(), StoreError>;
    /// What a stream has from number `from` on, and which of the requests `open` are among it.
    async fn stored(&self, stream: &str, from: u64, open: &[RequestId]) -> Result<Stored, StoreError>;
}

#[async_trait]
impl UsageSink for UsageAppender {
    async fn append(&self, stream: &str, records: &[(u64, UsageRecorded)]) -> Result<(), StoreError> {
        UsageAppender::append(self, stream, records).await
    }
    async fn stored(&self, stream: &str, from: u64, open: &[RequestId]) -> Result<Stored, StoreError> {
        UsageAppender::stored(self, stream, from, open).await
    }
}

/// Why a sealed secret could not be opened. Says nothing of the secret.
#[derive(Debug, thiserror::Error)]
pub enum UnsealError {
    /// Its data key was destroyed, as its owner wanted: normal for a deleted key in history.
    #[error("the secret was shredded")]
    Gone,
    /// It will never open: another master key, or a changed ciphertext.
    #[error("the secret cannot be opened")]
    Broken(#[source] BoxError),
    /// The vault cannot be reached now.
    #[error("the vault cannot be reached")]
    Unavailable(#[source] BoxError),
}

/// Opens sealed secrets.
#[async_trait]
pub trait Unsealer: Send + Sync + 'static {
    /// Opens what was sealed with the same `bound_to`.
    async fn open(&self, sealed: &SealedSecret, bound_to: &str) -> Result<Secret, UnsealError>;
}

#[async_trait]
impl Unsealer for Vault {
    async fn open(&self, sealed: &SealedSecret, bound_to: &str) -> Result<Secret, UnsealError> {
        Vault::open(self, sealed, bound_to).await.map_err(|error| match error {
            VaultError::Shredded => UnsealError::Gone,
            VaultError::Database(_) => UnsealError::Unavailable(error.into()),
            VaultError::WrongMasterKey { .. } | VaultError::Forged => UnsealError::Broken(error.into()),
        })
    }
}

/// What a bot has used in the calendar day and month of a moment, in its tenant's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BotTotals {
    /// Whose bot it is.
    pub tenant_id: TenantId,
    /// The bot.
    pub bot_id: BotId,
    /// Input and output tokens of the day.
    pub day_tokens: u64,
    /// Micro-dollars of the day.
    pub day_cost_micros: u64,
    /// Input and output tokens of the month.
    pub month_tokens: u64,
    /// Micro-dollars of the month.
    pub month_cost_micros: u64,
}

/// What all bots have used up to a place in the feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Every usage event at or before it is counted, none after it.
    pub position: Position,
    /// One entry for each bot that used something; the others have used nothing.
    pub bots: Vec<BotTotals>,
}

/// Tells what was used before this process started; the composition implements it from the usage rollups.
#[async_trait]
pub trait UsageTotals: Send + Sync + 'static {
    /// The totals of the windows that `at` lies in, with the position that they are exact for. `zones` has the tenants
    /// whose days and months are not UTC's.
    async fn current(&self, at: Timestamp, zones: &[(TenantId, TimeZone)]) -> Result<Totals, BoxError>;
}

/// What a proxy asks of a quota that it shares with other proxies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseAsk {
    /// Whose quota it is.
    pub subject: QuotaSubject,
    /// This process, in this life.
    pub holder: String,
    /// The calendar day in the tenant's time zone.
    pub day: NaiveDate,
    /// Now.
    pub at: Timestamp,
    /// One entry for each limit of a day or a month.
    pub asks: Vec<Ask>,
}

/// What a proxy gives back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseReturn {
    /// Whose quota it is.
    pub subject: QuotaSubject,
    /// This process, in this life.
    pub holder: String,
    /// The calendar day in the tenant's time zone.
    pub day: NaiveDate,
    /// Now.
    pub at: Timestamp,
    /// One entry for each limit.
    pub used: Vec<Returned>,
}

/// How a proxy stands with one limit, until [`clawplane_domain::quota_lease::LEASE_TTL`] after it asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The limit.
    pub limit: WindowLimit,
    /// Its value.
    pub of: u64,
    /// What the asker may have used at most.
    pub ceiling: u64,
    /// What everybody has used, as far as it is known.
    pub spent: u64,
    /// What other proxies may still use.
    pub others: u64,
}

/// The desk where quotas are kept for all proxies. It is never asked on the data path; where it does not answer, each
/// proxy goes by what it knows.
#[async_trait]
pub trait QuotaDesk: Send + Sync + 'static {
    /// Reports what was used and leases more. Asking twice is asking once. Limits that are no more are not answered.
    async fn lease(&self, ask: LeaseAsk) -> Result<Vec<Granted>, BoxError>;
    /// Reports what was used and gives back the rest.
    async fn give_back(&self, back: LeaseReturn) -> Result<(), BoxError>;
    /// Has it written down, once, that a threshold is reached.
    async fn reached(&self, subject: QuotaSubject, reached: Reached) -> Result<(), BoxError>;
}

/// What a proxy learnt about a provider key from a vendor's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyNews {
    /// The vendor does not take it.
    Refused {
        /// The status of the answer.
        status: u16,
    },
    /// It failed and is left alone for a while.
    Cooled(Cooling),
    /// It works again after a cool-down.
    Recovered,
}

/// News of a key, for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyReport {
    /// Whose key it is.
    pub tenant_id: TenantId,
    /// The key.
    pub key_id: KeyId,
    /// The secret that was used: news of one that was rotated away are none.
    pub secret: DataKeyId,
    /// When it was learnt.
    pub at: Timestamp,
    /// The proxy's usage stream. It has to come back as the causation of the event, by which the proxy knows its own.
    pub proxy: String,
    /// What was learnt.
    pub news: KeyNews,
}

/// Takes what the proxy learns about keys; the composition implements it over the executor.
#[async_trait]
pub trait KeyReports: Send + Sync + 'static {
    /// Records it. An error means that it was not recorded and shall be tried again; a key that is gone is no error.
    async fn report(&self, report: &KeyReport) -> Result<(), BoxError>;
}
