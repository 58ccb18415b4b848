//! Events as changes of the directory.

use super::{Bot, Caller, Directory, Key};
use crate::{
    choose::KeyGroup,
    health::{Health, Turn},
    ports::{UnsealError, Unsealer},
    quota::Ledger,
    vendors::{self, Endpoint},
};
use clawplane_domain::{
    BotId, DataKeyId, KeyId, SealedSecret, Secret, TenantId, TimeZone, Timestamp, TokenHash,
    bot::{BotEvent, Fallback},
    provider_key::{AddKey, KeyEvent},
    quota::{QuotaEvent, QuotaLimits, QuotaSubject},
    sealed::bound_to_key,
    tenant::TenantEvent,
    values::{Label, Tag},
};
use clawplane_eventstore::{RecordedEvent, StoreError};
use std::sync::Arc;

/// What an event changes in the directory.
#[derive(Debug)]
pub(crate) enum Change {
    BotCreated {
        id: BotId,
        tenant: TenantId,
        tags: Vec<Tag>,
    },
    TokenIssued {
        id: BotId,
        hash: TokenHash,
        expires_at: Option<Timestamp>,
    },
    FallbacksSet {
        id: BotId,
        fallbacks: Arc<[Fallback]>,
    },
    BotDeleted(BotId),
    KeyAdded {
        tenant: TenantId,
        vendor: &'static str,
        key: Arc<Key>,
    },
    KeyDeleted(KeyId),
    KeyChanged {
        id: KeyId,
        label: Label,
        tags: Vec<Tag>,
        weight: u32,
    },
    KeyRotated {
        id: KeyId,
        secret: Option<Secret>,
        data_key: DataKeyId,
    },
    KeyTurned {
        id: KeyId,
        turn: Turn,
        at: Timestamp,
    },
    /// `None` when it was cleared.
    QuotaSet {
        subject: QuotaSubject,
        limits: Option<QuotaLimits>,
    },
    TimeZoneSet {
        tenant: TenantId,
        zone: TimeZone,
    },
}

