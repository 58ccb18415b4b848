//! Names that may exist only once: an event takes or releases them in the transaction that stores it.
//!
//! A stream knows only itself, so "no other bot has this hostname" cannot be decided inside one. The
//! event store keeps a table of claims with a unique key and changes it together with the events.

/// A kind of name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A bot's hostname, unique on the whole platform since it also is a host name of the ingress.
    BotHostname,
    /// The loopback port of a bot on its host.
    BotPort,
    /// The folder that a deleted bot left, by that bot's id: one bot takes it over.
    BotData,
    /// A user's e-mail address, in lower case.
    UserEmail,
    /// A host's name.
    HostName,
    /// What a price row is for: vendor, model and from when.
    Price,
}

impl Scope {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BotHostname => "bot.hostname",
            Self::BotPort => "bot.port",
            Self::BotData => "bot.data",
            Self::UserEmail => "user.email",
            Self::HostName => "host.name",
            Self::Price => "price.scope",
        }
    }
}

/// One name of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The kind.
    pub scope: Scope,
    /// The name.
    pub name: String,
}

impl Claim {
    /// A claim on `name`.
    pub fn new(scope: Scope, name: &impl ToString) -> Self {
        Self { scope, name: name.to_string() }
    }
}

/// What an event does to the claims.
pub trait Claims {
    /// Names that the event's stream holds from now on.
    fn takes(&self) -> Vec<Claim> {
        Vec::new()
    }
    /// Names that the event's stream gives back.
    fn releases(&self) -> Vec<Claim> {
        Vec::new()
    }
}
