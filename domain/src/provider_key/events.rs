//! What happens to a provider key.

use super::AddKey;
use crate::{DataKeyId, claim::Claims};
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
}

crate::aggregate::impl_event!(KeyEvent {
    Added => "provider_key.added" @ "1",
    Deleted => "provider_key.deleted" @ "1",
});

impl Claims for KeyEvent {}
