//! Typed ids. All are UUIDv7, written as lower-case hyphenated strings.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.hyphenated())
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

id! {
    /// A person.
    UserId,
    /// A team or a customer; everybody has a personal one.
    TenantId,
    /// A bot; the `hostname` is its name in the API, this is its identity for ever.
    BotId,
    /// A provider key.
    KeyId,
    /// A price row.
    PriceId,
    /// One sign-in of one user, from login to logout.
    SessionId,
    /// One HTTP request, to the API or through the proxy.
    RequestId,
    /// A wrapped data key in the vault.
    DataKeyId,
    /// A machine with a container engine.
    HostId,
    /// A backup of one bot.
    BackupId,
    /// Backups that were asked for at once.
    BatchId,
    /// One use of a backup.
    RestoreId,
    /// A rule by which backups are made.
    ScheduleId,
}

impl HostId {
    /// The machine that the platform itself runs on. It needs no id that nobody else has: an installation has one.
    pub const LOCAL: Self = Self(Uuid::nil());

    /// Whether it is that one.
    pub fn is_local(&self) -> bool {
        *self == Self::LOCAL
    }
}

impl Default for HostId {
    /// The local one: it was the only one for a while.
    fn default() -> Self {
        Self::LOCAL
    }
}

#[cfg(test)]
mod tests;
