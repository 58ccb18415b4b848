//! The directory with a change made.

use super::{Bot, Caller, Change, Directory, Key};
use crate::{
    choose::KeyGroup,
    health::{Health, Turn},
    quota::Ledger,
};
use clawplane_domain::{BotId, KeyId, TenantId, TimeZone, Timestamp, TokenHash, quota::QuotaSubject};
use std::sync::Arc;

impl Directory {
    /// Makes a change. Making it twice is making it once.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::BotCreated { id, tenant, tags } => {
                let bot = Bot {
                    tenant_id: tenant,
                    tags,
                    access: Arc::default(),
                    fallbacks: Arc::default(),
                    tokens: Vec::new(),
                };
                self.bots.insert(id, bot);
            }
            Change::TokensSet { id, tokens } => self.set_tokens(id, tokens),
            Change::TagsSet { id, tags } => self.change_bot(id, |bot| bot.tags = tags),
            Change::AccessSet { id, access } => self.change_bot(id, |bot| bot.access = Arc::new(access)),
            Change::FallbacksSet { id, fallbacks } => self.change_bot(id, |bot| bot.fallbacks = fallbacks),
            Change::BotDeleted(id) => {
                self.set_tokens(id, Vec::new());
                self.bots.remove(&id);
                self.ledgers.remove(&id);
            }
            Change::KeyAdded { tenant, vendor, key } => self.put((tenant, vendor), key),
            Change::Price(turn) => turn.apply(Arc::make_mut(&mut self.prices)),
            Change::KeyChanged { id, label, tags, weight } => {
                self.alter(id, |key| (key.label, key.tags, key.weight) = (label, tags, weight));
            }
            Change::KeyRotated { id, secret, data_key } => self.alter(id, |key| {
                // What is on its way with the old secret says nothing about the new one; a disabled key stays so.
                let health = Arc::<Health>::default();
                if key.health.is_disabled() {
                    health.turn(Turn::Disabled, Timestamp::UNIX_EPOCH);
                }
                (key.secret, key.data_key, key.health) = (secret, data_key, health);
            }),
            Change::KeyTurned { id, turn, at } => {
                if let Some((_, key)) = self.keys.get(&id) {
                    key.health.turn(turn, at);
                }
            }
            Change::KeyDeleted(id) => {
                let Some((place, _)) = self.keys.remove(&id) else { return };
                let keys = self.others(place, id);
                self.regroup(place, keys);
            }
            Change::QuotaSet { subject, limits } => self.ledger(subject).set_limits(limits),
            Change::TimeZoneSet { tenant, zone } => self.set_zone(tenant, zone),
        }
    }

    fn set_zone(&mut self, tenant: TenantId, zone: TimeZone) {
        self.zones.insert(tenant, zone);
        let of_tenant = |ledger: &&Arc<Ledger>| ledger.tenant() == tenant;
        self.ledgers().filter(of_tenant).for_each(|ledger| ledger.set_zone(zone));
    }

    /// Makes `tokens` the only valid ones of a bot, with what the bot is now.
    fn set_tokens(&mut self, id: BotId, tokens: Vec<(TokenHash, Option<Timestamp>)>) {
        let Some(tenant_id) = self.bots.get(&id).map(|bot| bot.tenant_id) else { return };
        let ledger = self.ledger(QuotaSubject::bot(tenant_id, id));
        let tenant_ledger = self.ledger(QuotaSubject::tenant(tenant_id));
        let Some(bot) = self.bots.get_mut(&id) else { return };
        for (old, _) in std::mem::replace(&mut bot.tokens, tokens) {
            self.tokens.remove(&old);
        }
        for &(hash, expires_at) in &bot.tokens {
            let caller = Caller {
                bot_id: id,
                tenant_id: bot.tenant_id,
                tags: bot.tags.clone(),
                access: Arc::clone(&bot.access),
                fallbacks: Arc::clone(&bot.fallbacks),
                expires_at,
                ledger: Arc::clone(&ledger),
                tenant_ledger: Arc::clone(&tenant_ledger),
            };
            self.tokens.insert(hash, Arc::new(caller));
        }
    }

    /// Changes what all tokens of a bot share.
    fn change_bot(&mut self, id: BotId, change: impl FnOnce(&mut Bot)) {
        let Some(bot) = self.bots.get_mut(&id) else { return };
        change(bot);
        let tokens = bot.tokens.clone();
        self.set_tokens(id, tokens);
    }

    fn alter(&mut self, id: KeyId, change: impl FnOnce(&mut Key)) {
        let Some((place, key)) = self.keys.get(&id) else { return };
        let (place, mut key) = (*place, Key::clone(key));
        change(&mut key);
        self.put(place, Arc::new(key));
    }

    fn put(&mut self, place: super::Place, key: Arc<Key>) {
        self.keys.insert(key.id, (place, Arc::clone(&key)));
        let mut keys = self.others(place, key.id);
        if key.secret.is_some() {
            keys.push(key);
        }
        self.regroup(place, keys);
    }

    fn regroup(&mut self, place: super::Place, keys: Vec<Arc<Key>>) {
        if keys.is_empty() {
            self.groups.remove(&place);
        } else {
            self.groups.insert(place, Arc::new(KeyGroup::new(keys)));
        }
    }

    fn others(&self, place: super::Place, id: KeyId) -> Vec<Arc<Key>> {
        let keys = self.groups.get(&place).map(|group| group.keys()).unwrap_or_default();
        keys.iter().filter(|key| key.id != id).cloned().collect()
    }
}
