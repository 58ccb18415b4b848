//! What may be wrong with a bot: what the read models know of keys and access, and what its machine sees.

use crate::{
    ApiState, machines,
    ports::machines::{Check, CheckStatus, Wanted},
    problem::Problem,
};
use clawplane_projections::{BotRow, KeyRow, KeyState};
use std::{collections::BTreeSet, time::Duration};

/// Keys of a page.
const PAGE: u32 = 200;
/// Most pages of keys that are read.
const PAGES: usize = 10;
/// What the bot's machine may take.
const LONGEST: Duration = Duration::from_secs(20);

/// Every check.
pub(crate) async fn of(api: &ApiState, bot: &BotRow) -> Result<Vec<Check>, Problem> {
    let vendors: BTreeSet<String> = bot.models.iter().map(|model| model.vendor.to_string()).collect();
    let keys = keys(api, bot).await?;
    let mut checks: Vec<Check> = vendors.iter().map(|vendor| provider_key(bot, vendor, &keys)).collect();
    checks.push(model_access(bot));
    let wanted = Wanted {
        desired: bot.desired,
        limits: bot.limits,
        token: machines::token(api, bot).await?,
        vendors: vendors.into_iter().collect(),
    };
    let seen = tokio::time::timeout(LONGEST, api.machines.diagnose(bot.id, wanted)).await;
    checks.extend(seen.unwrap_or_else(|_| {
        let detail = "the bot's machine did not answer in time";
        vec![check(
            "container",
            CheckStatus::Fail,
            detail,
            "see that the container engine of the bot's host runs",
        )]
    }));
    Ok(checks)
}

fn check(name: &'static str, status: CheckStatus, detail: impl Into<String>, remedy: &str) -> Check {
    let remedy = (!remedy.is_empty()).then(|| remedy.to_owned());
    Check { name, status, detail: detail.into(), remedy }
}

async fn keys(api: &ApiState, bot: &BotRow) -> Result<Vec<KeyRow>, Problem> {
    let mut keys = Vec::new();
    let mut after = None;
    for _ in 0..PAGES {
        let page = api.views.keys.list(bot.tenant_id, after, PAGE).await?;
        keys.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(keys)
}

fn provider_key(bot: &BotRow, vendor: &str, keys: &[KeyRow]) -> Check {
    let of_vendor = || keys.iter().filter(|key| key.vendor.as_str() == vendor);
    let in_state = |state| of_vendor().filter(|key| key.health.state == state).count();
    let (healthy, cooling, disabled) =
        (in_state(KeyState::Healthy), in_state(KeyState::Cooling), in_state(KeyState::Disabled));
    if healthy > 0 {
        return check("provider_key", CheckStatus::Ok, format!("{vendor}: {healthy} can be used"), "");
    }
    let detail = match (cooling, disabled) {
        (0, 0) => format!("{vendor}: the tenant has no key"),
        (0, _) => format!("{vendor}: all {disabled} are disabled"),
        _ => format!("{vendor}: {cooling} rest after failures, {disabled} are disabled"),
    };
    let stands_in = bot.fallbacks.iter().any(|fallback| fallback.from.as_str() == vendor);
    let status = if cooling > 0 || stands_in { CheckStatus::Warn } else { CheckStatus::Fail };
    let remedy = match (cooling, disabled) {
        (0, 0) => "add a key of this vendor (`POST /api/provider-key`)",
        _ => "see why in `GET /api/provider-key/health`; rotate or enable a key",
    };
    check("provider_key", status, detail, remedy)
}

fn model_access(bot: &BotRow) -> Check {
    let refused: Vec<String> = bot
        .models
        .iter()
        .filter(|choice| {
            let allowed = bot.access.allows_vendor(choice.vendor.as_str());
            !allowed || !bot.access.allows_model(choice.model.as_str())
        })
        .map(|choice| format!("{}/{}", choice.vendor, choice.model))
        .collect();
    if refused.is_empty() {
        return check("model_access", CheckStatus::Ok, "it may use each of its models", "");
    }
    let status = if refused.len() == bot.models.len() { CheckStatus::Fail } else { CheckStatus::Warn };
    let remedy = "name them in `allowedModels` and `allowedVendors` (`PUT /api/bot/{hostname}/access`)";
    check("model_access", status, format!("it may not use {}", refused.join(", ")), remedy)
}
