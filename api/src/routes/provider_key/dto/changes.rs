//! What can be changed of a provider key.

use super::{SECRET_RULE, is_header_text};
use crate::{fields::Fields, problem::Problem};
use clawplane_domain::{
    Secret,
    provider_key::{DisabledBy, Disabling, KeyChange, KeyCommand, health::MAX_REASON},
};
use serde::Deserialize;
use utoipa::ToSchema;

/// What to change of a provider key; what is not there stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChangeKeyRequest {
    /// Its name for people.
    #[schema(example = "Team account", max_length = 100)]
    label: Option<String>,
    /// Bots with one of these tags prefer it.
    #[schema(example = json!(["support"]), max_items = 32)]
    tags: Option<Vec<String>>,
    /// Its share among equal keys.
    #[schema(minimum = 1, maximum = 1000)]
    weight: Option<u32>,
}

impl ChangeKeyRequest {
    /// Checked; the domain knows the bounds.
    pub(crate) fn check(self) -> Result<KeyChange, Problem> {
        let mut fields = Fields::default();
        let label = fields.optional("label", self.label.as_deref());
        let tags = self.tags.map(|tags| fields.list("tags", &tags));
        fields.finish(Some(KeyChange { label, tags, weight: self.weight }))
    }
}

/// Why a provider key is taken out of use.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DisableKeyRequest {
    /// For whoever wonders; no secret.
    #[schema(example = "leaked", max_length = 500)]
    reason: Option<String>,
}

impl DisableKeyRequest {
    /// Checked.
    pub(crate) fn check(self) -> Result<KeyCommand, Problem> {
        let reason = self.reason.unwrap_or_else(|| "disabled by hand".to_owned());
        let mut fields = Fields::default();
        let message = format!("must have at most {MAX_REASON} characters");
        fields.require("reason", reason.chars().count() <= MAX_REASON, &message);
        let disabling = Disabling { by: DisabledBy::Person, reason, status: None };
        fields.finish(Some(KeyCommand::Disable { disabling, secret: None }))
    }
}

/// Another secret for a provider key.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RotateKeyRequest {
    /// The vendor's key. It is encrypted at once and never comes back.
    #[schema(value_type = String, format = "password", min_length = 1, max_length = 8192, example = "sk-...")]
    secret: Secret,
}

impl RotateKeyRequest {
    /// Checked.
    pub(crate) fn check(self) -> Result<Secret, Problem> {
        let mut fields = Fields::default();
        fields.require("secret", is_header_text(&self.secret), SECRET_RULE);
        fields.finish(Some(self.secret))
    }
}
