//! The way in for readers: all read models over one pool, which may be that of a replica.

use crate::{AuditView, Backups, BotConfigs, Bots, Hosts, Keys, Prices};
use clawplane_domain::Invalid;
use clawplane_eventstore::{Checkpoints, Position, StoreError};
use sqlx::{PgPool, Row, postgres::PgRow};
use std::{fmt, str::FromStr, time::Duration};
use tokio::time::Instant;

/// First pause between two looks at a checkpoint.
const FIRST_PAUSE: Duration = Duration::from_millis(3);
/// Longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_millis(40);

/// A read model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// The bots as they are now.
    Bots,
    /// The versions of bots' configurations.
    BotConfigs,
    /// The hosts as they are now.
    Hosts,
    /// The provider keys as they are now, without their secrets.
    ProviderKeys,
    /// The price rows as they are now.
    Prices,
    /// One row a proxied request.
    UsageLog,
    /// Sums of usage by hour and day.
    UsageRollups,
    /// One row an event.
    Audit,
    /// The backups as they are now, and the rules by which they are made.
    Backups,
}

impl View {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Bots,
        Self::BotConfigs,
        Self::Hosts,
        Self::ProviderKeys,
        Self::Prices,
        Self::UsageLog,
        Self::UsageRollups,
        Self::Audit,
        Self::Backups,
    ];

    /// The name of its projection and checkpoint.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bots => "bots",
            Self::BotConfigs => "bot_configs",
            Self::Hosts => "hosts",
            Self::ProviderKeys => "provider_keys",
            Self::Prices => "prices",
            Self::UsageLog => "usage_log",
            Self::UsageRollups => "usage_rollups",
            Self::Audit => "audit",
            Self::Backups => "backups",
        }
    }

    /// Whether answers to commands wait for it.
    pub(crate) fn is_waited_for(self) -> bool {
        !matches!(self, Self::UsageLog | Self::UsageRollups | Self::Audit)
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no projection's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no projection `{0}`")]
pub struct UnknownView(pub String);

impl FromStr for View {
    type Err = UnknownView;
    fn from_str(name: &str) -> Result<Self, UnknownView> {
        Self::ALL.into_iter().find(|view| view.name() == name).ok_or_else(|| UnknownView(name.to_owned()))
    }
}

/// All read models.
#[derive(Clone, Debug)]
pub struct Views {
    /// The bots.
    pub bots: Bots,
    /// The versions of their configurations.
    pub bot_configs: BotConfigs,
    /// The hosts.
    pub hosts: Hosts,
    /// The provider keys.
    pub keys: Keys,
    /// The price rows.
    pub prices: Prices,
    /// Usage: sums and single requests.
    pub usage: UsageViews,
    /// The audit log.
    pub audit: AuditView,
    /// The backups.
    pub backups: Backups,
    checkpoints: Checkpoints,
}

/// Queries about usage; they stand with the read models that they ask (`usage_rollups`, `usage_log`).
#[derive(Clone, Debug)]
pub struct UsageViews {
    pub(crate) pool: PgPool,
}

impl Views {
    /// Over the event database, or a replica of it for reading only.
    pub fn new(read_pool: PgPool) -> Self {
        Self {
            bots: Bots::new(read_pool.clone()),
            bot_configs: BotConfigs::new(read_pool.clone()),
            hosts: Hosts::new(read_pool.clone()),
            keys: Keys::new(read_pool.clone()),
            prices: Prices::new(read_pool.clone()),
            usage: UsageViews { pool: read_pool.clone() },
            audit: AuditView::new(read_pool.clone()),
            backups: Backups::new(read_pool.clone()),
            checkpoints: Checkpoints::new(read_pool),
        }
    }

    /// Waits until `view` has seen everything up to `position`; `false` when `at_most` passed before that.
    ///
    /// The sums of usage take the ends of a range from the log, so they are caught up when both are.
    pub async fn caught_up(
        &self,
        view: View,
        position: Position,
        at_most: Duration,
    ) -> Result<bool, StoreError> {
        let until = Instant::now() + at_most;
        if view == View::UsageRollups && !self.has_seen(View::UsageLog, position, until).await? {
            return Ok(false);
        }
        self.has_seen(view, position, until).await
    }

    async fn has_seen(&self, view: View, position: Position, until: Instant) -> Result<bool, StoreError> {
        let mut pause = FIRST_PAUSE;
        let streams = view.projection().streams();
        loop {
            if self.checkpoints.has_seen(view.name(), streams, position).await? {
                return Ok(true);
            }
            let now = Instant::now();
            if now >= until {
                return Ok(false);
            }
            tokio::time::sleep(pause.min(until - now)).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }
}

/// A count out of a row: never negative in these tables.
pub(crate) fn count<I: sqlx::ColumnIndex<PgRow>>(row: &PgRow, column: I) -> Result<u64, sqlx::Error> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// A checked value out of a row.
pub(crate) fn parsed<T: TryFrom<String, Error = Invalid>>(text: String) -> Result<T, sqlx::Error> {
    T::try_from(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
