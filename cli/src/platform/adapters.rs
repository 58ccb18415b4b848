//! What the crates ask of each other without knowing each other: each trait of one, implemented over another.

pub(super) mod machines;
pub(super) mod space;
pub(crate) mod system;

use async_trait::async_trait;
use clawplane_api::{DataPath, EngineGate, FieldError, HostPorts, VendorRules};
use clawplane_domain::{
    BotId, HostId, Secret, TenantId, TimeZone, Timestamp,
    host::HostProfile,
    provider_key::ApiType,
    values::{BaseUrl, VendorId},
};
use clawplane_eventstore::Position;
use clawplane_projections::{View, Views};
use clawplane_proxy::{
    Proxy, UpstreamAllow,
    ports::{BotTotals, BoxError, Totals, UsageTotals},
    vendors,
};
use clawplane_workers::{
    DesiredBot, DesiredBots, EngineStatus, HostCatalog,
    runtime::docker::{ClientIdentity, check_identity},
};
use std::{
    io::ErrorKind,
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;

/// The proxy's vendor table and its idea of a reachable address, for the API.
pub(super) struct VendorTable(pub(super) UpstreamAllow);

impl VendorRules for VendorTable {
    fn knows(&self, vendor: &VendorId) -> bool {
        vendors::find(vendor.as_str()).is_some()
    }

    fn shared_formats(&self, from: &VendorId, to: &VendorId) -> Vec<&'static str> {
        let rows = vendors::find(from.as_str()).zip(vendors::find(to.as_str()));
        let formats = rows.map(|(from, to)| vendors::shared_formats(from, to)).unwrap_or_default();
        formats.into_iter().map(vendors::Format::name).collect()
    }

    fn check(
        &self,
        vendor: &VendorId,
        base_url: Option<&BaseUrl>,
        api_type: Option<ApiType>,
    ) -> Result<(), FieldError> {
        let Some(row) = vendors::find(vendor.as_str()) else {
            return Err(FieldError::new("vendor", "must be a vendor of the vendor table"));
        };
        match base_url {
            None if row.needs_base_url() => {
                return Err(FieldError::new("baseUrl", format!("is required for the vendor `{vendor}`")));
            }
            Some(url) => self.0.check_url(url).map_err(|why| FieldError::new("baseUrl", why.0))?,
            None => {}
        }
        if row.id == "custom" && api_type.is_none() {
            return Err(FieldError::new("apiType", "is required for the vendor `custom`"));
        }
        Ok(())
    }
}

/// The worker's view of the engine, for the API. Without a worker in this process, another one may have it.
pub(super) struct Engine(pub(super) Option<watch::Receiver<EngineStatus>>);

#[async_trait]
impl EngineGate for Engine {
    async fn available(&self) -> Result<(), String> {
        match self.0.as_ref().map(|status| status.borrow().clone()) {
            Some(EngineStatus::Unavailable { reason }) => Err(reason),
            _ => Ok(()),
        }
    }

    fn check_identity(&self, ca: &str, certificate: &str, key: &Secret) -> Result<(), String> {
        let (ca, certificate) = (ca.to_owned(), certificate.to_owned());
        check_identity(&ClientIdentity { ca, certificate, key: key.clone() })
    }
}

/// The loopback ports of this machine, for the API. Where its bots are another machine's, nothing is known of them.
pub(super) struct LoopbackPorts {
    /// Whether the bots are on this machine.
    pub(super) of_bots: bool,
}

impl HostPorts for LoopbackPorts {
    fn is_free(&self, port: u16) -> bool {
        let taken = || {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port))
                .is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
        };
        !self.of_bots || !taken()
    }
}

/// The proxy of this process, for the API.
pub(super) struct OwnProxy(pub(super) Proxy);

#[async_trait]
impl DataPath for OwnProxy {
    async fn caught_up(&self, position: Position, at_most: Duration) -> bool {
        self.0.caught_up(position, at_most).await
    }
}

/// The sums of the rollups, for the proxy's ledger.
pub(super) struct Rollups(pub(super) Views);

#[async_trait]
impl UsageTotals for Rollups {
    async fn current(&self, at: Timestamp, zones: &[(TenantId, TimeZone)]) -> Result<Totals, BoxError> {
        let (position, windows) = self.0.usage.window_totals(at, zones).await?;
        let bots = windows.into_iter().map(|bot| BotTotals {
            tenant_id: bot.tenant_id,
            bot_id: bot.bot_id,
            day_tokens: bot.day_tokens,
            day_cost_micros: bot.day_cost_micros,
            month_tokens: bot.month_tokens,
            month_cost_micros: bot.month_cost_micros,
        });
        Ok(Totals { position, bots: bots.collect() })
    }
}

/// The read model of bots, for the workers: all of them, or those of one host.
pub(super) struct PresentBots(pub(super) Views, pub(super) Option<HostId>);

/// The read model of hosts, for the workers.
pub(super) struct KnownHosts(pub(super) Views);

#[async_trait]
impl HostCatalog for KnownHosts {
    async fn hosts(&self) -> Result<Vec<HostProfile>, clawplane_workers::BoxError> {
        Ok(self.0.hosts.profiles().await?)
    }

    async fn host_of(&self, bot: BotId) -> Result<Option<HostId>, clawplane_workers::BoxError> {
        Ok(self.0.bots.host_of(bot).await?)
    }

    fn bots_on(&self, host: HostId) -> Arc<dyn DesiredBots> {
        Arc::new(PresentBots(self.0.clone(), Some(host)))
    }
}

/// How long the worker lets the read model catch up with what woke it; after that the next pass will see it.
const CATCH_UP: Duration = Duration::from_secs(2);
/// Pause between two looks at a read model that is behind.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

#[async_trait]
impl DesiredBots for PresentBots {
    async fn present(
        &self,
        at_least: Option<Position>,
    ) -> Result<Vec<DesiredBot>, clawplane_workers::BoxError> {
        if let Some(position) = at_least {
            self.0.caught_up(View::Bots, position, CATCH_UP).await?;
        }
        let rows = match self.1 {
            Some(host) => self.0.bots.present_on(host).await?,
            None => self.0.bots.all_present().await?,
        };
        let bots = rows.into_iter().map(|bot| DesiredBot {
            id: bot.id,
            tenant_id: bot.tenant_id,
            hostname: bot.hostname,
            name: bot.name,
            image: bot.image,
            port: bot.port,
            tags: bot.tags,
            models: bot.models,
            limits: bot.limits,
            config_version: bot.config.version,
            placement: bot.placement,
            token: bot.token,
            life: bot.life,
            egress: bot.egress,
            desired: bot.desired,
            observed: bot.observed,
        });
        Ok(bots.collect())
    }

    async fn config(
        &self,
        bot: BotId,
        tenant: TenantId,
        version: u64,
    ) -> Result<Option<String>, clawplane_workers::BoxError> {
        // The bots' read model may be ahead of this one, which follows within moments.
        let until = tokio::time::Instant::now() + CATCH_UP;
        loop {
            let found = self.0.bot_configs.find(tenant, bot, version).await?;
            if found.is_some() || tokio::time::Instant::now() >= until {
                return Ok(found.map(|(_, text)| text));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}
