//! What can be asked of a provider key, and what is decided.

use super::{ApiType, KeyEvent, OnDisconnect, ProviderKey};
use crate::{
    KeyId, SealedSecret, TenantId, UserId,
    values::{BaseUrl, Label, Tag, VendorId},
};
use serde::{Deserialize, Serialize};

/// Most tags of one key.
pub const MAX_TAGS: usize = 32;
/// Largest weight; the smallest is 1.
pub const MAX_WEIGHT: u32 = 1000;

/// Everything a provider key is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddKey {
    /// Its id, which also is its stream's.
    pub id: KeyId,
    /// Whose it is; no other tenant's bot may use it.
    pub tenant_id: TenantId,
    /// Who added it.
    pub created_by: UserId,
    /// The vendor, a row of the vendor table.
    pub vendor: VendorId,
    /// Its name for people.
    pub label: Label,
    /// Bots with one of these tags prefer it.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Its share among equal keys, 1 to 1000.
    pub weight: u32,
    /// Where its vendor is reached, when not at the vendor table's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<BaseUrl>,
    /// The wire format, for the vendor `custom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_type: Option<ApiType>,
    /// What becomes of a request whose client goes away.
    #[serde(default, skip_serializing_if = "OnDisconnect::is_usual")]
    pub on_disconnect: OnDisconnect,
    /// The vendor's key. Its additional data are tenant and key id.
    pub sealed: SealedSecret,
}

/// A command to one key.
#[derive(Clone, Debug)]
pub enum KeyCommand {
    /// Add it.
    Add(Box<AddKey>),
    /// Destroy it.
    Delete,
}

/// Why a command to a key was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// `Add` on a stream that exists.
    #[error("the provider key exists already")]
    Exists,
    /// A command to a key that does not exist or was deleted.
    #[error("there is no such provider key")]
    Unknown,
    /// Too many tags.
    #[error("`tags` may have at most {MAX_TAGS} entries")]
    TooManyTags,
    /// A weight outside its range.
    #[error("`weight` must be 1 to {MAX_WEIGHT}")]
    Weight,
    /// `custom` has no address and no format of its own.
    #[error("`{field}` is required for the vendor `custom`")]
    CustomNeeds {
        /// The missing field, as the API names it.
        field: &'static str,
    },
}

pub(super) fn decide(state: &ProviderKey, command: KeyCommand) -> Result<Vec<KeyEvent>, KeyRefusal> {
    match (&state.key, command) {
        (Some(_), KeyCommand::Add(_)) => Err(KeyRefusal::Exists),
        (None, KeyCommand::Add(key)) => add(*key),
        (Some(key), KeyCommand::Delete) if !state.deleted => {
            Ok(vec![KeyEvent::Deleted { data_key_id: key.sealed.data_key_id }])
        }
        (_, KeyCommand::Delete) => Err(KeyRefusal::Unknown),
    }
}

fn add(key: AddKey) -> Result<Vec<KeyEvent>, KeyRefusal> {
    if key.tags.len() > MAX_TAGS {
        return Err(KeyRefusal::TooManyTags);
    }
    if !(1..=MAX_WEIGHT).contains(&key.weight) {
        return Err(KeyRefusal::Weight);
    }
    if key.vendor.as_str() == "custom" {
        if key.base_url.is_none() {
            return Err(KeyRefusal::CustomNeeds { field: "baseUrl" });
        }
        if key.api_type.is_none() {
            return Err(KeyRefusal::CustomNeeds { field: "apiType" });
        }
    }
    Ok(vec![KeyEvent::Added { key }])
}
