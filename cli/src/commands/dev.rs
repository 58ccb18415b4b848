//! `clawplane dev`: everything on one machine, in one folder, with a private Postgres and NATS.

use crate::{
    bootstrap::Administrator,
    config::{
        Config,
        args::{DevArgs, Role},
    },
    demo_vendor::DemoVendor,
    dev::{DataDir, Lock, Nats, PlatformSecrets, Postgres, start_demo},
    platform::{Platform, Surroundings},
    progress::Progress,
    runtimes::Background,
    shutdown,
    source::{SystemClock, SystemIds},
    telemetry::{self, Traces},
};
use clawplane_domain::Secret;
use clawplane_proxy::observe::Observer;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The servers under the platform.
struct Ground {
    postgres: Postgres,
    nats: Nats,
    demo: Option<DemoVendor>,
    demo_shutdown: CancellationToken,
}

/// Runs until Ctrl-C or SIGTERM, or until one of the servers under it ends.
pub(super) async fn run(config: &Config, args: &DevArgs, background: Background) -> anyhow::Result<()> {
    let traces = Traces::start(config.otlp_endpoint.as_ref())?;
    let observer = traces.as_ref().map(Traces::observer);
    let mut progress = Progress::on_stderr(if args.demo { 4 } else { 3 }, Arc::new(SystemClock));
    let started = start(config, args, (background, observer), &mut progress).await;
    let (_lock, ground, platform) = match started {
        Ok(started) => started,
        Err(error) => {
            progress.fail();
            return Err(error);
        }
    };
    let ended = tokio::select! {
        requested = shutdown::requested() => requested.map_err(anyhow::Error::from),
        how = ground.postgres.exited() => Err(anyhow::anyhow!("the private Postgres ended by itself ({how})")),
        how = ground.nats.exited() => Err(anyhow::anyhow!("the private NATS ended by itself ({how})")),
    };
    tracing::info!("stopping");
    platform.stop().await;
    if let Some(traces) = traces {
        traces.stop().await;
    }
    ground.stop().await;
    ended
}

type Started = (Lock, Ground, Platform);

async fn start(
    config: &Config,
    args: &DevArgs,
    (background, observer): (Background, Option<Arc<dyn Observer>>),
    progress: &mut Progress,
) -> anyhow::Result<Started> {
    let data = DataDir::open(&config.data_dir)?;
    let lock = Lock::take(&data)?;
    let secrets = PlatformSecrets::load(
        &config.secrets_dir,
        config.master_key.as_ref(),
        Postgres::exists(&data)?,
        &SystemIds,
    )?;
    let ground = Ground::start(&data, args.demo, progress).await?;
    let around = (secrets, background, observer);
    let started = platform_on(config, &ground, around, progress).await;
    match started {
        Ok(platform) => Ok((lock, ground, platform)),
        Err(error) => {
            ground.stop().await;
            Err(error)
        }
    }
}

async fn platform_on(
    config: &Config,
    ground: &Ground,
    (secrets, background, observer): (PlatformSecrets, Background, Option<Arc<dyn Observer>>),
    progress: &mut Progress,
) -> anyhow::Result<Platform> {
    progress.begin("Clawplane");
    let mut upstream_allow = config.upstream_allow.clone();
    if let Some(demo) = &ground.demo {
        upstream_allow.add(&demo.addr().to_string())?;
    }
    let around = Surroundings {
        database_url: ground.postgres.url().clone(),
        read_database_url: ground.postgres.url().clone(),
        nats_url: ground.nats.url().clone(),
        signing_secret: Secret::new(hex::encode(*secrets.signing_key)),
        master_key: secrets.master_key,
        metrics: telemetry::metrics()?,
        background,
        observer,
    };
    let mut platform = Platform::start(config, &Role::EACH.into(), around, upstream_allow).await?;
    match first_things(config, ground, &platform).await {
        Ok(admin) => {
            platform.open();
            progress.end(&format!("up on http://{}", platform.addr));
            summary(config, &admin, &platform, progress);
            Ok(platform)
        }
        Err(error) => {
            platform.stop().await;
            Err(error)
        }
    }
}

/// The first administrator and the demo's key.
async fn first_things(
    config: &Config,
    ground: &Ground,
    platform: &Platform,
) -> anyhow::Result<Administrator> {
    let (email, password) = (config.admin_email.clone(), config.admin_password.clone());
    let admin = platform.bootstrap().administrator(email, password).await?;
    if let Some(demo) = &ground.demo {
        platform.bootstrap().demo_key(&admin, &demo.base_url(), demo.key()).await?;
    }
    Ok(admin)
}

/// What people want to know now.
fn summary(config: &Config, admin: &Administrator, platform: &Platform, progress: &mut Progress) {
    let root = format!("http://{}", platform.addr);
    let (api, docs, health) =
        (format!("{root}/api"), format!("{root}/api/docs"), format!("{root}/api/health"));
    let proxy = format!("{root}/api/v1/<vendor>");
    let data = config.data_dir.display().to_string();
    let password = match &admin.made_up {
        Some(password) => format!("{} (shown this once)", password.expose()),
        None => "as it was set before".to_owned(),
    };
    let rows = [
        ("API", api.as_str()),
        ("documentation", docs.as_str()),
        ("proxy", proxy.as_str()),
        ("health", health.as_str()),
        ("data", data.as_str()),
        ("bot image", config.bot_image.as_str()),
        ("administrator", admin.email.as_str()),
        ("password", password.as_str()),
    ];
    progress.summary("Clawplane is up. Ctrl-C stops it.", &rows);
}

impl Ground {
    async fn start(data: &DataDir, demo: bool, progress: &mut Progress) -> anyhow::Result<Self> {
        progress.begin("Postgres");
        let postgres = Postgres::start(data, &SystemIds).await?;
        progress.end(&format!("ready on {}", postgres.addr()));
        if let Some(note) = postgres.note() {
            progress.note(note);
        }
        progress.begin("NATS");
        let nats = match Nats::start(data, &SystemIds).await {
            Ok(nats) => nats,
            Err(error) => {
                postgres.stop().await;
                return Err(error.into());
            }
        };
        progress.end(&format!("ready on {}", nats.addr()));
        let demo_shutdown = CancellationToken::new();
        let mut ground = Self { postgres, nats, demo: None, demo_shutdown };
        if demo {
            progress.begin("Demo vendor");
            match start_demo(data, &SystemIds, ground.demo_shutdown.clone()).await {
                Ok(demo) => {
                    progress.end(&format!("echoes on {}", demo.base_url()));
                    ground.demo = Some(demo);
                }
                Err(error) => {
                    ground.stop().await;
                    return Err(error.into());
                }
            }
        }
        Ok(ground)
    }

    async fn stop(self) {
        self.demo_shutdown.cancel();
        if let Some(demo) = self.demo {
            demo.stopped().await;
        }
        self.nats.stop().await;
        self.postgres.stop().await;
    }
}
