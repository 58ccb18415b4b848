//! Who may call and with what: tokens, keys and quotas in memory, as an immutable snapshot that readers share.
//!
//! The follower is the only writer. A reader takes the snapshot of its moment and never waits.

mod fold;
mod follower;

pub(crate) use fold::Change;
pub(crate) use follower::Follower;

use crate::{
    choose::KeyGroup,
    quota::Ledger,
    vendors::{Endpoint, Vendor},
};
use clawplane_domain::{
    BotId, KeyId, Secret, TenantId, Timestamp, TokenHash, bot::Access, provider_key::ApiType, values::Tag,
};
use imbl::HashMap;
use std::sync::Arc;

/// A provider key, opened.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) id: KeyId,
    pub(crate) weight: u32,
    pub(crate) tags: Vec<Tag>,
    /// Its own place, where it does not take its vendor's.
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) api_type: Option<ApiType>,
    /// In memory that is overwritten when the last request with it has ended.
    pub(crate) secret: Secret,
}

/// A bot that holds a token.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) bot_id: BotId,
    pub(crate) tenant_id: TenantId,
    pub(crate) tags: Vec<Tag>,
    pub(crate) access: Arc<Access>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) ledger: Arc<Ledger>,
}

#[derive(Clone, Debug)]
struct Bot {
    tenant_id: TenantId,
    tags: Vec<Tag>,
    access: Arc<Access>,
    /// Its valid tokens, each with its end.
    tokens: Vec<(TokenHash, Option<Timestamp>)>,
}

/// Where a key is kept. The row's id stands for the vendor: what is not in the table cannot be called.
type Place = (TenantId, &'static str);

/// The snapshot. A clone shares everything that is not changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    tokens: HashMap<TokenHash, Arc<Caller>>,
    bots: HashMap<BotId, Bot>,
    keys: HashMap<KeyId, Place>,
    groups: HashMap<Place, Arc<KeyGroup>>,
    ledgers: HashMap<BotId, Arc<Ledger>>,
}

impl Directory {
    /// The bot that holds `token`.
    pub(crate) fn caller(&self, token: &str) -> Option<&Arc<Caller>> {
        self.tokens.get(&TokenHash::of(token))
    }

    /// The keys of `tenant` for `vendor`, and of nobody else.
    pub(crate) fn keys(&self, tenant: TenantId, vendor: &Vendor) -> Option<&Arc<KeyGroup>> {
        self.groups.get(&(tenant, vendor.id))
    }

    /// The ledger of a bot, made where there is none yet.
    pub(crate) fn ledger(&mut self, bot: BotId) -> Arc<Ledger> {
        Arc::clone(self.ledgers.entry(bot).or_default())
    }
}

#[cfg(test)]
mod tests;
