//! What is done to bots: created with a port and a token, started, stopped, deleted.

pub(crate) mod life;
pub(crate) mod tokens;

use crate::{
    ApiState,
    auth::Principal,
    freshness::settle,
    hosts, plans,
    problem::{Kind, Problem},
};
use clawplane_domain::{
    BotId, Decide, Secret, TenantId, Timestamp,
    bot::{
        Access, Bot, BotCommand, BotEvent, BotRefusal, CreateBot, EgressRule, Fallback, GatewayToken, NewBot,
        Setup,
    },
    claim::Scope,
    host::Wish,
    quota::QuotaSubject,
    sealed::bound_to_bot,
    values::Hostname,
};
use clawplane_eventstore::{Committed, Context, ExecuteError, Position, StoreError};
use clawplane_projections::{BotHost, BotRow, View};
use std::time::Duration;
use uuid::Uuid;

/// Tries for a port when others take ports at the same time.
const PORT_TRIES: u32 = 64;
/// Ports that are looked at for one that no other program of the host has.
const PORT_LOOKS: u32 = 1024;

/// A bot that was made now, or by an earlier request with the same idempotency key.
pub(crate) struct Created {
    /// The bot.
    pub(crate) row: BotRow,
    /// Its token in plain text.
    pub(crate) plain_token: Secret,
    /// Where its events stand.
    pub(crate) position: Option<Position>,
}

/// What a bot is made of, but for its token.
pub(crate) struct Draft {
    /// What it is made of.
    pub(crate) bot: CreateBot,
    /// What else it is given.
    pub(crate) setup: Setup,
    /// What it may reach.
    pub(crate) access: Access,
    /// Vendors that stand in for others.
    pub(crate) fallbacks: Vec<Fallback>,
    /// The host that somebody chose.
    pub(crate) host: Option<Hostname>,
}

/// Makes a bot. `new` may have any port and host: the lowest free one is taken, and a host that has room.
pub(crate) async fn create(api: &ApiState, mut new: Draft, context: Context) -> Result<Created, Problem> {
    life::check_origin(api, new.bot.tenant_id, new.setup.origin).await?;
    // Who repeats a request, or asks for a name that is taken, is told that by the events.
    let known = api.claims.holder(Scope::BotHostname, new.bot.hostname.as_str()).await?.is_some();
    let _room = match known {
        true => None,
        false => Some(plans::room(api, new.bot.tenant_id, new.bot.limits, None).await?),
    };
    let at = context.metadata.at;
    // What it begins with is a folder on the other bot's host.
    new.bot.host_id = match life::host_of_origin(api, new.setup.origin).await? {
        Some(host) => host,
        None => {
            let wish = Wish { limits: new.bot.limits, labels: &new.bot.host_labels, host: new.host.as_ref() };
            hosts::place(api, wish, None).await?
        }
    };
    let expires_at = api.issuer.ttl().map(|ttl| at + ttl);
    let (plain, token) = api.vault.gateway_token(new.bot.tenant_id, new.bot.id, expires_at).await?;
    let committed = at_free_port(api, new, &token, context).await;
    api.issuer.discard_unused(&committed, &token).await;
    let committed = committed?;
    let mut bot = Bot::default();
    committed.events.into_iter().for_each(|event| bot.evolve(event));
    let made = row_of(bot, at).ok_or_else(|| Problem::internal("a bot without its events"))?;
    let plain_token = match (&made.token, committed.replayed) {
        (Some(token), true) => api.vault.open(&token.sealed, &bound_to_bot(made.tenant_id, made.id)).await?,
        _ => plain,
    };
    settle(api, View::Bots, committed.position).await;
    let row = api.views.bots.find(made.tenant_id, &made.hostname).await?.filter(|row| row.id == made.id);
    Ok(Created { row: row.unwrap_or(made), plain_token, position: committed.position })
}

async fn at_free_port(
    api: &ApiState,
    Draft { bot, setup, access, fallbacks, .. }: Draft,
    token: &GatewayToken,
    context: Context,
) -> Result<Committed<BotEvent>, ExecuteError<BotRefusal>> {
    let mut new = NewBot { bot, setup, token: token.clone(), access, fallbacks };
    let mut last = ExecuteError::Contended;
    for _ in 0..PORT_TRIES {
        let Some(port) = free_port(api).await? else { break };
        new.bot.port = port;
        let create = BotCommand::CreateWith(Box::new(new.clone()));
        match api.executor.execute::<Bot>(new.bot.id, create, context.clone()).await {
            Err(ExecuteError::Taken(claim)) if claim.scope == Scope::BotPort => {
                last = ExecuteError::Taken(claim);
            }
            other => return other,
        }
    }
    Err(last)
}

