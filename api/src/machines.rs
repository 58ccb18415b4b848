//! What handlers share that look at bots' machines: their errors as problems, secrets to take out, when to stop.

use crate::{
    ApiState,
    auth::Principal,
    ports::machines::MachineError,
    problem::{Kind, Problem},
};
use axum::http::{HeaderMap, header};
use clawplane_domain::{Secret, redact::Redactor, sealed::bound_to_bot, session::Session};
use clawplane_projections::BotRow;
use std::time::Duration;

/// Between two looks at whether whoever watches is still signed in.
const SIGNED_IN_EVERY: Duration = Duration::from_secs(30);

impl From<MachineError> for Problem {
    fn from(error: MachineError) -> Self {
        let text = error.to_string();
        match error {
            MachineError::NoContainer | MachineError::NotRunning => Self::new(Kind::Conflict, text),
            MachineError::Busy => Self::new(Kind::TooManyRequests, text).retry_after(Duration::from_secs(5)),
            MachineError::Unavailable(_) => Self::unavailable(text, Duration::from_secs(5)),
        }
    }
}

/// The bot's gateway token; `None` where it was revoked.
pub(crate) async fn token(api: &ApiState, bot: &BotRow) -> Result<Option<Secret>, Problem> {
    let Some(token) = &bot.token else { return Ok(None) };
    Ok(Some(api.vault.open(&token.sealed, &bound_to_bot(bot.tenant_id, bot.id)).await?))
}

/// Takes the bot's token out of what it prints, and whatever looks like a key.
pub(crate) async fn redactor(api: &ApiState, bot: &BotRow) -> Result<Redactor, Problem> {
    Ok(Redactor::knowing(token(api, bot).await?))
}

/// Ends when somebody has signed out, or lost their place in the tenant. What is watched for hours outlives the access
/// token that it was asked for with.
pub(crate) async fn signed_out(api: ApiState, principal: Principal) {
    loop {
        tokio::time::sleep(SIGNED_IN_EVERY).await;
        if !is_signed_in(&api, principal).await {
            return;
        }
    }
}

/// Whether the session is still open. A database that does not answer ends nobody's.
pub(crate) async fn is_signed_in(api: &ApiState, principal: Principal) -> bool {
    if api.signed_out.contains(principal.session) {
        return false;
    }
    match api.executor.load::<Session>(&principal.session.to_string()).await {
        Ok(session) => session.open.is_some_and(|open| open.expires_at > api.clock.now()),
        Err(error) => {
            tracing::warn!(%error, "a session cannot be looked at");
            true
        }
    }
}

/// Whether a client asks for server-sent events.
pub(crate) fn wants_events(headers: &HeaderMap) -> bool {
    accepts(headers, "text/event-stream")
}

/// Whether a client names this type.
pub(crate) fn accepts(headers: &HeaderMap, media: &str) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|one| one.split(';').next().is_some_and(|one| one.trim().eq_ignore_ascii_case(media)))
}
