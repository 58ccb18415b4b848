//! What a provider key is made of, and what a client sees of it.

mod changes;

pub(super) use changes::{ChangeKeyRequest, DisableKeyRequest, RotateKeyRequest};

use super::state::StateDto;
use crate::{ApiState, fields::Fields, problem::Problem};
use chrono::{DateTime, Utc};
use clawplane_domain::{
    Secret,
    provider_key::{AddKey, ApiType, OnDisconnect},
    values::{BaseUrl, Label, Tag, VendorId},
};
use clawplane_projections::{KeyHealth, KeyRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Longest secret in bytes.
const LONGEST_SECRET: usize = 8192;

/// A new provider key.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AddKeyRequest {
    /// The vendor.
    #[schema(example = "openai")]
    vendor: String,
    /// The vendor's key. It is encrypted at once and never comes back.
    #[schema(value_type = String, format = "password", min_length = 1, max_length = 8192, example = "sk-...")]
    secret: Secret,
    /// Its name for people.
    #[schema(example = "Team account", max_length = 100)]
    label: String,
    /// Bots with one of these tags prefer it.
    #[serde(default)]
    #[schema(example = json!(["support"]), max_items = 32)]
    tags: Vec<String>,
    /// Where the vendor is reached, when not at its usual address. No private address.
    #[schema(example = "https://my-resource.openai.azure.com/openai/v1", format = "uri")]
    base_url: Option<String>,
    /// Its share among equal keys.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 1000)]
    weight: u32,
    /// The wire format of the vendor `custom`: `openai`, `anthropic`, `gemini`, `cohere` or `ollama`.
    #[schema(example = "openai")]
    api_type: Option<String>,
    /// What becomes of a request whose client goes away: `cancel` ends it at the vendor too, `drain` reads the answer to its
    /// end, so that what it costs is known exactly.
    #[schema(example = "drain", default = "cancel")]
    on_disconnect: Option<String>,
}

fn one() -> u32 {
    1
}

/// A checked [`AddKeyRequest`].
pub(super) struct NewKey {
    pub(super) vendor: VendorId,
    pub(super) secret: Secret,
    pub(super) label: Label,
    pub(super) tags: Vec<Tag>,
    pub(super) base_url: Option<BaseUrl>,
    pub(super) weight: u32,
    pub(super) api_type: Option<ApiType>,
    pub(super) on_disconnect: OnDisconnect,
}

impl AddKeyRequest {
    /// Checked, by the vendor table's rules too.
    pub(super) fn check(self, api: &ApiState) -> Result<NewKey, Problem> {
        let mut fields = Fields::default();
        let vendor: Option<VendorId> = fields.parse("vendor", &self.vendor);
        fields.require("secret", is_header_text(&self.secret), SECRET_RULE);
        let label = fields.parse("label", &self.label);
        let tags = fields.list("tags", &self.tags);
        let base_url: Option<BaseUrl> = fields.optional("baseUrl", self.base_url.as_deref());
        let api_type = self.api_type.map(|text| api_type(&mut fields, text));
        let on_disconnect =
            self.on_disconnect.map_or_else(OnDisconnect::default, |text| on_disconnect(&mut fields, text));
        let shaped = (self.base_url.is_none() || base_url.is_some()) && api_type != Some(None);
        let api_type = api_type.flatten();
        if let Some(vendor) = vendor.as_ref().filter(|_| shaped) {
            let known = api.vendors.knows(vendor);
            fields.require("vendor", known, "must be a vendor of the vendor table");
            if known {
                fields.check(api.vendors.check(vendor, base_url.as_ref(), api_type));
            }
        }
        let (secret, weight) = (self.secret, self.weight);
        let key = vendor.zip(label).map(|(vendor, label)| NewKey {
            vendor,
            secret,
            label,
            tags,
            base_url,
            weight,
            api_type,
            on_disconnect,
        });
        fields.finish(key)
    }
}

const SECRET_RULE: &str =
    "must be 1 to 8192 printable ASCII characters, without spaces or line breaks around it";

/// It will go into a header: no line breaks, nothing that a header cannot hold.
fn is_header_text(secret: &Secret) -> bool {
    let text = secret.expose();
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    (1..=LONGEST_SECRET).contains(&secret.len()) && printable && text.trim() == text
}

fn api_type(fields: &mut Fields, text: String) -> Option<ApiType> {
    let parsed = serde_json::from_value(serde_json::Value::String(text)).ok();
    fields.require(
        "apiType",
        parsed.is_some(),
        "must be `openai`, `anthropic`, `gemini`, `cohere` or `ollama`",
    );
    parsed
}

fn on_disconnect(fields: &mut Fields, text: String) -> OnDisconnect {
    let parsed = serde_json::from_value(serde_json::Value::String(text)).ok();
    fields.require("onDisconnect", parsed.is_some(), "must be `cancel` or `drain`");
    parsed.unwrap_or_default()
}

/// A provider key, without its secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ProviderKey)]
pub(crate) struct KeyDto {
    /// Its id.
    id: Uuid,
    /// The vendor.
    #[schema(example = "openai")]
    vendor: String,
    /// Its name for people.
    #[schema(example = "Team account")]
    label: String,
    /// Bots with one of these tags prefer it.
    tags: Vec<String>,
    /// Where the vendor is reached, when not at its usual address.
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    /// Its share among equal keys.
    #[schema(example = 1)]
    weight: u32,
    /// The wire format, where it is not the vendor's usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    api_type: Option<ApiType>,
    /// What becomes of a request whose client goes away: `cancel` or `drain`.
    #[schema(value_type = String, example = "cancel")]
    on_disconnect: OnDisconnect,
    /// The user who added it.
    created_by: Uuid,
    /// When.
    created_at: DateTime<Utc>,
    /// When a request last used it.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<DateTime<Utc>>,
    /// The status that this request ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 200)]
    last_status: Option<u16>,
    #[serde(flatten)]
    state: StateDto,
}

impl KeyDto {
    /// As it was added `at` this moment.
    pub(super) fn fresh(key: AddKey, at: DateTime<Utc>) -> Self {
        Self {
            id: key.id.0,
            vendor: key.vendor.into(),
            label: key.label.into(),
            tags: key.tags.into_iter().map(Into::into).collect(),
            base_url: key.base_url.map(Into::into),
            weight: key.weight,
            api_type: key.api_type,
            on_disconnect: key.on_disconnect,
            created_by: key.created_by.0,
            created_at: at,
            last_used_at: None,
            last_status: None,
            state: KeyHealth::healthy(at).into(),
        }
    }

    /// Where it is found.
    pub(super) fn location(&self) -> String {
        format!("/api/provider-key/{}", self.id)
    }
}

impl From<KeyRow> for KeyDto {
    fn from(row: KeyRow) -> Self {
        Self {
            id: row.id.0,
            vendor: row.vendor.into(),
            label: row.label.into(),
            tags: row.tags.into_iter().map(Into::into).collect(),
            base_url: row.base_url.map(Into::into),
            weight: row.weight,
            api_type: row.api_type,
            on_disconnect: row.on_disconnect,
            created_by: row.created_by.0,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            last_status: row.last_status,
            state: row.health.into(),
        }
    }
}
