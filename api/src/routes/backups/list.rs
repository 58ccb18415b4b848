//! `GET /api/backups`

use super::dto::BackupDto;
use crate::{
    ApiState,
    auth::Principal,
    extract::Query,
    fields::Fields,
    openapi::responses::BadQuery,
    problem::Problem,
    routes::page::{PageOf, PageParams},
};
use axum::{Json, extract::State};
use clawplane_domain::values::Hostname;
use clawplane_projections::BackupFilter;
use serde::Deserialize;
use utoipa::IntoParams;

/// Which backups; what is absent does not matter.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BackupParams {
    /// Of the bot with this id.
    #[param(value_type = Option<Uuid>)]
    bot_id: Option<String>,
    /// Of a bot that had this name then.
    #[param(example = "support-bot")]
    hostname: Option<String>,
    /// Asked for at once.
    #[param(value_type = Option<Uuid>)]
    batch_id: Option<String>,
    /// Made by this schedule.
    #[param(value_type = Option<Uuid>)]
    schedule_id: Option<String>,
    /// Most items of the page, 1 to 200.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// Where to go on: `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Lists the tenant's backups, newest first
#[utoipa::path(
    get, path = "/api/backups", tag = "backups", params(BackupParams),
    responses((status = 200, description = "A page of backups", body = PageOf<BackupDto>), BadQuery),
)]
pub(crate) async fn list_backups(
    State(api): State<ApiState>,
    principal: Principal,
    Query(params): Query<BackupParams>,
) -> Result<Json<PageOf<BackupDto>>, Problem> {
    let mut fields = Fields::default();
    let (after, limit) = PageParams::new(params.limit, params.cursor).check_in(&mut fields);
    let hostname: Option<Hostname> = fields.optional("hostname", params.hostname.as_deref());
    let filter = BackupFilter {
        bot: fields.optional("botId", params.bot_id.as_deref()),
        hostname: hostname.as_ref(),
        batch: fields.optional("batchId", params.batch_id.as_deref()),
        schedule: fields.optional("scheduleId", params.schedule_id.as_deref()),
    };
    let filter = fields.finish(Some(filter))?;
    let page = api.views.backups.list(principal.tenant, filter, after, limit).await?;
    Ok(Json(PageOf::of(page, BackupDto::from)))
}
