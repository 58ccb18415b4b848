//! Typed errors become problems here and nowhere else.

use super::{Kind, Problem};
use crate::{FieldError, auth::passwords::PasswordError};
use clawplane_domain::{
    backup::BackupRefusal,
    backup_schedule::ScheduleRefusal,
    bot::{BotRefusal, exec::MAX_SECONDS, setup::MAX_ENVIRONMENT_BYTES, token::MAX_GRACE},
    claim::Scope,
    host::{HostRefusal, NoRoom, commands::MAX_LABELS},
    price::PriceRefusal,
    provider_key::KeyRefusal,
    quota::QuotaRefusal,
    session::SessionRefusal,
    tenant::TenantRefusal,
    upkeep::UpkeepRefusal,
    user::UserRefusal,
};
use clawplane_eventstore::{ExecuteError, IssueError, StoreError, VaultError};
use std::time::Duration;

/// After this the database may be back.
const SOON: Duration = Duration::from_secs(2);

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::fields(vec![error])
    }
}

impl<R> From<ExecuteError<R>> for Problem
where
    R: std::error::Error,
    Self: From<R>,
{
    fn from(error: ExecuteError<R>) -> Self {
        match error {
            ExecuteError::Refused(refusal) => refusal.into(),
            ExecuteError::Taken(claim) => {
                let (field, message) = match claim.scope {
                    Scope::BotHostname => ("hostname", format!("`{}` is taken", claim.name)),
                    Scope::UserEmail => ("email", "is taken".to_owned()),
                    Scope::HostName => ("name", format!("`{}` is taken", claim.name)),
                    Scope::Price => ("model", "has a price of this vendor and time".to_owned()),
                    Scope::BotData => ("dataOf", "another bot has its data already".to_owned()),
                    Scope::BotPort => return Self::unavailable("every port that was tried is taken", SOON),
                };
                Self::new(Kind::Conflict, format!("`{field}`: {message}")).about(field, message)
            }
            ExecuteError::KeyReused => {
                let message =
                    "was used for another command; a repeated command must be the same in every byte";
                Self::new(Kind::IdempotencyKeyReused, format!("`Idempotency-Key` {message}"))
                    .about("Idempotency-Key", message)
            }
            ExecuteError::Contended => Self::unavailable("too many others change the same thing", SOON),
            ExecuteError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(_) => {
                Self::unavailable("the database does not answer", SOON).caused_by(error)
            }
            _ => Self::internal(error),
        }
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Database(_) => {
                Self::unavailable("the database does not answer", SOON).caused_by(error)
            }
            _ => Self::internal(error),
        }
    }
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Vault(error) => error.into(),
            IssueError::Command(error) => error.into(),
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::unavailable("too many sign-ins at once", SOON),
            PasswordError::Failed => Self::internal(error),
        }
    }
}

impl From<BotRefusal> for Problem {
    fn from(refusal: BotRefusal) -> Self {
        match refusal {
            BotRefusal::Unknown => Self::not_found("bot"),
            BotRefusal::TooMany { field, max } => {
                Self::field(field, format!("may have at most {max} entries"))
            }
            BotRefusal::AllowsNothing { field } => {
                Self::field(field, "must name at least one; leave it out to allow all")
            }
            BotRefusal::GraceTooLong => {
                Self::field("graceSeconds", format!("must be at most {}", MAX_GRACE.as_secs()))
            }
            BotRefusal::Fallback { at, why } => {
                Self::field(format!("fallbacks[{at}].{}", why.field()), why.to_string())
            }
            BotRefusal::Variable { name, why } => Self::field(format!("environment.{name}"), why.to_string()),
            BotRefusal::EnvironmentTooLarge => {
                Self::field("environment", format!("may have at most {MAX_ENVIRONMENT_BYTES} bytes"))
            }
            BotRefusal::ExecTooLong => Self::field("timeoutSeconds", format!("must be 1 to {MAX_SECONDS}")),
            BotRefusal::StaleConfig { .. } => Self::new(Kind::PreconditionFailed, refusal.to_string())
                .about("If-Match", "is of another version"),
            BotRefusal::BadPath => Self::field("path", "must lead to a file in the workspace"),
            BotRefusal::NoModel => Self::field("models", "must name at least one model"),
            BotRefusal::Exists
            | BotRefusal::ConfigHistoryFull
            | BotRefusal::NotDeleted
            | BotRefusal::NoToken
            | BotRefusal::Moving
            | BotRefusal::NotMoving => Self::new(Kind::Conflict, refusal.to_string()),
        }
    }
}

