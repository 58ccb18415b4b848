//! `PATCH /api/bot/{hostname}`

use super::{
    dto::BotDto,
    new::{LimitsRequest, ModelDto, models},
    setup,
};
use crate::{
    ApiState,
    answer::Answer,
    bots::life,
    extract::{BotName, Command},
    fields::Fields,
    openapi::responses::{Invalid, KeyReused, Missing, Taken},
    problem::Problem,
    surround,
};
use axum::extract::State;
use clawplane_domain::bot::Changes;
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What shall be different; what is absent stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChangeBotRequest {
    /// Its new name in the API. The present one is free at once.
    #[schema(example = "sales-bot", min_length = 1, max_length = 63)]
    hostname: Option<String>,
    /// Its new name for people.
    #[schema(example = "Sales bot", max_length = 100)]
    name: Option<String>,
    /// Provider keys with one of these tags are preferred for its requests; instead of all before.
    #[schema(example = json!(["sales"]), max_items = 32)]
    tags: Option<Vec<String>>,
    /// The models it may use, instead of all before; the first is its primary one.
    #[schema(min_items = 1, max_items = 64)]
    models: Option<Vec<ModelDto>>,
    /// Its container's limits; those that are absent stay.
    #[serde(default)]
    limits: LimitsRequest,
    /// Environment variables of its process, instead of all before.
    #[schema(example = json!({"TZ": "Europe/Berlin"}))]
    environment: Option<BTreeMap<String, String>>,
    /// Switches, instead of all before.
    #[schema(example = json!({"canvas": true}))]
    features: Option<BTreeMap<String, bool>>,
}

/// Changes a bot
///
/// A running bot gets a new container with the same data for new models, limits, variables or switches; a bot that is only
/// renamed, or gets other tags, runs on.
#[utoipa::path(
    patch, path = "/api/bot/{hostname}", tag = "bots", request_body = ChangeBotRequest,
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 200, description = "The bot as it is now", body = BotDto), Invalid, Missing, Taken, KeyReused),
)]
pub(crate) async fn change_bot(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    command: Command<ChangeBotRequest>,
) -> Result<Answer<BotDto>, Problem> {
    surround::about_bot(&hostname);
    let changes = command.input.check(&api)?;
    let (row, position) = life::change(&api, command.principal, &hostname, changes, command.context).await?;
    Ok(Answer::ok(BotDto::new(&api, row)).at(position))
}

impl ChangeBotRequest {
    fn check(self, api: &ApiState) -> Result<Changes, Problem> {
        let mut fields = Fields::default();
        let changes = Changes {
            hostname: fields.optional("hostname", self.hostname.as_deref()),
            name: fields.optional("name", self.name.as_deref()),
            limits: self.limits.check(&mut fields),
            environment: self.environment.map(|given| setup::environment(&mut fields, &given)),
            features: self.features.map(|given| setup::features(&mut fields, &given)),
            models: self.models.map(|given| models(&mut fields, &given, api)),
            tags: self.tags.map(|given| fields.list("tags", &given)),
        };
        fields.finish(Some(changes))
    }
}
