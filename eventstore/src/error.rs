//! What can go wrong with the store.

use clawplane_domain::claim::Claim;

/// The database did not do its part. Whether something was written is unknown only for a lost connection.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Postgres or the way to it.
    #[error("the event database failed")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the database could not be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A stored event that this version cannot read.
    #[error("event {at} cannot be read: {why}")]
    Unreadable {
        /// Stream and sequence.
        at: String,
        /// What is wrong with it.
        why: String,
    },
    /// Something to be stored does not fit the table.
    #[error("cannot be stored: {0}")]
    Unstorable(String),
    /// The task that ran the command ended without an answer.
    #[error("the command's task was lost")]
    TaskLost,
}

/// Why a command did not lead to events.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R: std::error::Error> {
    /// The decision was no. Nothing was written.
    #[error(transparent)]
    Refused(R),
    /// A name that the events would take is taken. Nothing was written.
    #[error("{} `{}` is taken", .0.scope.as_str(), .0.name)]
    Taken(Claim),
    /// The idempotency key was used for another command. Nothing was written.
    #[error("the idempotency key was used for another command")]
    KeyReused,
    /// Others wrote to the stream at each of our tries. Nothing was written.
    #[error("too many writers at once on one stream")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
