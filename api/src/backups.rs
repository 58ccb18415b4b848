//! What is done to backups: asked for, deleted, checked, restored. Workers do the rest.

pub(crate) mod port;
pub(crate) mod schedules;

use crate::{
    ApiState,
    auth::Principal,
    bots::{self, Created, Draft},
    freshness::settle,
    problem::{Kind, Problem},
};
use clawplane_domain::{
    BackupId, BatchId, BotId, HostId, RestoreId, TenantId, Timestamp,
    backup::{
        Backup, BackupCommand, BackupEvent, BackupProfile, DeletedBy, Form, MadeOf, Quiesce, RequestBackup,
        RequestRestore,
    },
    bot::{Bot, BotState, CreateBot, Desired, Setup},
    values::{Hostname, Label},
};
use clawplane_eventstore::{Context, Idempotency, Position};
use clawplane_projections::{BackupRow, BotRow, View};

/// Bots that are read at a time where all are meant.
const PAGE: u32 = 200;
/// Most bots that one request asks for.
const MOST: usize = 10_000;

/// Backups that were asked for, and where the last event stands.
pub(crate) struct Requested {
    /// What they have in common, where there may be several.
    pub(crate) batch: Option<BatchId>,
    /// Them.
    pub(crate) rows: Vec<BackupRow>,
    /// Where the last event stands.
    pub(crate) position: Option<Position>,
}

/// Asks for a backup of one bot.
pub(crate) async fn request_one(
    api: &ApiState,
    principal: Principal,
    hostname: &Hostname,
    quiesce: Quiesce,
    context: Context,
) -> Result<Requested, Problem> {
    let bot = bots::find(api, principal.tenant, hostname).await?;
    let (row, position) = request(api, principal, bot, quiesce, None, context).await?;
    settle(api, View::Backups, position).await;
    Ok(Requested { batch: None, rows: vec![row], position })
}

/// Asks for backups of all bots of the tenant that were ever started.
pub(crate) async fn request_all(
    api: &ApiState,
    principal: Principal,
    quiesce: Quiesce,
    context: Context,
) -> Result<Requested, Problem> {
    let mut batch = BatchId(api.ids.uuid());
    let (mut rows, mut last) = (Vec::<BackupRow>::new(), None);
    for bot in all_bots(api, principal.tenant).await? {
        // Each backup is a command of its own; the client's key counts for each.
        let idempotency = context
            .idempotency
            .clone()
            .map(|key| Idempotency { key: format!("{}/{}", key.key, bot.id), fingerprint: key.fingerprint });
        let own = Context { idempotency, ..context.clone() };
        let (row, position) = request(api, principal, bot, quiesce, Some(batch), own).await?;
        // A repetition has the id of the first time, for bots that have come since too.
        batch = row.backup.request.batch_id.unwrap_or(batch);
        rows.push(row);
        last = last.max(position);
    }
    settle(api, View::Backups, last).await;
    Ok(Requested { batch: Some(batch), rows, position: last })
}

async fn all_bots(api: &ApiState, tenant: TenantId) -> Result<Vec<BotRow>, Problem> {
    let (mut bots, mut after) = (Vec::new(), None);
    loop {
        let page = api.views.bots.list(tenant, after, PAGE).await?;
        bots.extend(page.items.into_iter().filter(|bot| bot.observed.state != BotState::Created));
        if bots.len() > MOST {
            return Err(Problem::field("all", format!("means more than {MOST} bots: name them one by one")));
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(bots),
        }
    }
}

async fn request(
    api: &ApiState,
    principal: Principal,
    bot: BotRow,
    quiesce: Quiesce,
    batch_id: Option<BatchId>,
    context: Context,
) -> Result<(BackupRow, Option<Position>), Problem> {
    let at = context.metadata.at;
    let request = RequestBackup {
        id: BackupId(api.ids.uuid()),
        tenant_id: principal.tenant,
        bot_id: bot.id,
        hostname: bot.hostname.clone(),
        made_of: made_of(&bot),
        quiesce,
        batch_id,
        schedule_id: None,
        requested_by: Some(principal.user),
    };
    let command = BackupCommand::Request(Box::new(request.clone()));
    let committed = api.executor.execute::<Backup>(request.id, command, context).await?;
    let said = committed.events.iter().find_map(|event| match event {
        BackupEvent::Requested { request } => Some(request.id),
        _ => None,
    });
    let id = said.ok_or_else(|| Problem::internal("a backup without its event"))?;
    Ok((shown(api, principal.tenant, id, at).await?, committed.position))
}

pub(crate) fn made_of(bot: &BotRow) -> MadeOf {
    MadeOf {
        name: bot.name.clone(),
        image: bot.image.clone(),
        tags: bot.tags.clone(),
        models: bot.models.clone(),
        limits: bot.limits,
        access: bot.access.clone(),
        fallbacks: bot.fallbacks.clone(),
        features: bot.life.features.clone(),
        environment: bot.life.environment.clone(),
    }
}

/// A backup straight from its events, with the times that only the read model knows.
async fn shown(api: &ApiState, tenant: TenantId, id: BackupId, at: Timestamp) -> Result<BackupRow, Problem> {
    let backup = stream(api, tenant, id).await?;
    let row = api.views.backups.find(tenant, id).await?;
    Ok(match row {
        Some(row) => BackupRow { backup, ..row },
        None => BackupRow { backup, requested_at: at, ended_at: None },
    })
}

/// The tenant's backup, straight from the events.
async fn stream(api: &ApiState, tenant: TenantId, id: BackupId) -> Result<BackupProfile, Problem> {
    let backup = api.executor.load::<Backup>(&id.to_string()).await?.profile;
    let backup = backup.filter(|backup| backup.request.tenant_id == tenant);
    backup.ok_or_else(|| Problem::not_found("backup"))
}

