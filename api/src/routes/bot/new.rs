//! What a new bot is made of, as a client says it.

use super::{access, setup};
use crate::{ApiState, auth::Principal, bots::Draft, fields::Fields, problem::Problem};
use clawplane_domain::{
    BotId, HostId,
    bot::{CreateBot, Limits, LimitsChange, ModelChoice, Setup},
    values::{Hostname, Label},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A new bot.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateBotRequest {
    /// Its name in the API: a DNS label, unique on the whole platform.
    #[schema(
        example = "support-bot",
        min_length = 1,
        max_length = 63,
        pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
    )]
    hostname: String,
    /// Its name for people; the hostname, when absent.
    #[schema(example = "Support bot", max_length = 100)]
    name: Option<String>,
    /// Its own container image; the platform's default, when absent.
    #[schema(example = "ghcr.io/openclaw/openclaw:latest")]
    image: Option<String>,
    /// Provider keys with one of these tags are preferred for its requests.
    #[serde(default)]
    #[schema(example = json!(["support"]), max_items = 32)]
    tags: Vec<String>,
    /// The models it may use; the first is its primary one.
    #[serde(default = "default_models")]
    #[schema(max_items = 64)]
    models: Vec<ModelDto>,
    /// Its container's limits.
    #[serde(default)]
    limits: LimitsRequest,
    /// The only models that it may use through the proxy, whatever its `models` say; all, when absent. An entry may
    /// end in `*`.
    #[schema(example = json!(["gpt-4o*"]), min_items = 1, max_items = 128)]
    allowed_models: Option<Vec<String>>,
    /// The only vendors that it may use through the proxy; all, when absent.
    #[schema(example = json!(["openai"]), min_items = 1, max_items = 128)]
    allowed_vendors: Option<Vec<String>>,
    /// Who it is, in Markdown: its first `SOUL.md`.
    #[schema(example = "# Support\n\nShort, friendly answers.", max_length = 32768)]
    persona: Option<String>,
    /// Switches, which it finds in `features.json` of its workspace.
    #[serde(default)]
    #[schema(example = json!({"canvas": true}))]
    features: BTreeMap<String, bool>,
    /// Environment variables of its process. No place for secrets: whoever may use the container engine sees them. Names
    /// that the platform or OpenClaw go by are refused, and so are values that look like provider keys.
    #[serde(default)]
    #[schema(example = json!({"TZ": "Europe/Berlin"}))]
    environment: BTreeMap<String, String>,
    /// The id of a deleted bot whose data were kept: the new bot takes them over.
    data_of: Option<String>,
    /// The host that it shall be on; one that has room, when absent.
    #[schema(example = "rack-1")]
    host: Option<String>,
    /// What its host has to have.
    #[serde(default)]
    #[schema(example = json!(["eu"]), max_items = 32)]
    host_labels: Vec<String>,
}

/// A vendor's model.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Model)]
pub(crate) struct ModelDto {
    /// The vendor.
    #[schema(example = "openai")]
    pub(super) vendor: String,
    /// The model as the vendor names it.
    #[schema(example = "gpt-4o-mini")]
    pub(super) model: String,
}

/// What a container may use; what is absent is the platform's default.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct LimitsRequest {
    /// Memory, in MiB. OpenClaw needs about 1300.
    #[schema(example = 2048, minimum = 128, maximum = 1_048_576)]
    memory_mib: Option<u32>,
    /// CPU time, in thousandths of a core.
    #[schema(example = 1000, minimum = 50, maximum = 1_024_000)]
    cpu_millis: Option<u32>,
    /// Processes and threads.
    #[schema(example = 512, minimum = 16, maximum = 32_768)]
    pids: Option<u32>,
    /// What its folder may hold, in MiB; 10240 when absent.
    #[schema(example = 10_240, minimum = 64, maximum = 16_777_216)]
    disk_mib: Option<u32>,
    /// Its root file system can be written, for an image that cannot do otherwise; takes a plan that allows it.
    writable_root: Option<bool>,
}

fn default_models() -> Vec<ModelDto> {
    vec![ModelDto { vendor: "openai".to_owned(), model: "gpt-4o-mini".to_owned() }]
}

impl CreateBotRequest {
    /// Checked; port and host are still to be chosen.
    pub(super) fn check(self, api: &ApiState, principal: Principal) -> Result<Draft, Problem> {
        let mut fields = Fields::default();
        let hostname: Option<Hostname> = fields.parse("hostname", &self.hostname);
        let name = self.name.as_deref().unwrap_or(&self.hostname);
        // A wrong hostname is told once, not again as a name.
        let name: Option<Label> =
            if self.name.is_some() { fields.parse("name", name) } else { name.parse().ok() };
        let image = fields.optional("image", self.image.as_deref());
        let tags = fields.list("tags", &self.tags);
        let models = models(&mut fields, &self.models, api);
        let limits = self.limits.check(&mut fields).of(Limits::default());
        let setup = Setup {
            features: setup::features(&mut fields, &self.features),
            environment: setup::environment(&mut fields, &self.environment),
            persona: fields.optional("persona", self.persona.as_deref()),
            origin: setup::origin(&mut fields, self.data_of.as_deref()),
        };
        let models_allowed = self.allowed_models.as_deref();
        let access = access::lists(&mut fields, models_allowed, self.allowed_vendors.as_deref(), api);
        let host = fields.optional("host", self.host.as_deref());
        let host_labels = fields.list("hostLabels", &self.host_labels);
        let bot = hostname.zip(name).map(|(hostname, name)| CreateBot {
            id: BotId(api.ids.uuid()),
            tenant_id: principal.tenant,
            created_by: principal.user,
            hostname,
            name,
            image,
            port: api.port_start,
            tags,
            models,
            limits,
            host_id: HostId::LOCAL,
            host_labels,
        });
        fields.finish(bot.map(|bot| Draft { bot, setup, access, fallbacks: Vec::new(), host }))
    }
}

pub(super) fn models(fields: &mut Fields, models: &[ModelDto], api: &ApiState) -> Vec<ModelChoice> {
    let mut checked = Vec::new();
    for (n, choice) in models.iter().enumerate() {
        let vendor = fields.parse(&format!("models[{n}].vendor"), &choice.vendor);
        let model = fields.parse(&format!("models[{n}].model"), &choice.model);
        let Some((vendor, model)) = vendor.zip(model) else { continue };
        let known = api.vendors.knows(&vendor);
        fields.require(&format!("models[{n}].vendor"), known, "must be a vendor of the vendor table");
        checked.push(ModelChoice { vendor, model });
    }
    checked
}

impl LimitsRequest {
    /// Each within its bounds.
    pub(super) fn check(&self, fields: &mut Fields) -> LimitsChange {
        let mut within = |field: &str, value: Option<u32>, least: u32, most: u32| {
            value.map(|value| fields.within(field, value, least, most))
        };
        LimitsChange {
            memory_mib: within("limits.memoryMib", self.memory_mib, 128, 1_048_576),
            cpu_millis: within("limits.cpuMillis", self.cpu_millis, 50, 1_024_000),
            pids: within("limits.pids", self.pids, 16, 32_768),
            disk_mib: within("limits.diskMib", self.disk_mib, 64, 16_777_216),
            writable_root: self.writable_root,
        }
    }
}
