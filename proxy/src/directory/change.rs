//! What each event changes in the directory, with its secret opened.

use super::Key;
use crate::{
    health::Turn,
    ports::{UnsealError, Unsealer},
    price::Book,
    vendors::{self, Endpoint},
};
use clawplane_domain::{
    BotId, DataKeyId, KeyId, PriceId, SealedSecret, Secret, TenantId, TimeZone, Timestamp, TokenHash,
    bot::{Access, BotEvent, Fallback},
    price::{PriceEvent, VersionedPrice},
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
    /// These are its tokens, each with its end, and no other.
    TokensSet {
        id: BotId,
        tokens: Vec<(TokenHash, Option<Timestamp>)>,
    },
    TagsSet {
        id: BotId,
        tags: Vec<Tag>,
    },
    AccessSet {
        id: BotId,
        access: Access,
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
    Price(PriceTurn),
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

/// What becomes of a price.
#[derive(Debug)]
pub(crate) enum PriceTurn {
    Set(Box<VersionedPrice>),
    Removed(PriceId),
}

impl PriceTurn {
    pub(super) fn of(event: &RecordedEvent) -> Result<Self, Unfoldable> {
        let id: PriceId = event.aggregate_id.parse()?;
        Ok(match event.decode()? {
            PriceEvent::Set { row, .. } => {
                Self::Set(Box::new(VersionedPrice { id, sequence: event.sequence, row }))
            }
            PriceEvent::Removed { .. } => Self::Removed(id),
        })
    }

    pub(super) fn apply(self, book: &mut Book) {
        match self {
            Self::Set(price) => book.set(*price),
            Self::Removed(id) => book.remove(id),
        }
    }
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
            "price" => PriceTurn::of(event).map(|turn| Some(Self::Price(turn))),
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
                Some(Self::TokensSet { id: id()?, tokens: vec![(token.hash, token.expires_at)] })
            }
            BotEvent::TokenRotated { token, earlier } => {
                let earlier = earlier.into_iter().map(|old| (old.hash, Some(old.valid_until)));
                let tokens = std::iter::once((token.hash, token.expires_at)).chain(earlier);
                Some(Self::TokensSet { id: id()?, tokens: tokens.collect() })
            }
            BotEvent::TokensRevoked { .. } => Some(Self::TokensSet { id: id()?, tokens: Vec::new() }),
            BotEvent::Changed { shape } => match shape.tags {
                Some(tags) => Some(Self::TagsSet { id: id()?, tags }),
                None => None,
            },
            BotEvent::AccessSet { access } => Some(Self::AccessSet { id: id()?, access }),
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
