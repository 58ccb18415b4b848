//! What a provider key is.

use super::{AddKey, Cooling, Disabling, KeyCommand, KeyEvent, KeyRefusal};
use crate::Decide;
use serde::{Deserialize, Serialize};

/// The wire format of a `custom` vendor, or of any key that is not its vendor's usual one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApiType {
    /// Chat completions, responses, embeddings; `Authorization: Bearer`.
    Openai,
    /// Messages; `x-api-key`.
    Anthropic,
    /// `generateContent`; `x-goog-api-key`.
    Gemini,
    /// Native v2 chat; `Authorization: Bearer`.
    Cohere,
    /// NDJSON; no key.
    Ollama,
}

/// What becomes of a request at the vendor when its client goes away before the answer's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDisconnect {
    /// It is cancelled; what was used until then is billed, by estimate where the vendor has not said yet.
    #[default]
    Cancel,
    /// It is read to its end, so that what it costs is known exactly.
    Drain,
}

impl OnDisconnect {
    /// Whether it is what holds where nothing is said; such a one is not stored.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands in a reference")]
    pub(crate) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// The aggregate. `Default` is the state before `provider_key.added`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderKey {
    /// Present from `provider_key.added` on, as it is now.
    pub key: Option<AddKey>,
    /// Deleted keys stay known, so that their ids are never used again.
    pub deleted: bool,
    /// Out of use until somebody enables it.
    #[serde(default)]
    pub disabled: Option<Disabling>,
    /// Left alone for a while; there until a success, also when the while is over.
    #[serde(default)]
    pub cooling: Option<Cooling>,
}

impl Decide for ProviderKey {
    type Command = KeyCommand;
    type Event = KeyEvent;
    type Refusal = KeyRefusal;

    fn decide(&self, command: KeyCommand) -> Result<Vec<KeyEvent>, KeyRefusal> {
        super::decisions::decide(self, command)
    }

    fn evolve(&mut self, event: KeyEvent) {
        match event {
            KeyEvent::Added { key } => self.key = Some(key),
            KeyEvent::Deleted { .. } => self.deleted = true,
            KeyEvent::Changed { label, tags, weight } => {
                if let Some(key) = &mut self.key {
                    (key.label, key.tags, key.weight) = (label, tags, weight);
                }
            }
            KeyEvent::Rotated { sealed, .. } => {
                if let Some(key) = &mut self.key {
                    key.sealed = sealed;
                }
                self.cooling = None;
            }
            KeyEvent::Disabled { disabling } => (self.disabled, self.cooling) = (Some(disabling), None),
            KeyEvent::Enabled {} => (self.disabled, self.cooling) = (None, None),
            KeyEvent::Cooled { cooling } => self.cooling = Some(cooling),
            KeyEvent::Recovered {} => self.cooling = None,
        }
    }
}

crate::aggregate::impl_aggregate!(ProviderKey, "provider_key");
