//! `GET`, `PUT` and `DELETE /api/bot/{hostname}/fallbacks`

use crate::{
    ApiState,
    answer::Answer,
    auth::Principal,
    bots,
    extract::{Bare, BotName, Command},
    fields::Fields,
    openapi::responses::{BadKey, Invalid, KeyReused, Missing},
    problem::Problem,
    surround,
};
use axum::{Json, extract::State};
use clawplane_domain::bot::{Fallback, fallbacks::MAX_FALLBACKS};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The vendors that stand in for others.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Fallbacks)]
pub(crate) struct FallbacksDto {
    /// In the order in which they are tried; at most 4 of the same `from`.
    #[schema(max_items = 16)]
    fallbacks: Vec<FallbackDto>,
}

/// One vendor in the place of another.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Fallback)]
pub(crate) struct FallbackDto {
    /// The vendor that is asked.
    #[schema(example = "openai")]
    from: String,
    /// The vendor that answers when no key of the asked one can.
    #[schema(example = "groq")]
    to: String,
    /// The model that it is asked for; the same name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "llama-3.3-70b-versatile")]
    model: Option<String>,
    /// The wire formats in which it can stand in: a request is never translated into another one. Said in answers;
    /// what a request says here is not read.
    #[serde(default)]
    #[schema(read_only, example = json!(["openai", "openai-responses"]))]
    formats: Vec<String>,
}

/// Shows which vendors stand in for others
#[utoipa::path(
    get, path = "/api/bot/{hostname}/fallbacks", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 200, description = "The fallbacks", body = FallbacksDto), Missing),
)]
pub(crate) async fn get_fallbacks(
    State(api): State<ApiState>,
    principal: Principal,
    BotName(hostname): BotName,
) -> Result<Json<FallbacksDto>, Problem> {
    surround::about_bot(&hostname);
    let bot = bots::find(&api, principal.tenant, &hostname).await?;
    Ok(Json(FallbacksDto { fallbacks: shown(&api, bot.fallbacks) }))
}

/// Lets vendors stand in for others
///
/// The list replaces all earlier ones and counts within a second. When no key of the vendor that the bot asks can
/// answer, and nothing of an answer was passed on yet, the proxy asks the next vendor with the tenant's key of that one.
/// Only requests with a JSON body whose answers cost tokens go elsewhere, and only in the format that they came in.
#[utoipa::path(
    put, path = "/api/bot/{hostname}/fallbacks", tag = "bots", request_body = FallbacksDto,
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 200, description = "The fallbacks in force", body = FallbacksDto), Invalid, Missing, KeyReused),
)]
pub(crate) async fn set_fallbacks(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    command: Command<FallbacksDto>,
) -> Result<Answer<FallbacksDto>, Problem> {
    surround::about_bot(&hostname);
    let fallbacks = command.input.check(&api)?;
    let answer = FallbacksDto { fallbacks: shown(&api, fallbacks.clone()) };
    let tenant = command.principal.tenant;
    let position = bots::set_fallbacks(&api, tenant, &hostname, fallbacks, command.context).await?;
    Ok(Answer::ok(answer).at(position))
}

/// Lets no vendor stand in for another any longer
#[utoipa::path(
    delete, path = "/api/bot/{hostname}/fallbacks", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 204, description = "There are no fallbacks"), BadKey, Missing, KeyReused),
)]
pub(crate) async fn clear_fallbacks(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    command: Bare,
) -> Result<Answer<()>, Problem> {
    surround::about_bot(&hostname);
    let tenant = command.principal.tenant;
    let position = bots::set_fallbacks(&api, tenant, &hostname, Vec::new(), command.context).await?;
    Ok(Answer::nothing().at(position))
}

/// As a client sees them.
pub(super) fn shown(api: &ApiState, fallbacks: Vec<Fallback>) -> Vec<FallbackDto> {
    let entry = |Fallback { from, to, model }: Fallback| {
        let formats = api.vendors.shared_formats(&from, &to);
        let formats = formats.into_iter().map(str::to_owned).collect();
        FallbackDto { from: from.into(), to: to.into(), model: model.map(Into::into), formats }
    };
    fallbacks.into_iter().map(entry).collect()
}

impl FallbacksDto {
    fn check(&self, api: &ApiState) -> Result<Vec<Fallback>, Problem> {
        let mut fields = Fields::default();
        // What is too long is not gone through.
        let short = self.fallbacks.len() <= MAX_FALLBACKS;
        fields.require("fallbacks", short, &format!("may have at most {MAX_FALLBACKS} entries"));
        let entries = self.fallbacks.iter().take(MAX_FALLBACKS).enumerate();
        let checked = entries.filter_map(|(n, entry)| entry.check(n, &mut fields, api)).collect();
        fields.finish(Some(checked))
    }
}

impl FallbackDto {
    fn check(&self, n: usize, fields: &mut Fields, api: &ApiState) -> Option<Fallback> {
        let mut vendor = |field: &str, text: &str| {
            let field = format!("fallbacks[{n}].{field}");
            let vendor = fields.parse(&field, text)?;
            let known = api.vendors.knows(&vendor);
            fields.require(&field, known, "must be a vendor of the vendor table");
            known.then_some(vendor)
        };
        let (from, to) = (vendor("from", &self.from), vendor("to", &self.to));
        let model = fields.optional(&format!("fallbacks[{n}].model"), self.model.as_deref());
        let (from, to) = from.zip(to)?;
        let alike = from == to || !api.vendors.shared_formats(&from, &to).is_empty();
        fields.require(&format!("fallbacks[{n}].to"), alike, "has no wire format in common with `from`");
        Some(Fallback { from, to, model })
    }
}