/// The lowest port that no bot has, and no other program of the host.
async fn free_port(api: &ApiState) -> Result<Option<u16>, StoreError> {
    let mut start = api.port_start;
    for _ in 0..PORT_LOOKS {
        let Some(port) = api.claims.lowest_free_port(start).await? else { break };
        if api.ports.is_free(port) {
            return Ok(Some(port));
        }
        let Some(next) = port.checked_add(1) else { break };
        start = next;
    }
    Ok(None)
}

/// A bot as its events alone show it, for when its read model does not have it yet. What was made long ago has been
/// seen by the read model, so the times are those of now.
fn row_of(bot: Bot, at: Timestamp) -> Option<BotRow> {
    let bot = bot.profile?;
    Some(BotRow {
        id: bot.id,
        tenant_id: bot.tenant_id,
        hostname: bot.hostname,
        name: bot.name,
        image: bot.image,
        port: bot.port,
        tags: bot.tags,
        models: bot.models,
        limits: bot.limits,
        access: bot.access,
        token: bot.token,
        fallbacks: bot.fallbacks,
        life: bot.life,
        egress: bot.egress,
        config: bot.config,
        placement: bot.placement,
        host: BotHost::default(),
        desired: bot.desired,
        observed: bot.observed,
        state_since: at,
        created_by: bot.created_by,
        created_at: at,
        quota: None,
    })
}

/// Wants the bot to run, if containers can be had at all.
pub(crate) async fn start(
    api: &ApiState,
    principal: Principal,
    hostname: &Hostname,
    context: Context,
) -> Result<(BotRow, Option<Position>), Problem> {
    let id = stream(api, principal.tenant, hostname).await?.ok_or_else(|| Problem::not_found("bot"))?;
    needs_engine(api, id).await?;
    let limits = api.executor.load::<Bot>(&id.to_string()).await?.profile.map(|bot| bot.limits);
    plans::fits(api, principal.tenant, limits.unwrap_or_default()).await?;
    tokens::renew_for_start(api, id, &context).await?;
    want(api, id, BotCommand::Start, context).await
}

async fn needs_engine(api: &ApiState, id: BotId) -> Result<(), Problem> {
    its_engine(api, id).await?.map_err(|reason| {
        Problem::unavailable(format!("no bot can be started now: {reason}"), Duration::from_secs(30))
    })
}

/// Whether the engine of a bot's host can be had; why not, for people.
async fn its_engine(api: &ApiState, id: BotId) -> Result<Result<(), String>, Problem> {
    let host = api.executor.load::<Bot>(&id.to_string()).await?.profile.map(|bot| bot.placement.host);
    let host = host.unwrap_or_default();
    if host.is_local() {
        return Ok(api.engine.available().await);
    }
    let lost = api.views.hosts.get(host).await?.and_then(|host| host.profile.lost);
    Ok(lost.map_or(Ok(()), |lost| Err(format!("its host is not reached: {}", lost.reason))))
}

/// Brings the bot to another host: the one that is named, or one that has room. To the one that it is on: stays there.
pub(crate) async fn relocate(
    api: &ApiState,
    (tenant, hostname): (TenantId, &Hostname),
    (to, abandon): (Option<Hostname>, bool),
    context: Context,
) -> Result<(BotRow, Option<Position>), Problem> {
    let id = stream(api, tenant, hostname).await?.ok_or_else(|| Problem::not_found("bot"))?;
    let bot = api.executor.load::<Bot>(&id.to_string()).await?.profile;
    let bot = bot.ok_or_else(|| Problem::not_found("bot"))?;
    let present = api.views.hosts.get(bot.placement.host).await?;
    let stays = present.as_ref().is_some_and(|row| Some(&row.profile.host.name) == to.as_ref());
    let lost = present.is_none_or(|row| row.profile.lost.is_some());
    let going = bot.placement.moving.is_some_and(|moving| moving.vacated);
    if !stays && lost && !abandon && !going {
        let message = "its host is lost: say `true` to go on with the data as they are in its folder";
        return Err(Problem::new(Kind::Conflict, format!("`abandon`: {message}")).about("abandon", message));
    }
    if abandon && !lost {
        return Err(Problem::field("abandon", "is for a bot whose host is lost"));
    }
    let to = if stays {
        bot.placement.host
    } else {
        let wish = Wish { limits: bot.limits, labels: &bot.placement.labels, host: to.as_ref() };
        hosts::place(api, wish, Some(&bot.placement)).await?
    };
    want(api, id, BotCommand::Move { to, abandon }, context).await
}

/// Wants the bot not to run.
pub(crate) async fn stop(
    api: &ApiState,
    principal: Principal,
    hostname: &Hostname,
    context: Context,
) -> Result<(BotRow, Option<Position>), Problem> {
    let id = stream(api, principal.tenant, hostname).await?.ok_or_else(|| Problem::not_found("bot"))?;
    want(api, id, BotCommand::Stop, context).await
}

