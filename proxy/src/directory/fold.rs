//! Events as changes of the directory.

use super::{Bot, Caller, Directory, Key};
use crate::{
    choose::KeyGroup,
    ports::{UnsealError, Unsealer},
    quota::Ledger,
    vendors::{self, Endpoint},
};
use clawplane_domain::{
    BotId, KeyId, TenantId, TimeZone, Timestamp, TokenHash,
    bot::BotEvent,
    provider_key::{AddKey, KeyEvent},
    quota::{QuotaEvent, QuotaLimits, QuotaSubject},
    tenant::TenantEvent,
    values::Tag,
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
    BotDeleted(BotId),
    KeyAdded {
        tenant: TenantId,
        vendor: &'static str,
        key: Arc<Key>,
    },
    KeyDeleted(KeyId),
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
            "provider_key" => match event.decode()? {
                KeyEvent::Added { key } => Self::of_key(key, unsealer).await,
                KeyEvent::Deleted { .. } => Ok(Some(Self::KeyDeleted(event.aggregate_id.parse()?))),
            },
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
            BotEvent::Deleted { .. } => Some(Self::BotDeleted(id()?)),
            _ => None,
        })
    }

    async fn of_key(key: AddKey, unsealer: &dyn Unsealer) -> Result<Option<Self>, Unfoldable> {
        let vendor = vendors::find(key.vendor.as_str()).ok_or(Unfoldable::Vendor)?;
        let endpoint = match &key.base_url {
            Some(url) => Some(Endpoint::parse(url.as_str()).ok_or(Unfoldable::BaseUrl)?),
            None => None,
        };
        let secret = match unsealer
            .open(&key.sealed, &clawplane_domain::sealed::bound_to_key(key.tenant_id, key.id))
            .await
        {
            Ok(secret) => secret,
            // Deleted later in history: its event follows.
            Err(UnsealError::Gone) => return Ok(None),
            Err(error) => return Err(Unfoldable::Secret(error)),
        };
        let opened =
            Key { id: key.id, weight: key.weight, tags: key.tags, endpoint, api_type: key.api_type, secret };
        Ok(Some(Self::KeyAdded { tenant: key.tenant_id, vendor: vendor.id, key: Arc::new(opened) }))
    }
}

impl Directory {
    /// Makes a change. Making it twice is making it once.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::BotCreated { id, tenant, tags } => {
                self.bots.insert(id, Bot { tenant_id: tenant, tags, token: None });
            }
            Change::TokenIssued { id, hash, expires_at } => self.issue(id, hash, expires_at),
            Change::BotDeleted(id) => {
                if let Some(hash) = self.bots.remove(&id).and_then(|bot| bot.token) {
                    self.tokens.remove(&hash);
                }
                self.ledgers.remove(&id);
            }
            Change::KeyAdded { tenant, vendor, key } => {
                self.keys.insert(key.id, (tenant, vendor));
                let mut keys = self.others((tenant, vendor), key.id);
                keys.push(key);
                self.groups.insert((tenant, vendor), Arc::new(KeyGroup::new(keys)));
            }
            Change::KeyDeleted(id) => {
                let Some(place) = self.keys.remove(&id) else { return };
                let keys = self.others(place, id);
                if keys.is_empty() {
                    self.groups.remove(&place);
                } else {
                    self.groups.insert(place, Arc::new(KeyGroup::new(keys)));
                }
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
        let tags = bot.tags.clone();
        let caller = Caller { bot_id: id, tenant_id, tags, expires_at, ledger, tenant_ledger };
        self.tokens.insert(hash, Arc::new(caller));
    }

    fn others(&self, place: super::Place, id: KeyId) -> Vec<Arc<Key>> {
        let keys = self.groups.get(&place).map(|group| group.keys()).unwrap_or_default();
        keys.iter().filter(|key| key.id != id).cloned().collect()
    }
}
