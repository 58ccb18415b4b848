//! `GET|POST /api/backups/schedules`

use crate::{
    ApiState,
    answer::Answer,
    auth::Principal,
    backups, bots,
    extract::{Command, Query},
    fields::Fields,
    openapi::responses::{BadQuery, Invalid, KeyReused, Missing},
    problem::Problem,
    routes::page::{PageOf, PageParams},
};
use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use clawplane_domain::{
    TenantId, TimeZone, Timestamp,
    backup::Quiesce,
    backup_schedule::{ActiveSchedule, MAX_DAYS, MAX_KEEP, Rule},
    values::Hostname,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// When backups are made, and which are kept.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ScheduleRequest {
    /// Of the bot of this name; of all bots of the tenant, when absent.
    #[schema(example = "support-bot")]
    hostname: Option<String>,
    /// Minute, hour, day of month, month and day of week, in the tenant's time zone.
    #[schema(example = "30 3 * * *", max_length = 100)]
    cron: String,
    /// How bots are brought to rest: `pause` or `stop`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "pause")]
    quiesce: Quiesce,
    /// So many complete ones of each bot are kept; any number, when absent.
    #[schema(example = 14, minimum = 1, maximum = 1000)]
    keep_last: Option<u32>,
    /// They are kept for so many days; for ever, when absent. The newest complete one of each bot is always kept.
    #[schema(example = 90, minimum = 1, maximum = 3650)]
    keep_days: Option<u32>,
}

/// A rule by which backups are made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BackupSchedule)]
pub(crate) struct ScheduleDto {
    /// Its id.
    id: Uuid,
    /// Of this bot; of all bots of the tenant, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    bot_id: Option<Uuid>,
    /// When, in the tenant's time zone.
    #[schema(example = "30 3 * * *")]
    cron: String,
    /// The tenant's time zone.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// How bots are brought to rest.
    #[schema(value_type = String, example = "pause")]
    quiesce: Quiesce,
    /// So many of each bot are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_last: Option<u32>,
    /// They are kept for so many days.
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_days: Option<u32>,
    /// Since when it says this.
    set_at: DateTime<Utc>,
    /// The last time that was served.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: Option<DateTime<Utc>>,
    /// The next time.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_run: Option<DateTime<Utc>>,
}

/// Lists the tenant's backup schedules, oldest first
#[utoipa::path(
    get, path = "/api/backups/schedules", tag = "backups", params(PageParams),
    responses((status = 200, description = "A page of schedules", body = PageOf<ScheduleDto>), BadQuery),
)]
pub(crate) async fn list_schedules(
    State(api): State<ApiState>,
    principal: Principal,
    Query(params): Query<PageParams>,
) -> Result<Json<PageOf<ScheduleDto>>, Problem> {
    let (after, limit) = params.check()?;
    let zone = zone(&api, principal.tenant).await?;
    let page = api.views.backups.schedules(principal.tenant, after, limit).await?;
    Ok(Json(PageOf::of(page, |row| ScheduleDto::new(row, zone, api.clock.now()))))
}

/// Adds a backup schedule
#[utoipa::path(
    post, path = "/api/backups/schedules", tag = "backups", request_body = ScheduleRequest,
    responses(
        (status = 201, description = "The schedule", body = ScheduleDto,
         headers(("location" = String, description = "Where the schedule is found"))),
        Invalid, Missing, KeyReused,
    ),
)]
pub(crate) async fn add_schedule(
    State(api): State<ApiState>,
    command: Command<ScheduleRequest>,
) -> Result<Answer<ScheduleDto>, Problem> {
    let Command { principal, input, context } = command;
    let rule = input.check(&api, principal).await?;
    let zone = zone(&api, principal.tenant).await?;
    let (row, position) = backups::schedules::add(&api, principal, rule, context).await?;
    let schedule = ScheduleDto::new(row, zone, api.clock.now());
    Ok(Answer::created(format!("/api/backups/schedules/{}", schedule.id), schedule).at(position))
}

pub(super) async fn zone(api: &ApiState, tenant: TenantId) -> Result<TimeZone, Problem> {
    Ok(api.views.bots.tenant(tenant).await?.map_or(TimeZone::UTC, |tenant| tenant.time_zone))
}

impl ScheduleRequest {
    pub(super) async fn check(self, api: &ApiState, principal: Principal) -> Result<Rule, Problem> {
        let mut fields = Fields::default();
        let hostname: Option<Hostname> = fields.optional("hostname", self.hostname.as_deref());
        let cron = fields.parse("cron", &self.cron);
        let keep_last = self.keep_last.map(|keep| fields.within("keepLast", keep, 1, MAX_KEEP));
        let keep_days = self.keep_days.map(|days| fields.within("keepDays", days, 1, MAX_DAYS));
        let quiesce = self.quiesce;
        let rule = cron.map(|cron| Rule { bot_id: None, cron, quiesce, keep_last, keep_days });
        let rule = fields.finish(rule)?;
        match hostname {
            Some(hostname) => {
                let bot = bots::find(api, principal.tenant, &hostname).await?;
                Ok(Rule { bot_id: Some(bot.id), ..rule })
            }
            None => Ok(rule),
        }
    }
}

impl ScheduleDto {
    pub(super) fn new(row: ActiveSchedule, zone: TimeZone, now: Timestamp) -> Self {
        Self {
            id: row.id.0,
            bot_id: row.rule.bot_id.map(|id| id.0),
            next_run: row.rule.cron.next_after(zone, now),
            cron: row.rule.cron.into(),
            time_zone: zone.name().to_owned(),
            quiesce: row.rule.quiesce,
            keep_last: row.rule.keep_last,
            keep_days: row.rule.keep_days,
            set_at: row.set_at,
            last_run: row.last_due,
        }
    }
}
