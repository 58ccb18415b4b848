//! What a bot is given beside its models, as a client says and sees it: switches, environment, upgrades.

use crate::{ApiState, fields::Fields};
use clawplane_domain::{
    BotId,
    bot::{
        Environment, Features, Origin, Upgrade, UpgradeOutcome, setup::MAX_ENVIRONMENT, setup::MAX_FEATURES,
    },
};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Switches by their names.
pub(super) fn features(fields: &mut Fields, given: &BTreeMap<String, bool>) -> Features {
    fields.require(
        "features",
        given.len() <= MAX_FEATURES,
        &format!("may have at most {MAX_FEATURES} entries"),
    );
    let checked = given
        .iter()
        .take(MAX_FEATURES)
        .filter_map(|(name, on)| Some((fields.parse(&format!("features.{}", short(name)), name)?, *on)));
    checked.collect()
}

/// Variables by their names. Which names and values a bot may not have is the domain's to say.
pub(super) fn environment(fields: &mut Fields, given: &BTreeMap<String, String>) -> Environment {
    let most = format!("may have at most {MAX_ENVIRONMENT} entries");
    fields.require("environment", given.len() <= MAX_ENVIRONMENT, &most);
    let checked = given.iter().take(MAX_ENVIRONMENT).filter_map(|(name, value)| {
        let field = format!("environment.{}", short(name));
        Some((fields.parse(&field, name)?, fields.parse(&field, value)?))
    });
    checked.collect()
}

/// The deleted bot whose data a new one takes over.
pub(super) fn origin(fields: &mut Fields, data_of: Option<&str>) -> Option<Origin> {
    fields.optional::<BotId>("dataOf", data_of).map(Origin::DataOf)
}

/// A name as far as it is shown in a refusal.
fn short(name: &str) -> String {
    name.chars().take(64).collect()
}

/// The last upgrade of a bot.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Upgrade)]
pub(crate) struct UpgradeDto {
    /// The new image.
    #[schema(example = "ghcr.io/openclaw/openclaw:2026.10")]
    image: String,
    /// `pending` (it is tried, or will be when the bot runs), `committed` (it is the bot's image) or `rolledBack`.
    #[schema(example = "committed")]
    state: &'static str,
    /// Why it was rolled back.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl UpgradeDto {
    /// As the read model has it.
    pub(super) fn new(api: &ApiState, upgrade: Upgrade) -> Self {
        let (state, reason) = match upgrade.outcome {
            UpgradeOutcome::Pending => ("pending", None),
            UpgradeOutcome::Committed => ("committed", None),
            UpgradeOutcome::RolledBack { reason } => ("rolledBack", Some(reason)),
        };
        Self { image: upgrade.image.unwrap_or_else(|| api.default_image.clone()).into(), state, reason }
    }
}