/// The tenant's backup as the read model has it.
pub(crate) async fn find(api: &ApiState, tenant: TenantId, id: BackupId) -> Result<BackupRow, Problem> {
    let row = api.views.backups.find(tenant, id).await?;
    row.ok_or_else(|| Problem::not_found("backup"))
}

/// Deletes a backup: its key at once, and the worker its object.
pub(crate) async fn delete(
    api: &ApiState,
    principal: Principal,
    id: BackupId,
    context: Context,
) -> Result<Option<Position>, Problem> {
    let backup = stream(api, principal.tenant, id).await?;
    let command = BackupCommand::Delete(DeletedBy::Person);
    let committed = api.executor.execute::<Backup>(id, command, context).await?;
    if let Some(begun) = &backup.begun {
        // Should this fail, the worker does it before it removes the object.
        api.vault.shred(begun.key.data_key_id).await?;
    }
    settle(api, View::Backups, committed.position).await;
    Ok(committed.position)
}

/// Wants a backup to be read and compared.
pub(crate) async fn verify(
    api: &ApiState,
    principal: Principal,
    id: BackupId,
    context: Context,
) -> Result<(BackupRow, Option<Position>), Problem> {
    let at = context.metadata.at;
    stream(api, principal.tenant, id).await?;
    let committed = api.executor.execute::<Backup>(id, BackupCommand::Verify, context).await?;
    settle(api, View::Backups, committed.position).await;
    Ok((shown(api, principal.tenant, id, at).await?, committed.position))
}

/// Notes that somebody reads a backup, for the audit log.
pub(crate) async fn note_download(
    api: &ApiState,
    principal: Principal,
    id: BackupId,
    form: Form,
    context: Context,
) -> Result<BackupProfile, Problem> {
    let backup = stream(api, principal.tenant, id).await?;
    api.executor.execute::<Backup>(id, BackupCommand::NoteDownload(form), context).await?;
    Ok(backup)
}

/// The bot that a backup goes into.
pub(crate) enum Into {
    /// The one that it is of.
    Same,
    /// One that is made for it.
    New {
        /// Its name in the API.
        hostname: Hostname,
        /// Its name for people; the one of before, when absent.
        name: Option<Label>,
    },
}

/// A restore that was asked for.
pub(crate) struct Restoring {
    /// The backup.
    pub(crate) row: BackupRow,
    /// The bot that was made for it.
    pub(crate) created: Option<Created>,
    /// Where the last event stands.
    pub(crate) position: Option<Position>,
}

/// Wants a backup to go into a bot.
pub(crate) async fn restore(
    api: &ApiState,
    principal: Principal,
    id: BackupId,
    (into, start): (Into, bool),
    context: Context,
) -> Result<Restoring, Problem> {
    let at = context.metadata.at;
    let backup = stream(api, principal.tenant, id).await?;
    if backup.sums.is_none() || backup.deleted.is_some() {
        let refusal = match backup.deleted {
            Some(_) => clawplane_domain::backup::BackupRefusal::Unknown,
            None => clawplane_domain::backup::BackupRefusal::NotComplete,
        };
        return Err(refusal.into());
    }
    let (created, bot, hostname) = match into {
        Into::Same => {
            let (bot, hostname) = present(api, backup.request.bot_id).await?;
            (None, bot, hostname)
        }
        Into::New { hostname, name } => {
            // The client's key is the restore's; the bot's is made of it.
            let idempotency = context
                .idempotency
                .clone()
                .map(|key| Idempotency { key: format!("{}/bot", key.key), fingerprint: key.fingerprint });
            let own = Context { idempotency, ..context.clone() };
            let created = new_bot(api, principal, &backup, hostname.clone(), name, own).await?;
            let bot = created.row.id;
            (Some(created), bot, hostname)
        }
    };
    let wanted = RequestRestore {
        restore_id: RestoreId(api.ids.uuid()),
        into: bot,
        hostname,
        start,
        requested_by: principal.user,
    };
    let committed =
        api.executor.execute::<Backup>(id, BackupCommand::RequestRestore(wanted), context).await?;
    settle(api, View::Backups, committed.position).await;
    Ok(Restoring { row: shown(api, principal.tenant, id, at).await?, created, position: committed.position })
}

async fn present(api: &ApiState, id: BotId) -> Result<(BotId, Hostname), Problem> {
    let bot = api.executor.load::<Bot>(&id.to_string()).await?.profile;
    let bot = bot.filter(|bot| bot.desired != Desired::Deleted);
    bot.map(|bot| (bot.id, bot.hostname)).ok_or_else(|| {
        let message = "is needed: the bot of this backup was deleted";
        Problem::new(Kind::Conflict, format!("`newBot` {message}")).about("newBot", message)
    })
}

async fn new_bot(
    api: &ApiState,
    principal: Principal,
    backup: &BackupProfile,
    hostname: Hostname,
    name: Option<Label>,
    context: Context,
) -> Result<Created, Problem> {
    let of = backup.request.made_of.clone();
    let bot = CreateBot {
        id: BotId(api.ids.uuid()),
        tenant_id: principal.tenant,
        created_by: principal.user,
        hostname: hostname.clone(),
        name: name.unwrap_or(of.name),
        image: of.image,
        port: api.port_start,
        tags: of.tags,
        models: of.models,
        limits: of.limits,
        host_id: HostId::LOCAL,
        host_labels: Vec::new(),
    };
    let setup = Setup { features: of.features, environment: of.environment, ..Setup::default() };
    let draft = Draft { bot, setup, access: of.access, fallbacks: of.fallbacks, host: None };
    bots::create(api, draft, context).await
}