impl From<KeyRefusal> for Problem {
    fn from(refusal: KeyRefusal) -> Self {
        use clawplane_domain::provider_key::commands::{MAX_TAGS, MAX_WEIGHT};
        match refusal {
            KeyRefusal::Unknown => Self::not_found("provider key"),
            KeyRefusal::TooManyTags => Self::field("tags", format!("may have at most {MAX_TAGS} entries")),
            KeyRefusal::Weight => Self::field("weight", format!("must be 1 to {MAX_WEIGHT}")),
            KeyRefusal::CustomNeeds { field } => Self::field(field, "is required for the vendor `custom`"),
            KeyRefusal::Exists => Self::new(Kind::Conflict, refusal.to_string()),
        }
    }
}

impl From<HostRefusal> for Problem {
    fn from(refusal: HostRefusal) -> Self {
        match refusal {
            HostRefusal::Unknown => Self::not_found("host"),
            HostRefusal::TooManyLabels => {
                Self::field("labels", format!("may have at most {MAX_LABELS} entries"))
            }
            HostRefusal::NeedsTls => Self::field("tls", "is required for `tcp://`"),
            HostRefusal::NoTls => Self::field("tls", "is for `tcp://` only"),
            HostRefusal::Exists | HostRefusal::Local | HostRefusal::NotDrained => {
                Self::new(Kind::Conflict, refusal.to_string())
            }
        }
    }
}

impl From<BackupRefusal> for Problem {
    fn from(refusal: BackupRefusal) -> Self {
        match refusal {
            BackupRefusal::Unknown => Self::not_found("backup"),
            BackupRefusal::Exists
            | BackupRefusal::NotComplete
            | BackupRefusal::Busy
            | BackupRefusal::NotYours
            | BackupRefusal::NotDeleted => Self::new(Kind::Conflict, refusal.to_string()),
        }
    }
}

impl From<NoRoom> for Problem {
    fn from(refusal: NoRoom) -> Self {
        match &refusal {
            NoRoom::Unknown(_) => Self::field("host", "must be the name of a host"),
            NoRoom::Refused { why, .. } => {
                Self::new(Kind::Conflict, refusal.to_string()).about("host", why.to_string())
            }
            NoRoom::Nowhere(_) => Self::new(Kind::Conflict, refusal.to_string()),
        }
    }
}

impl From<ScheduleRefusal> for Problem {
    fn from(refusal: ScheduleRefusal) -> Self {
        match refusal {
            ScheduleRefusal::Unknown => Self::not_found("backup schedule"),
            ScheduleRefusal::OutOfBounds { field, most } => {
                Self::field(field, format!("must be 1 to {most}"))
            }
            ScheduleRefusal::Exists => Self::new(Kind::Conflict, refusal.to_string()),
        }
    }
}

impl From<PriceRefusal> for Problem {
    fn from(refusal: PriceRefusal) -> Self {
        use clawplane_domain::price::MAX_RATE;
        match refusal {
            PriceRefusal::Unknown => Self::not_found("price"),
            PriceRefusal::TooLarge { field } => {
                Self::field(format!("rates.{field}"), format!("must be at most {MAX_RATE}"))
            }
            PriceRefusal::Exists => Self::new(Kind::Conflict, refusal.to_string()),
        }
    }
}

impl From<QuotaRefusal> for Problem {
    fn from(refusal: QuotaRefusal) -> Self {
        let QuotaRefusal::TooLarge { field } = refusal;
        Self::field(field, format!("must be at most {}", clawplane_domain::quota::MAX_LIMIT))
    }
}

impl From<SessionRefusal> for Problem {
    fn from(refusal: SessionRefusal) -> Self {
        match refusal {
            SessionRefusal::Invalid => Self::new(Kind::Unauthenticated, "the refresh token is not valid"),
            SessionRefusal::Exists => Self::internal(refusal),
        }
    }
}

impl From<UserRefusal> for Problem {
    fn from(refusal: UserRefusal) -> Self {
        match refusal {
            UserRefusal::Exists => Self::new(Kind::Conflict, refusal.to_string()),
            UserRefusal::Unknown => Self::not_found("user"),
        }
    }
}

impl From<UpkeepRefusal> for Problem {
    fn from(refusal: UpkeepRefusal) -> Self {
        Self::new(Kind::Conflict, refusal.to_string())
    }
}

impl From<TenantRefusal> for Problem {
    fn from(refusal: TenantRefusal) -> Self {
        match refusal {
            TenantRefusal::Exists => Self::new(Kind::Conflict, refusal.to_string()),
            TenantRefusal::Unknown => Self::not_found("tenant"),
        }
    }
}
