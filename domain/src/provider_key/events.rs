//! What happens to a provider key.

use super::{AddKey, Cooling, Disabling};
use crate::{
    DataKeyId, SealedSecret,
    claim::Claims,
    values::{Label, Tag},
};
use serde::{Deserialize, Serialize};

/// An event of a key's stream (`provider_key`, the key's id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum KeyEvent {
    /// It exists and may be used.
    #[serde(rename = "provider_key.added")]
    Added {
        /// What it is made of; the secret is sealed.
        #[serde(flatten)]
        key: AddKey,
    },
    /// It must not be used any more, and its data key is destroyed.
    #[serde(rename = "provider_key.deleted")]
    Deleted {
        /// The vault's row to destroy, which shreds the secret in history too.
        data_key_id: DataKeyId,
    },
    /// It is called and chosen like this from now on.
    #[serde(rename = "provider_key.changed")]
    Changed {
        /// Its name for people.
        label: Label,
        /// Bots with one of these tags prefer it.
        tags: Vec<Tag>,
        /// Its share among equal keys.
        weight: u32,
    },
    /// It has another secret, which has not failed yet; the earlier one's data key is destroyed.
    #[serde(rename = "provider_key.rotated")]
    Rotated {
        /// The secret. Its additional data are tenant and key id.
        sealed: SealedSecret,
        /// The vault's row to destroy.
        previous_data_key_id: DataKeyId,
    },
    /// It is not used until somebody enables it.
    #[serde(rename = "provider_key.disabled")]
    Disabled {
        /// Who and why.
        #[serde(flatten)]
        disabling: Disabling,
    },
    /// It may be used, with a clean record.
    #[serde(rename = "provider_key.enabled")]
    Enabled {},
    /// It failed and is left alone for a while.
    #[serde(rename = "provider_key.cooled")]
    Cooled {
        /// Until when and why.
        #[serde(flatten)]
        cooling: Cooling,
    },
    /// It works again after a cool-down.
    #[serde(rename = "provider_key.recovered")]
    Recovered {},
}

impl KeyEvent {
    /// The vault's row that has to be destroyed because of this event.
    pub fn shreds(&self) -> Option<DataKeyId> {
        match self {
            Self::Deleted { data_key_id } => Some(*data_key_id),
            Self::Rotated { previous_data_key_id, .. } => Some(*previous_data_key_id),
            _ => None,
        }
    }
}

crate::aggregate::impl_event!(KeyEvent {
    Added => "provider_key.added" @ "1",
    Deleted => "provider_key.deleted" @ "1",
    Changed => "provider_key.changed" @ "1",
    Rotated => "provider_key.rotated" @ "1",
    Disabled => "provider_key.disabled" @ "1",
    Enabled => "provider_key.enabled" @ "1",
    Cooled => "provider_key.cooled" @ "1",
    Recovered => "provider_key.recovered" @ "1",
});

impl Claims for KeyEvent {}
