//! What is done to a bot's gateway tokens: rotated, revoked, renewed where it starts.

use super::stream;
use crate::{ApiState, auth::Principal, freshness::settle, problem::Problem};
use clawplane_domain::{
    BotId, Secret, Timestamp,
    bot::{Bot, BotCommand, BotEvent, Desired, Replaces, token::USUAL_GRACE},
    sealed::bound_to_bot,
    values::Hostname,
};
use clawplane_eventstore::{Context, Position, Wanted};
use clawplane_projections::View;
use std::time::Duration;

/// A bot's new token.
pub(crate) struct Rotated {
    /// In plain text.
    pub(crate) plain: Secret,
    /// Its end.
    pub(crate) expires_at: Option<Timestamp>,
    /// How long tokens from before it are good.
    pub(crate) earlier_until: Option<Timestamp>,
    /// Where its event stands.
    pub(crate) position: Option<Position>,
}

/// Gives the bot another token; the one before is good for `grace`. A repetition with the same idempotency key gets the
/// token of the first time.
pub(crate) async fn rotate(
    api: &ApiState,
    principal: Principal,
    hostname: &Hostname,
    grace: Duration,
    context: Context,
) -> Result<Rotated, Problem> {
    let tenant = principal.tenant;
    let bot = stream(api, tenant, hostname).await?.ok_or_else(|| Problem::not_found("bot"))?;
    let wanted = Wanted { bot, tenant, replaces: Replaces::Present, grace };
    let (fresh, committed) = api.issuer.rotate(wanted, context).await?;
    let rotated = committed.events.into_iter().find_map(|event| match event {
        BotEvent::TokenRotated { token, earlier } => Some((token, earlier)),
        _ => None,
    });
    let (token, earlier) = rotated.ok_or_else(|| Problem::internal("a rotation without its event"))?;
    let plain = match committed.replayed {
        true => api.vault.open(&token.sealed, &bound_to_bot(tenant, bot)).await?,
        false => fresh,
    };
    settle(api, View::Bots, committed.position).await;
    Ok(Rotated {
        plain,
        expires_at: token.expires_at,
        earlier_until: earlier.iter().map(|old| old.valid_until).max(),
        position: committed.position,
    })
}

/// Makes every token of the bot void.
pub(crate) async fn revoke(
    api: &ApiState,
    principal: Principal,
    hostname: &Hostname,
    context: Context,
) -> Result<Option<Position>, Problem> {
    let id = stream(api, principal.tenant, hostname).await?.ok_or_else(|| Problem::not_found("bot"))?;
    let committed = api.executor.execute::<Bot>(id, BotCommand::RevokeTokens, context).await?;
    settle(api, View::Bots, committed.position).await;
    Ok(committed.position)
}

/// A bot that is about to start gets a token where it has none, or one that ends soon.
pub(super) async fn renew_for_start(api: &ApiState, id: BotId, context: &Context) -> Result<(), Problem> {
    let bot = api.executor.load::<Bot>(&id.to_string()).await?.profile;
    let Some(bot) = bot.filter(|bot| bot.desired == Desired::Stopped) else { return Ok(()) };
    let at = context.metadata.at;
    if bot.token.as_ref().is_some_and(|token| !token.is_due(at, api.issuer.ttl())) {
        return Ok(());
    }
    let replaces = Replaces::Exactly(bot.token.map(|token| token.hash));
    let wanted = Wanted { bot: id, tenant: bot.tenant_id, replaces, grace: USUAL_GRACE };
    // The idempotency key belongs to the start; that this happens once is the decision's.
    api.issuer.rotate(wanted, Context::from(context.metadata.clone())).await?;
    Ok(())
}
