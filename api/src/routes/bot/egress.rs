//! `GET|PUT /api/bot/{hostname}/egress`

use super::dto::texts;
use crate::{
    ApiState,
    answer::Answer,
    auth::Principal,
    bots,
    extract::{BotName, Command},
    fields::Fields,
    openapi::responses::{Invalid, KeyReused, Missing},
    problem::Problem,
    surround,
};
use axum::{Json, extract::State};
use clawplane_domain::bot::{EgressRule, egress::MAX_EGRESS};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a bot may go on the web.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Egress)]
pub(crate) struct EgressDto {
    /// Destinations as `host:port`: a DNS name, `*.` and a DNS name for every name below it, an IPv4 address or an IPv6
    /// address in brackets; a port, or `*`. Nowhere when empty.
    #[schema(example = json!(["api.github.com:443", "*.example.com:443"]), max_items = 64)]
    allow: Vec<String>,
}

/// Shows where a bot may go on the web
#[utoipa::path(
    get, path = "/api/bot/{hostname}/egress", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 200, description = "Its destinations", body = EgressDto), Missing),
)]
pub(crate) async fn get_egress(
    State(api): State<ApiState>,
    principal: Principal,
    BotName(hostname): BotName,
) -> Result<Json<EgressDto>, Problem> {
    surround::about_bot(&hostname);
    let bot = bots::find(&api, principal.tenant, &hostname).await?;
    Ok(Json(EgressDto { allow: texts(bot.egress) }))
}

/// Lets a bot go to places on the web
///
/// The list replaces all earlier ones and counts within seconds; connections to what is not on it any more are cut. The
/// bot finds a forward proxy in `HTTP_PROXY` and `HTTPS_PROXY`, so it gets a new container when the first entry comes
/// or the last one goes. Whatever the list says, private, loopback and metadata addresses, the host itself and the
/// platform's own database and NATS are refused, by the address that a name has at that moment.
#[utoipa::path(
    put, path = "/api/bot/{hostname}/egress", tag = "bots", request_body = EgressDto,
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 200, description = "The destinations in force", body = EgressDto), Invalid, Missing, KeyReused),
)]
pub(crate) async fn set_egress(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    command: Command<EgressDto>,
) -> Result<Answer<EgressDto>, Problem> {
    surround::about_bot(&hostname);
    let allow = command.input.check()?;
    let tenant = command.principal.tenant;
    let (allow, position) = bots::set_egress(&api, tenant, &hostname, allow, command.context).await?;
    Ok(Answer::ok(EgressDto { allow: texts(allow) }).at(position))
}

impl EgressDto {
    fn check(&self) -> Result<Vec<EgressRule>, Problem> {
        let mut fields = Fields::default();
        // What is too long is not gone through.
        let short = self.allow.len() <= MAX_EGRESS;
        fields.require("allow", short, &format!("may have at most {MAX_EGRESS} entries"));
        let taken = &self.allow[..self.allow.len().min(MAX_EGRESS)];
        let allow = fields.list("allow", taken);
        fields.finish(Some(allow))
    }
}
