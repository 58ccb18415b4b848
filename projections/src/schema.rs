//! The schemas that read models live in: making them, and telling which version one is of.
//!
//! A read model's tables stand in a Postgres schema of their own, `view_<name>`. Code that writes names no schema: the
//! search path of its transaction does, so that the same code fills the live read model and the one beside it. The
//! version stands in the schema's comment and so goes with it when it is renamed.

use crate::{projection::Projection, views::View};
use clawplane_eventstore::{Checkpoints, Position, StoreError};
use sqlx::{Executor, PgConnection, PgPool, Row};

const COMMENT: &str = "Clawplane read model, version ";

/// Where a projection writes: into the live read model, or into the one that is being built beside it.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) projection: &'static dyn Projection,
    pub(crate) beside: bool,
}

/// What a read model's schema is, seen from the code that wants to write to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Of this code's version.
    Same,
    /// Of a newer one: another process has been upgraded already.
    Newer(i32),
    /// Of an older one, or not there at all.
    Outdated,
}

impl Place {
    pub(crate) fn live(view: View) -> Self {
        Self { projection: view.projection(), beside: false }
    }

    pub(crate) fn beside(view: View) -> Self {
        Self { projection: view.projection(), beside: true }
    }

    /// The name of its checkpoint, sequences and parked events.
    pub(crate) fn name(self) -> String {
        let name = self.projection.view().name();
        if self.beside { format!("{name}.next") } else { name.to_owned() }
    }

    /// The name of its schema.
    pub(crate) fn schema(self) -> String {
        let name = self.projection.view().name();
        if self.beside { format!("view_{name}_next") } else { format!("view_{name}") }
    }

    /// Lets unqualified names mean this place's tables until the transaction ends, and says what is there.
    pub(crate) async fn enter(self, tx: &mut PgConnection) -> Result<Found, StoreError> {
        let row = sqlx::query(
            "SELECT set_config('search_path', $1 || ', ' || current_setting('search_path'), true),
                    obj_description(to_regnamespace($1)::oid, 'pg_namespace')",
        )
        .bind(self.schema())
        .fetch_one(tx)
        .await?;
        let comment: Option<String> = row.try_get(1)?;
        let version = comment.and_then(|text| text.strip_prefix(COMMENT)?.parse::<i32>().ok());
        Ok(match version {
            Some(version) if version == self.projection.version() => Found::Same,
            Some(version) if version > self.projection.version() => Found::Newer(version),
            _ => Found::Outdated,
        })
    }

    /// Makes its tables anew and empty, and forgets how far it had come.
    pub(crate) async fn recreate(self, tx: &mut PgConnection) -> Result<(), StoreError> {
        let (schema, version) = (self.schema(), self.projection.version());
        // Names and versions are constants of the code, and neither can be a parameter here.
        let statements = format!(
            "DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema};
             COMMENT ON SCHEMA {schema} IS '{COMMENT}{version}'; {}",
            self.projection.schema()
        );
        // The names in the projection's own statements are unqualified.
        self.enter(tx).await?;
        tx.execute(statements.as_str()).await?;
        forget(tx, &self.name()).await?;
        // The row stays: others may be waiting for its lock.
        Checkpoints::set(tx, &self.name(), Position::START).await
    }

    /// Enters the place, whose checkpoint is locked and stands at `from`, and makes sure that its tables are this
    /// version's and hold what was read up to there; where they do not, they start over.
    ///
    /// A checkpoint at the start over tables with rows is what a restored database has.
    pub(crate) async fn prepare(self, tx: &mut PgConnection, from: Position) -> Result<Ready, StoreError> {
        match self.enter(tx).await? {
            Found::Newer(version) => Ok(Ready::Newer(version)),
            Found::Same if from != Position::START => Ok(Ready::At(from)),
            Found::Same | Found::Outdated => {
                self.recreate(tx).await?;
                Ok(Ready::At(Position::START))
            }
        }
    }
}

/// Whether a place can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    /// Yes, after this position.
    At(Position),
    /// No: it belongs to a newer version of the code.
    Newer(i32),
}

/// Deletes sequences and parked events of `name`.
pub(crate) async fn forget(tx: &mut PgConnection, name: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM projection_sequences WHERE projection = $1")
        .bind(name)
        .execute(&mut *tx)
        .await?;
    sqlx::query("DELETE FROM parked_events WHERE projection = $1").bind(name).execute(tx).await?;
    Ok(())
}

/// Makes the tables of all read models, after the database itself was migrated. Safe to run by several processes at
/// once.
///
/// A read model of an older version is emptied here and filled again by the [`crate::Runner`]; until that has caught
/// up, its queries answer with what is there. One of a newer version is left alone.
pub async fn migrate(pool: &PgPool) -> Result<(), StoreError> {
    for view in View::ALL {
        let mut tx = pool.begin().await?;
        let place = Place::live(view);
        let from = Checkpoints::lock(&mut tx, view.name()).await?;
        match place.prepare(&mut tx, from).await? {
            Ready::At(position) if position == from => {}
            Ready::At(_) => tracing::info!(projection = view.name(), "read model made anew"),
            Ready::Newer(version) => {
                tracing::warn!(
                    projection = view.name(),
                    version,
                    "the read model belongs to a newer version"
                );
            }
        }
        tx.commit().await?;
    }
    Ok(())
}
