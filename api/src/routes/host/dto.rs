//! What a host is made of, and what a client sees of it. Keys of certificates are never shown.

use crate::{ApiState, fields::Fields, hosts::NewHost, problem::Problem};
use chrono::{DateTime, Utc};
use clawplane_domain::{
    HostId, Secret,
    host::{AddHost, Capacity, HostChange, LOCAL_NAME, address::Way},
    values::Hostname,
};
use clawplane_projections::HostRow;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Largest certificate or key, in bytes.
const LARGEST_PEM: usize = 65_536;
/// Largest memory that can be said: a pebibyte.
const MOST_MEMORY: u32 = 1 << 30;
/// Most CPU time that can be said: a thousand machines.
const MOST_CPU: u32 = 1_000_000_000;

/// A new host.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HostRequest {
    /// Its name.
    #[schema(example = "rack-1", min_length = 1, max_length = 63)]
    name: String,
    /// Where its engine is reached: `unix:///path`, `tcp://host:port` with `tls`, or `ssh://user@host[:port]`.
    #[schema(example = "tcp://rack-1.example.org:2376")]
    engine: String,
    /// Certificates and key for `tcp://`.
    tls: Option<TlsRequest>,
    /// The folder of its bots: absolute, and the same for its engine and the worker that leads it.
    #[schema(example = "/srv/clawplane/bots")]
    data_dir: String,
    /// What bots may ask for.
    #[serde(default)]
    #[schema(example = json!(["eu", "gpu"]), max_items = 32)]
    labels: Vec<String>,
    /// What bots may use of it; where it is not said the engine is asked, and more may be promised than there is.
    #[serde(default)]
    capacity: CapacityDto,
}

/// Certificates and key of the worker as a client of the engine, in PEM.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsRequest {
    /// Certificates, one of which has to have signed the engine's.
    ca: String,
    /// The worker's certificate.
    certificate: String,
    /// Its key. It is sealed and never shown.
    #[schema(value_type = String, write_only)]
    key: Secret,
}

/// A change of a host; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HostChangeRequest {
    /// What bots may ask for.
    #[schema(example = json!(["eu", "gpu"]), max_items = 32)]
    labels: Option<Vec<String>>,
    /// What bots may use of it.
    capacity: Option<CapacityDto>,
}

/// What bots may use of a host. What is absent is what the engine says.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = HostCapacity)]
pub(crate) struct CapacityDto {
    /// Memory, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 64_000, maximum = 1_073_741_824)]
    memory_mib: Option<u32>,
    /// CPU time, in thousandths of a core.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 16_000, maximum = 1_000_000_000)]
    cpu_millis: Option<u32>,
}

impl CapacityDto {
    fn check(self, fields: &mut Fields) -> Capacity {
        let mut within = |field: &str, value: Option<u32>, most: u32| {
            value.map(|value| fields.within(field, value, 1, most))
        };
        Capacity {
            memory_mib: within("capacity.memoryMib", self.memory_mib, MOST_MEMORY),
            cpu_millis: within("capacity.cpuMillis", self.cpu_millis, MOST_CPU),
        }
    }
}

impl From<Capacity> for CapacityDto {
    fn from(capacity: Capacity) -> Self {
        Self { memory_mib: capacity.memory_mib, cpu_millis: capacity.cpu_millis }
    }
}

impl HostRequest {
    /// Checked.
    pub(super) fn check(self, api: &ApiState) -> Result<NewHost, Problem> {
        let mut fields = Fields::default();
        let name: Option<Hostname> = fields.parse("name", &self.name);
        fields.require("name", self.name != LOCAL_NAME, "is the platform's own host");
        let engine = fields.parse("engine", &self.engine);
        let data_dir = fields.parse("dataDir", &self.data_dir);
        let labels = fields.list("labels", &self.labels);
        let capacity = self.capacity.check(&mut fields);
        let tcp =
            engine.as_ref().map(|engine: &clawplane_domain::host::EngineAddress| engine.way() == Way::Tcp);
        fields.require("tls", tcp != Some(true) || self.tls.is_some(), "is required for `tcp://`");
        fields.require("tls", tcp != Some(false) || self.tls.is_none(), "is for `tcp://` only");
        let identity = self.tls.map(|tls| tls.check(&mut fields, api));
        let host = name.zip(engine).zip(data_dir).map(|((name, engine), data_dir)| AddHost {
            id: HostId(api.ids.uuid()),
            name,
            engine,
            tls: None,
            data_dir,
            labels,
            capacity,
        });
        fields.finish(host.map(|host| NewHost { host, identity }))
    }
}

