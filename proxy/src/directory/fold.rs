//! Events as changes of the directory.

use super::{Bot, Caller, Directory, Key};
use crate::{
    choose::KeyGroup,
    ports::{UnsealError, Unsealer},
    vendors::{self, Endpoint},
};
use clawplane_domain::{
    BotId, KeyId, TenantId, Timestamp, TokenHash,
    bot::{Access, BotEvent},
    provider_key::{AddKey, KeyEvent},
    quota::{QuotaEvent, QuotaLimits},
    values::Tag,
};
use clawplane_eventstore::{RecordedEvent, StoreError};
use std::sync::Arc;

/// What an event changes in the directory.
#[derive(Debug)]
pub(crate) enum Change {
    BotCreated { id: BotId, tenant: TenantId, tags: Vec<Tag> },
    TokenIssued { id: BotId, hash: TokenHash, expires_at: Option<Timestamp> },
    AccessSet { id: BotId, access: Access },
    BotDeleted(BotId),
    KeyAdded { tenant: TenantId, vendor: &'static str, key: Arc<Key> },
    KeyDeleted(KeyId),
    QuotaSet { id: BotId, limits: QuotaLimits },
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
            "quota" => {
                let QuotaEvent::Set { bot_id, limits, .. } = event.decode()?;
                Ok(Some(Self::QuotaSet { id: bot_id, limits }))
            }
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
            BotEvent::AccessSet { access } => Some(Self::AccessSet { id: id()?, access }),
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
                let bot = Bot { tenant_id: tenant, tags, access: Arc::default(), tokens: Vec::new() };
                self.bots.insert(id, bot);
            }
            Change::TokenIssued { id, hash, expires_at } => self.set_tokens(id, vec![(hash, expires_at)]),
            Change::AccessSet { id, access } => {
                let Some(bot) = self.bots.get_mut(&id) else { return };
                bot.access = Arc::new(access);
                let tokens = bot.tokens.clone();
                self.set_tokens(id, tokens);
            }
            Change::BotDeleted(id) => {
                self.set_tokens(id, Vec::new());
                self.bots.remove(&id);
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
            Change::QuotaSet { id, limits } => self.ledger(id).set_limits(limits),
        }
    }

    /// Makes `tokens` the only valid ones of a bot, with what the bot is now.
    fn set_tokens(&mut self, id: BotId, tokens: Vec<(TokenHash, Option<Timestamp>)>) {
        let ledger = self.ledger(id);
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
                expires_at,
                ledger: Arc::clone(&ledger),
            };
            self.tokens.insert(hash, Arc::new(caller));
        }
    }

    fn others(&self, place: super::Place, id: KeyId) -> Vec<Arc<Key>> {
        let keys = self.groups.get(&place).map(|group| group.keys()).unwrap_or_default();
        keys.iter().filter(|key| key.id != id).cloned().collect()
    }
}