/// Why an event changes nothing, though it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfoldable {
    #[error(transparent)]
    Payload(#[from] StoreError),
    #[error("the stream's id is no id of its type")]
    StreamId(#[from] uuid::Error),
    #[error("the provider key cannot be opened")]
    Secret(#[source] UnsealError),
    #[error("the vendor is not in the vendor table")]
    Vendor,
    #[error("the base URL is no URL")]
    BaseUrl,
}

impl Unfoldable {
    /// Whether trying again can help.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(self, Self::Secret(UnsealError::Unavailable(_)))
    }
}

impl Change {
    /// What `event` changes; `None` where it is of no interest. Opens the secret of a new key.
    pub(crate) async fn of(
        event: &RecordedEvent,
        unsealer: &dyn Unsealer,
    ) -> Result<Option<Self>, Unfoldable> {
        match event.aggregate_type.as_str() {
            "bot" => Self::of_bot(event),
            "provider_key" => Self::of_key(event, unsealer).await.map(Some),
            "quota" => Ok(match event.decode()? {
                QuotaEvent::Set { subject, limits } => Some(Self::QuotaSet { subject, limits: Some(limits) }),
                QuotaEvent::Cleared { subject } => Some(Self::QuotaSet { subject, limits: None }),
                QuotaEvent::ThresholdReached { .. } => None,
            }),
            "tenant" => Ok(match event.decode()? {
                TenantEvent::TimeZoneSet { time_zone } => {
                    let tenant = event.aggregate_id.parse()?;
                    Some(Self::TimeZoneSet { tenant, zone: time_zone })
                }
                _ => None,
            }),
            _ => Ok(None),
        }
    }

    fn of_bot(event: &RecordedEvent) -> Result<Option<Self>, Unfoldable> {
        let id = || event.aggregate_id.parse::<BotId>();
        Ok(match event.decode()? {
            BotEvent::Created { bot } => {
                Some(Self::BotCreated { id: bot.id, tenant: bot.tenant_id, tags: bot.tags })
            }
            BotEvent::TokenIssued { token } => {
                Some(Self::TokenIssued { id: id()?, hash: token.hash, expires_at: token.expires_at })
            }
            BotEvent::FallbacksSet { fallbacks } => {
                Some(Self::FallbacksSet { id: id()?, fallbacks: fallbacks.into() })
            }
            BotEvent::Deleted { .. } => Some(Self::BotDeleted(id()?)),
            _ => None,
        })
    }

    async fn of_key(event: &RecordedEvent, unsealer: &dyn Unsealer) -> Result<Self, Unfoldable> {
        let id: KeyId = event.aggregate_id.parse()?;
        let turned = |turn| Self::KeyTurned { id, turn, at: event.metadata.at };
        Ok(match event.decode()? {
            KeyEvent::Added { key } => return Self::of_new_key(key, unsealer).await,
            KeyEvent::Deleted { .. } => Self::KeyDeleted(id),
            KeyEvent::Changed { label, tags, weight } => Self::KeyChanged { id, label, tags, weight },
            KeyEvent::Rotated { sealed, .. } => {
                let secret = open(&sealed, (event.tenant_id, id), unsealer).await?;
                Self::KeyRotated { id, secret, data_key: sealed.data_key_id }
            }
            KeyEvent::Disabled { .. } => turned(Turn::Disabled),
            KeyEvent::Enabled {} => turned(Turn::Enabled),
            KeyEvent::Cooled { cooling } => turned(Turn::Cooled(cooling)),
            KeyEvent::Recovered {} => turned(Turn::Recovered),
        })
    }

    async fn of_new_key(key: AddKey, unsealer: &dyn Unsealer) -> Result<Self, Unfoldable> {
        let vendor = vendors::find(key.vendor.as_str()).ok_or(Unfoldable::Vendor)?;
        let endpoint = match &key.base_url {
            Some(url) => Some(Endpoint::parse(url.as_str()).ok_or(Unfoldable::BaseUrl)?),
            None => None,
        };
        let secret = open(&key.sealed, (key.tenant_id, key.id), unsealer).await?;
        let opened = Key {
            id: key.id,
            label: key.label,
            weight: key.weight,
            tags: key.tags,
            endpoint,
            api_type: key.api_type,
            on_disconnect: key.on_disconnect,
            secret,
            data_key: key.sealed.data_key_id,
            health: Arc::default(),
        };
        Ok(Self::KeyAdded { tenant: key.tenant_id, vendor: vendor.id, key: Arc::new(opened) })
    }
}

/// A secret; `None` when it was shredded, because the key was deleted or rotated later in history.
async fn open(
    sealed: &SealedSecret,
    (tenant, key): (TenantId, KeyId),
    unsealer: &dyn Unsealer,
) -> Result<Option<Secret>, Unfoldable> {
    match unsealer.open(sealed, &bound_to_key(tenant, key)).await {
        Ok(secret) => Ok(Some(secret)),
        Err(UnsealError::Gone) => Ok(None),
        Err(error) => Err(Unfoldable::Secret(error)),
    }
}

impl Directory {
    /// Makes a change. Making it twice is making it once.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::BotCreated { id, tenant, tags } => {
                self.bots.insert(id, Bot { tenant_id: tenant, tags, fallbacks: Arc::default(), token: None });
            }
            Change::TokenIssued { id, hash, expires_at } => self.issue(id, hash, expires_at),
            Change::FallbacksSet { id, fallbacks } => self.set_fallbacks(id, fallbacks),
            Change::BotDeleted(id) => {
                if let Some(hash) = self.bots.remove(&id).and_then(|bot| bot.token) {
                    self.tokens.remove(&hash);
                }
                self.ledgers.remove(&id);
            }
            Change::KeyAdded { tenant, vendor, key } => self.put((tenant, vendor), key),
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

    fn issue(&mut self, id: BotId, hash: TokenHash, expires_at: Option<Timestamp>) {
        let Some(tenant_id) = self.bots.get(&id).map(|bot| bot.tenant_id) else { return };
        let ledger = self.ledger(QuotaSubject::bot(tenant_id, id));
        let tenant_ledger = self.ledger(QuotaSubject::tenant(tenant_id));
        let Some(bot) = self.bots.get_mut(&id) else { return };
        if let Some(old) = bot.token.replace(hash) {
            self.tokens.remove(&old);
        }
        let (tags, fallbacks) = (bot.tags.clone(), Arc::clone(&bot.fallbacks));
        let caller = Caller { bot_id: id, tenant_id, tags, fallbacks, expires_at, ledger, tenant_ledger };
        self.tokens.insert(hash, Arc::new(caller));
    }

    fn set_fallbacks(&mut self, id: BotId, fallbacks: Arc<[Fallback]>) {
        let Some(bot) = self.bots.get_mut(&id) else { return };
        bot.fallbacks = Arc::clone(&fallbacks);
        let Some(hash) = bot.token else { return };
        if let Some(caller) = self.tokens.get_mut(&hash) {
            *caller = Arc::new(Caller { fallbacks, ..Caller::clone(caller) });
        }
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