impl TlsRequest {
    fn check(self, fields: &mut Fields, api: &ApiState) -> (String, String, Secret) {
        let Self { ca, certificate, key } = self;
        let sizes = [("tls.ca", ca.len()), ("tls.certificate", certificate.len()), ("tls.key", key.len())];
        let fits = |size: usize| (1..=LARGEST_PEM).contains(&size);
        for (field, size) in sizes {
            fields.require(field, fits(size), "must have 1 to 65536 bytes");
        }
        if sizes.iter().all(|(_, size)| fits(*size))
            && let Err(why) = api.engine.check_identity(&ca, &certificate, &key)
        {
            fields.refuse("tls", why);
        }
        (ca, certificate, key)
    }
}

impl HostChangeRequest {
    /// Checked.
    pub(super) fn check(self) -> Result<HostChange, Problem> {
        let mut fields = Fields::default();
        let labels = self.labels.map(|labels| fields.list("labels", &labels));
        let capacity = self.capacity.map(|capacity| capacity.check(&mut fields));
        fields.finish(Some(HostChange { labels, capacity, ..HostChange::default() }))
    }
}

/// How a host is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HostState {
    /// No worker has reached it yet.
    New,
    /// Its engine answers.
    Up,
    /// It answers, and gets no new bots.
    Draining,
    /// Nobody reaches it; what its bots do is unknown.
    Lost,
}

/// A host.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Host)]
pub(crate) struct HostDto {
    /// Its id.
    id: Uuid,
    /// Its name.
    #[schema(example = "rack-1")]
    name: String,
    /// Where its engine is reached.
    #[schema(example = "tcp://rack-1.example.org:2376")]
    engine: String,
    /// The worker's certificate there, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    /// The folder of its bots.
    #[schema(example = "/srv/clawplane/bots")]
    data_dir: String,
    /// What bots may ask for.
    labels: Vec<String>,
    /// How it is.
    state: HostState,
    /// Whether it gets no new bots.
    draining: bool,
    /// Why it is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Since when it is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_since: Option<DateTime<Utc>>,
    /// The engine with its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Docker 28.2.2")]
    version: Option<String>,
    /// What bots may use of it, as somebody said: it is kept to.
    given: CapacityDto,
    /// What bots may use of it, as far as is known.
    capacity: CapacityDto,
    /// What bots have reserved by their limits.
    reserved: ReservedDto,
    /// When it was added.
    added_at: DateTime<Utc>,
}

/// What bots have reserved of a host.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HostReserved)]
pub(crate) struct ReservedDto {
    /// Bots on it, or on their way to it.
    bots: u64,
    /// Memory, in MiB.
    memory_mib: u64,
    /// CPU time, in thousandths of a core.
    cpu_millis: u64,
}

impl HostDto {
    /// Where it is found.
    pub(super) fn location(&self) -> String {
        format!("/api/hosts/{}", self.name)
    }
}

impl From<HostRow> for HostDto {
    fn from(row: HostRow) -> Self {
        let capacity = row.profile.capacity();
        let profile = row.profile;
        let state = match (&profile.lost, profile.draining, &profile.measured) {
            (Some(_), ..) => HostState::Lost,
            (None, true, _) => HostState::Draining,
            (None, false, Some(_)) => HostState::Up,
            (None, false, None) => HostState::New,
        };
        let (lost_since, reason) = profile.lost.map(|lost| (lost.since, lost.reason)).unzip();
        Self {
            id: profile.host.id.0,
            name: profile.host.name.into(),
            engine: profile.host.engine.into(),
            certificate: profile.host.tls.map(|tls| tls.certificate),
            data_dir: profile.host.data_dir.into(),
            labels: profile.host.labels.into_iter().map(Into::into).collect(),
            state,
            draining: profile.draining,
            reason,
            lost_since,
            version: profile.measured.map(|measured| measured.engine),
            given: profile.host.capacity.into(),
            capacity: capacity.into(),
            reserved: ReservedDto {
                bots: row.reserved.bots,
                memory_mib: row.reserved.memory_mib,
                cpu_millis: row.reserved.cpu_millis,
            },
            added_at: row.added_at,
        }
    }
}
