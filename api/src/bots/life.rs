//! A bot's life after it was made: changed, restarted, set up anew, upgraded, cloned, its data taken over.

use super::{Created, Draft, create, needs_engine, stream, tokens, want};
use crate::{
    ApiState,
    auth::Principal,
    plans,
    problem::{Kind, Problem},
};
use clawplane_domain::{
    BotId, HostId, TenantId,
    bot::{Bot, BotCommand, Changes, CreateBot, Desired, Origin, Setup},
    values::{Hostname, ImageRef, Label},
};
use clawplane_eventstore::{Context, Position};
use clawplane_projections::BotRow;

/// The bot as it is after a command, and where that stands.
type Changed = Result<(BotRow, Option<Position>), Problem>;

/// Calls the bot otherwise, or changes what it is made of.
pub(crate) async fn change(
    api: &ApiState,
    principal: Principal,
    hostname: &Hostname,
    changes: Changes,
    context: Context,
) -> Changed {
    let id = found(api, principal.tenant, hostname).await?;
    let now =
        api.executor.load::<Bot>(&id.to_string()).await?.profile.map(|bot| bot.limits).unwrap_or_default();
    let then = changes.limits.of(now);
    // A name can be changed whatever the plan says by now.
    let _room = match then == now {
        true => None,
        false => Some(plans::room(api, principal.tenant, then, Some(id)).await?),
    };
    want(api, id, BotCommand::Change(Box::new(changes)), context).await
}

/// Lets the bot's process begin anew, or begin.
pub(crate) async fn restart(
    api: &ApiState,
    principal: Principal,
    hostname: &Hostname,
    context: Context,
) -> Changed {
    let id = found(api, principal.tenant, hostname).await?;
    needs_engine(api, id).await?;
    tokens::renew_for_start(api, id, &context).await?;
    want(api, id, BotCommand::Restart, context).await
}

/// Lets the bot's configuration be written anew, and its process begin anew.
pub(crate) async fn init(
    api: &ApiState,
    principal: Principal,
    hostname: &Hostname,
    context: Context,
) -> Changed {
    to(api, principal, hostname, BotCommand::Init, context).await
}

/// Tries the bot with another image (`None`: the platform's default).
pub(crate) async fn upgrade(
    api: &ApiState,
    principal: Principal,
    hostname: &Hostname,
    image: Option<ImageRef>,
    context: Context,
) -> Changed {
    to(api, principal, hostname, BotCommand::Upgrade(image), context).await
}

/// Makes a bot like another one: all but its names, its port, its token and what it remembers.
pub(crate) async fn clone(
    api: &ApiState,
    principal: Principal,
    like: &Hostname,
    (hostname, name): (Hostname, Label),
    context: Context,
) -> Result<Created, Problem> {
    let id = found(api, principal.tenant, like).await?;
    let other = api.executor.load::<Bot>(&id.to_string()).await?.profile;
    let other = other.filter(|other| other.desired != Desired::Deleted);
    let other = other.ok_or_else(|| Problem::not_found("bot"))?;
    let bot = CreateBot {
        id: BotId(api.ids.uuid()),
        tenant_id: principal.tenant,
        created_by: principal.user,
        hostname,
        name,
        image: other.image,
        port: api.port_start,
        tags: other.tags,
        models: other.models,
        limits: other.limits,
        host_id: other.placement.host,
        host_labels: other.placement.labels,
    };
    let setup = Setup {
        features: other.life.features,
        environment: other.life.environment,
        persona: other.life.persona,
        origin: Some(Origin::CloneOf(id)),
    };
    let draft = Draft { bot, setup, access: other.access, fallbacks: other.fallbacks, host: None };
    create(api, draft, context).await
}

/// A bot can begin with what a deleted one of the same tenant left, and with nothing else.
pub(super) async fn check_origin(
    api: &ApiState,
    tenant: TenantId,
    origin: Option<Origin>,
) -> Result<(), Problem> {
    let Some(Origin::DataOf(before)) = origin else { return Ok(()) };
    let before = api.executor.load::<Bot>(&before.to_string()).await?.profile;
    let left =
        before.filter(|bot| bot.tenant_id == tenant && bot.desired == Desired::Deleted && bot.life.keep_data);
    match left {
        None => Err(Problem::field("dataOf", "must be the id of a deleted bot whose data were kept")),
        Some(bot) if !bot.removed => {
            let message = "its container is still being removed; try again in a moment";
            Err(Problem::new(Kind::Conflict, format!("`dataOf`: {message}")).about("dataOf", message))
        }
        Some(_) => Ok(()),
    }
}

/// The host of the bot that a new one takes data or persona from.
pub(super) async fn host_of_origin(
    api: &ApiState,
    origin: Option<Origin>,
) -> Result<Option<HostId>, Problem> {
    let Some(Origin::CloneOf(other) | Origin::DataOf(other)) = origin else { return Ok(None) };
    Ok(api.executor.load::<Bot>(&other.to_string()).await?.profile.map(|bot| bot.placement.host))
}

async fn to(
    api: &ApiState,
    principal: Principal,
    hostname: &Hostname,
    command: BotCommand,
    context: Context,
) -> Changed {
    let id = found(api, principal.tenant, hostname).await?;
    want(api, id, command, context).await
}

async fn found(api: &ApiState, tenant: TenantId, hostname: &Hostname) -> Result<BotId, Problem> {
    stream(api, tenant, hostname).await?.ok_or_else(|| Problem::not_found("bot"))
}
