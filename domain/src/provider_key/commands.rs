//! What can be asked of a provider key, and what is decided.

use super::{ApiType, Cooling, Disabling, OnDisconnect};
use crate::{
    DataKeyId, KeyId, SealedSecret, TenantId, UserId,
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
    /// Call it something else, or choose it otherwise.
    Change(KeyChange),
    /// Put another secret of the vendor's in the place of the present one.
    Rotate(SealedSecret),
    /// Take it out of use. `secret` is the data key of the secret that was refused, where the proxy says so: the
    /// news of a secret that was rotated away meanwhile are no news.
    Disable {
        /// Who and why.
        disabling: Disabling,
        /// Whose failure it was; `None` for a person.
        secret: Option<DataKeyId>,
    },
    /// Put it back into use, with a clean record.
    Enable,
    /// From the proxy: leave it alone for a while.
    Cool {
        /// Until when and why.
        cooling: Cooling,
        /// Whose failure it was.
        secret: DataKeyId,
    },
    /// From the proxy: a request after the cool-down went well.
    Recover {
        /// Whose success it was.
        secret: DataKeyId,
    },
    /// Somebody asked the vendor, and the vendor takes this secret: whatever the proxy held against the key is over.
    /// What a person disabled stays disabled.
    Verified {
        /// The secret that was asked about.
        secret: DataKeyId,
    },
}

/// A change of a key; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// Its name for people.
    pub label: Option<Label>,
    /// Bots with one of these tags prefer it.
    pub tags: Option<Vec<Tag>>,
    /// Its share among equal keys.
    pub weight: Option<u32>,
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
