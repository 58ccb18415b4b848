//! Who may call and with what: tokens, keys and quotas in memory, as an immutable snapshot that readers share.
//!
//! The follower is the only writer. A reader takes the snapshot of its moment and never waits.

mod change;
mod fold;
mod follower;

pub(crate) use change::Change;
pub(crate) use follower::{Follower, read_prices};

use crate::{
    choose::KeyGroup,
    health::Health,
    price::Book,
    quota::Ledger,
    vendors::{self, Endpoint, Vendor},
};
use clawplane_domain::{
    BotId, DataKeyId, KeyId, Secret, TenantId, TimeZone, Timestamp, TokenHash,
    bot::{Access, Fallback},
    provider_key::{ApiType, OnDisconnect},
    quota::QuotaSubject,
    values::{Label, ModelId, Tag},
};
use imbl::HashMap;
use std::sync::Arc;

/// A provider key, opened.
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "a data key is a thing of its own")]
pub(crate) struct Key {
    pub(crate) id: KeyId,
    pub(crate) label: Label,
    pub(crate) weight: u32,
    pub(crate) tags: Vec<Tag>,
    /// Its own place, where it does not take its vendor's.
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) api_type: Option<ApiType>,
    pub(crate) on_disconnect: OnDisconnect,
    /// In memory that is overwritten when the last request with it has ended.
    /// `None` while only the event of a later rotation can tell it: such a key is in no group.
    pub(crate) secret: Option<Secret>,
    /// Names the secret without saying it.
    pub(crate) data_key: DataKeyId,
    /// Shared by all snapshots.
    pub(crate) health: Arc<Health>,
}

/// A bot that holds a token.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) bot_id: BotId,
    pub(crate) tenant_id: TenantId,
    pub(crate) tags: Vec<Tag>,
    pub(crate) access: Arc<Access>,
    pub(crate) fallbacks: Arc<[Fallback]>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) tenant_ledger: Arc<Ledger>,
}

impl Caller {
    /// The vendors that may stand in for `asked`, and what each is asked for, in their order. Whatever narrows what the bot may
    /// reach narrows them here, and nowhere else.
    pub(crate) fn stand_ins(
        &self,
        asked: &Vendor,
    ) -> impl Iterator<Item = (&'static Vendor, Option<&ModelId>)> {
        let of_asked = self.fallbacks.iter().filter(move |fallback| fallback.from.as_str() == asked.id);
        let known = of_asked
            .filter_map(|fallback| Some((vendors::find(fallback.to.as_str())?, fallback.model.as_ref())));
        let allowed = |(vendor, model): &(&Vendor, Option<&ModelId>)| {
            self.access.allows_vendor(vendor.id)
                && model.is_none_or(|model| self.access.allows_model(model.as_str()))
        };
        known.filter(move |other| other.0.id != asked.id && allowed(other))
    }
}

#[derive(Clone, Debug)]
struct Bot {
    tenant_id: TenantId,
    tags: Vec<Tag>,
    access: Arc<Access>,
    fallbacks: Arc<[Fallback]>,
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
    keys: HashMap<KeyId, (Place, Arc<Key>)>,
    groups: HashMap<Place, Arc<KeyGroup>>,
    ledgers: HashMap<BotId, Arc<Ledger>>,
    tenants: HashMap<TenantId, Arc<Ledger>>,
    /// Of tenants whose days and months are not UTC's.
    zones: HashMap<TenantId, TimeZone>,
    prices: Arc<Book>,
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

    /// What administrators say that models cost.
    pub(crate) fn prices(&self) -> &Arc<Book> {
        &self.prices
    }

    /// The ledger of a bot or a tenant, made where there is none yet.
    pub(crate) fn ledger(&mut self, subject: QuotaSubject) -> Arc<Ledger> {
        let zone = self.zones.get(&subject.tenant_id).copied().unwrap_or_default();
        let fresh = || Arc::new(Ledger::new(subject, zone));
        Arc::clone(match subject.bot_id {
            Some(bot) => self.ledgers.entry(bot).or_insert_with(fresh),
            None => self.tenants.entry(subject.tenant_id).or_insert_with(fresh),
        })
    }

    /// The tenants whose days and months are not UTC's.
    fn zones(&self) -> Vec<(TenantId, TimeZone)> {
        self.zones.iter().map(|(tenant, zone)| (*tenant, *zone)).collect()
    }

    /// Every key that can be called with, and its vendor.
    pub(crate) fn every_key(&self) -> impl Iterator<Item = (&'static str, &Arc<Key>)> {
        self.groups.iter().flat_map(|((_, vendor), group)| group.keys().iter().map(move |key| (*vendor, key)))
    }

    /// Every ledger.
    pub(crate) fn ledgers(&self) -> impl Iterator<Item = &Arc<Ledger>> {
        self.ledgers.values().chain(self.tenants.values())
    }
}

#[cfg(test)]
mod tests;
