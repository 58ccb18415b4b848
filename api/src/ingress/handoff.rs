//! OpenClaw's interface in a browser pairs with its gateway by a one-time credential. Here whoever may use the bot gets
//! one from its gateway, as OpenClaw's documentation asks of a deployment's sign-in (`web/dashboard.md`, "Automatic
//! browser handoff"). The bot's gateway token stays out of the browser.

use super::Visitor;
use crate::{
    ApiState,
    execs::{self, Exec},
    problem::{Kind, Problem},
};
use axum::{
    Json,
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use clawplane_domain::{Actor, Metadata, RequestId};
use clawplane_eventstore::Context;
use clawplane_projections::BotRow;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

/// OpenClaw's own command; where it stands depends on the image.
const COMMAND: &str = "if command -v openclaw >/dev/null 2>&1; then exec openclaw dashboard --json; else exec node openclaw.mjs dashboard --json; fi";
/// The interface waits 45 s.
const SECONDS: u32 = 40;
/// Longest credential that the interface takes.
const LONGEST: usize = 4096;

/// What the interface reads.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Handoff {
    bootstrap_token: String,
    bootstrap_profile: String,
}

/// What the interface asks for.
pub(super) async fn answer(
    api: &ApiState,
    visitor: &Visitor,
    bot: &BotRow,
    method: &Method,
    id: RequestId,
) -> Result<Response, Problem> {
    only_get(method)?;
    let handoff = issue(api, visitor, bot, id).await?.ok_or_else(|| {
        Problem::unavailable("the bot's gateway issued no credential for a browser", Duration::from_secs(10))
    })?;
    Ok(Json(handoff).into_response())
}

/// To the interface with a credential behind `#`, which no server sees; to the bot's first page where it has none.
pub(super) async fn open(
    api: &ApiState,
    visitor: &Visitor,
    bot: &BotRow,
    method: &Method,
    id: RequestId,
) -> Result<Response, Problem> {
    only_get(method)?;
    let location = issue(api, visitor, bot, id).await?.map_or_else(
        || "/".to_owned(),
        |handoff| {
            let mut fragment = url::form_urlencoded::Serializer::new("/#".to_owned());
            fragment.append_pair("bootstrapToken", &handoff.bootstrap_token);
            fragment.append_pair("bootstrapProfile", &handoff.bootstrap_profile);
            fragment.finish().replacen("#&", "#", 1)
        },
    );
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

fn only_get(method: &Method) -> Result<(), Problem> {
    match *method {
        Method::GET => Ok(()),
        _ => Err(Problem::new(Kind::MethodNotAllowed, "this path has GET").allow("GET".to_owned())),
    }
}

/// Has the bot's gateway issue a credential. It stands in the audit log as the command that it is.
async fn issue(
    api: &ApiState,
    visitor: &Visitor,
    bot: &BotRow,
    id: RequestId,
) -> Result<Option<Handoff>, Problem> {
    let exec = Exec::of(&["sh", "-c", COMMAND], SECONDS);
    let metadata = Metadata {
        tenant_id: visitor.principal.tenant,
        actor: Actor::User(visitor.principal.user),
        at: api.clock.now(),
        request_id: Some(id),
        causation: Some("ingress".to_owned()),
    };
    let context = Context { metadata, idempotency: None };
    let done = execs::run(api, visitor.principal, &bot.hostname, exec, context).await?;
    let handoff = credential(&done.end.stdout);
    if handoff.is_none() {
        tracing::warn!(code = done.end.exit_code, "a bot's gateway issued no credential for a browser");
    }
    Ok(handoff)
}

/// From what the command printed: a line of JSON whose `browserUrl` has the credential behind `#`.
fn credential(printed: &[u8]) -> Option<Handoff> {
    let printed = std::str::from_utf8(printed).ok()?;
    let said: Value = printed.lines().rev().find_map(|line| serde_json::from_str(line.trim()).ok())?;
    let url = said.get("browserUrl")?.as_str()?;
    let (_, fragment) = url.split_once('#')?;
    let part = |wanted: &str| {
        let mut parts = url::form_urlencoded::parse(fragment.as_bytes());
        parts.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
    };
    let bootstrap_token = part("bootstrapToken")?;
    let fits = (1..=LONGEST).contains(&bootstrap_token.len())
        && bootstrap_token.bytes().all(|b| b.is_ascii_graphic());
    let bootstrap_profile = part("bootstrapProfile").unwrap_or_else(|| "owner".to_owned());
    fits.then_some(Handoff { bootstrap_token, bootstrap_profile })
}

#[cfg(test)]
mod tests;