/// Executes a command, and shows the bot after it: as its events have it, with what only the read model knows.
async fn want(
    api: &ApiState,
    id: BotId,
    command: BotCommand,
    context: Context,
) -> Result<(BotRow, Option<Position>), Problem> {
    let at = context.metadata.at;
    let committed = api.executor.execute::<Bot>(id, command, context).await?;
    settle(api, View::Bots, committed.position).await;
    let now = row_of(api.executor.load::<Bot>(&id.to_string()).await?, at);
    let now = now.ok_or_else(|| Problem::not_found("bot"))?;
    let shown = api.views.bots.find(now.tenant_id, &now.hostname).await?.filter(|row| row.id == id);
    let shown = shown.map(|row| BotRow { desired: now.desired, life: now.life.clone(), ..row });
    Ok((shown.unwrap_or(now), committed.position))
}

/// Wants the bot to be gone. A repeated command with the same idempotency key finds no bot any more and is answered
/// as the first one was: the key knows its stream.
pub(crate) async fn delete(
    api: &ApiState,
    principal: Principal,
    hostname: &Hostname,
    keep_data: bool,
    context: Context,
) -> Result<Option<Position>, Problem> {
    let id = stream(api, principal.tenant, hostname).await?.unwrap_or(BotId(Uuid::nil()));
    let command = if keep_data { BotCommand::DeleteKeepingData } else { BotCommand::Delete };
    let committed = api.executor.execute::<Bot>(id, command, context).await?;
    settle(api, View::Bots, committed.position).await;
    Ok(committed.position)
}

/// Narrows what the bot may reach to this.
pub(crate) async fn set_access(
    api: &ApiState,
    principal: Principal,
    hostname: &Hostname,
    access: Access,
    context: Context,
) -> Result<Option<Position>, Problem> {
    let id = stream(api, principal.tenant, hostname).await?.ok_or_else(|| Problem::not_found("bot"))?;
    let committed = api.executor.execute::<Bot>(id, BotCommand::SetAccess(access), context).await?;
    settle(api, View::Bots, committed.position).await;
    Ok(committed.position)
}

/// Lets these vendors stand in for others, instead of all earlier ones.
pub(crate) async fn set_fallbacks(
    api: &ApiState,
    tenant: TenantId,
    hostname: &Hostname,
    fallbacks: Vec<Fallback>,
    context: Context,
) -> Result<Option<Position>, Problem> {
    let id = stream(api, tenant, hostname).await?.ok_or_else(|| Problem::not_found("bot"))?;
    let committed = api.executor.execute::<Bot>(id, BotCommand::SetFallbacks(fallbacks), context).await?;
    settle(api, View::Bots, committed.position).await;
    Ok(committed.position)
}

/// Lets the bot go to these places on the web, instead of all earlier ones; what is in force then.
pub(crate) async fn set_egress(
    api: &ApiState,
    tenant: TenantId,
    hostname: &Hostname,
    allow: Vec<EgressRule>,
    context: Context,
) -> Result<(Vec<EgressRule>, Option<Position>), Problem> {
    let id = stream(api, tenant, hostname).await?.ok_or_else(|| Problem::not_found("bot"))?;
    let committed = api.executor.execute::<Bot>(id, BotCommand::SetEgress(allow), context).await?;
    settle(api, View::Bots, committed.position).await;
    let bot = api.executor.load::<Bot>(&id.to_string()).await?.profile;
    Ok((bot.map(|bot| bot.egress).unwrap_or_default(), committed.position))
}

/// The quota of the tenant's bot of this name.
pub(crate) async fn quota_of(
    api: &ApiState,
    tenant_id: TenantId,
    hostname: &Hostname,
) -> Result<QuotaSubject, Problem> {
    let bot_id = stream(api, tenant_id, hostname).await?.ok_or_else(|| Problem::not_found("bot"))?;
    Ok(QuotaSubject::bot(tenant_id, bot_id))
}

/// The tenant's bot of this name as the read model has it.
pub(crate) async fn find(api: &ApiState, tenant: TenantId, hostname: &Hostname) -> Result<BotRow, Problem> {
    let row = api.views.bots.find(tenant, hostname).await?;
    row.ok_or_else(|| Problem::not_found("bot"))
}

/// The tenant's bot of this name, straight from the events: commands must not depend on how far a read model is.
async fn stream(api: &ApiState, tenant: TenantId, hostname: &Hostname) -> Result<Option<BotId>, Problem> {
    let Some(id) = api.claims.holder(Scope::BotHostname, hostname.as_str()).await? else { return Ok(None) };
    let bot = api.executor.load::<Bot>(&id).await?.profile;
    Ok(bot.filter(|bot| bot.tenant_id == tenant).map(|bot| bot.id))
}
