//! `PUT /api/bot/{hostname}/access`

use super::dto::texts;
use crate::{
    ApiState,
    answer::Answer,
    bots,
    extract::{BotName, Command},
    fields::Fields,
    openapi::responses::{Invalid, KeyReused, Missing},
    problem::Problem,
    surround,
};
use axum::extract::State;
use clawplane_domain::{bot::Access, values::VendorId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a bot may reach through the proxy. Absent or `null` is everything.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = Access)]
pub(crate) struct AccessDto {
    /// The only models that it may use, letter for letter as their vendor names them. An entry may end in `*`.
    #[schema(example = json!(["gpt-4o*"]), min_items = 1, max_items = 128)]
    allowed_models: Option<Vec<String>>,
    /// The only vendors that it may use.
    #[schema(example = json!(["openai"]), min_items = 1, max_items = 128)]
    allowed_vendors: Option<Vec<String>>,
}

/// Narrows what a bot may reach
///
/// The lists replace all earlier ones and count within a second. What they do not allow the proxy refuses with 403 in
/// the vendor's own format, with the code `model_not_allowed` or `vendor_not_allowed`. While models are narrowed, a
/// request whose model cannot be read for sure is refused as well.
#[utoipa::path(
    put, path = "/api/bot/{hostname}/access", tag = "bots", request_body = AccessDto,
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 200, description = "What it may reach now", body = AccessDto), Invalid, Missing, KeyReused),
)]
pub(crate) async fn set_access(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    command: Command<AccessDto>,
) -> Result<Answer<AccessDto>, Problem> {
    surround::about_bot(&hostname);
    let access = command.input.check(&api)?;
    let answer = AccessDto::from(access.clone());
    let position = bots::set_access(&api, command.principal, &hostname, access, command.context).await?;
    Ok(Answer::ok(answer).at(position))
}

impl AccessDto {
    fn check(&self, api: &ApiState) -> Result<Access, Problem> {
        let mut fields = Fields::default();
        let (models, vendors) = (self.allowed_models.as_deref(), self.allowed_vendors.as_deref());
        let access = lists(&mut fields, models, vendors, api);
        fields.finish(Some(access))
    }
}

impl From<Access> for AccessDto {
    fn from(access: Access) -> Self {
        let (allowed_models, allowed_vendors) =
            (access.allowed_models.map(texts), access.allowed_vendors.map(texts));
        Self { allowed_models, allowed_vendors }
    }
}

/// The lists of a request, entry by entry. A vendor that nobody knows would only look like a bound.
pub(super) fn lists(
    fields: &mut Fields,
    models: Option<&[String]>,
    vendors: Option<&[String]>,
    api: &ApiState,
) -> Access {
    let allowed_models = models.map(|all| fields.list("allowedModels", all));
    let allowed_vendors = vendors.map(|all| {
        for (n, vendor) in all.iter().enumerate() {
            let parsed = vendor.parse::<VendorId>();
            let known = parsed.is_ok_and(|vendor| api.vendors.knows(&vendor));
            fields.require(&format!("allowedVendors[{n}]"), known, "must be a vendor of the vendor table");
        }
        all.iter().filter_map(|vendor| vendor.parse().ok()).collect()
    });
    Access { allowed_models, allowed_vendors }
}
