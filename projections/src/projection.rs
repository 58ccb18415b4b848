//! What a projection is: a name, a version, the streams it wants, its tables, and how events change them.

use crate::{
    audit, backups, bot_configs, bots, hosts, prices, provider_keys, usage_log, usage_rollups, views::View,
};
use async_trait::async_trait;
use clawplane_eventstore::{Filter, RecordedEvent, StoreError};
use sqlx::PgConnection;

/// Why a batch could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// An event makes no sense to this projection.
    #[error("{0}")]
    Senseless(String),
    /// An event cannot be read, or the database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for ApplyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl ApplyError {
    /// Whether it is an event's own fault: trying again would end the same, so the event is parked.
    ///
    /// Of the database's errors only data exceptions (SQLSTATE class 22) and integrity violations (class 23) are.
    pub(crate) fn is_poison(&self) -> bool {
        match self {
            Self::Senseless(_) | Self::Store(StoreError::Unreadable { .. } | StoreError::Unstorable(_)) => {
                true
            }
            Self::Store(StoreError::Database(sqlx::Error::Database(error))) => {
                error.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
            }
            Self::Store(StoreError::Database(error)) => matches!(error, sqlx::Error::Encode(_)),
            Self::Store(_) => false,
        }
    }

    /// In words, with its causes, for whoever looks at the parked event.
    pub(crate) fn in_words(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            // sqlx's errors repeat their sources.
            let more = error.to_string();
            if !text.ends_with(&more) {
                text.push_str(": ");
                text.push_str(&more);
            }
            cause = error.source();
        }
        text
    }
}

/// Code that folds the feed into one read model.
#[async_trait]
pub trait Projection: Send + Sync + 'static {
    /// The read model; its name is the checkpoint's and, as `view_<name>`, the schema's.
    fn view(&self) -> View;

    /// To be counted up whenever `schema.sql`, the fold or the stored form of a row changes: a read model of an older
    /// version is emptied and replayed when the first process of the new version starts.
    fn version(&self) -> i32;

    /// Which streams it folds. Always whole stream types, so that sequences start at 1.
    fn streams(&self) -> Filter;

    /// Its tables, with unqualified names: the schema around them is chosen by the search path.
    fn schema(&self) -> &'static str;

    /// Folds some events, in the feed's order, into the tables. How events are cut into batches makes no difference
    /// to the outcome.
    async fn apply(&self, tx: &mut PgConnection, events: &[RecordedEvent]) -> Result<(), ApplyError>;
}

impl View {
    /// The projection that keeps this read model.
    pub fn projection(self) -> &'static dyn Projection {
        match self {
            Self::Bots => &bots::apply::BotsProjection,
            Self::BotConfigs => &bot_configs::apply::BotConfigsProjection,
            Self::Hosts => &hosts::apply::HostsProjection,
            Self::ProviderKeys => &provider_keys::apply::ProviderKeysProjection,
            Self::Prices => &prices::apply::PricesProjection,
            Self::UsageLog => &usage_log::apply::UsageLogProjection,
            Self::UsageRollups => &usage_rollups::apply::UsageRollupsProjection,
            Self::Audit => &audit::apply::AuditProjection,
            Self::Backups => &backups::apply::BackupsProjection,
        }
    }
}

/// A number as `bigint` holds it.
pub(crate) fn signed(number: u64) -> Result<i64, ApplyError> {
    i64::try_from(number)
        .map_err(|_| ApplyError::Senseless(format!("{number} is larger than any count can be")))
}

#[cfg(test)]
mod tests;
