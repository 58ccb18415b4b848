//! Quotas of bots and tenants: limits that are set and cleared, and how much of them is used.

use crate::{ApiState, freshness::settle, problem::Problem};
use chrono::{DateTime, Utc};
use clawplane_domain::{
    TenantId, TimeZone,
    quota::{Quota, QuotaCommand, QuotaLimits, QuotaSubject, UnknownPrice, WindowLimit},
};
use clawplane_eventstore::{Context, Position};
use clawplane_projections::{View, WindowTotals};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Limits on what a bot, or all bots of a tenant together, may use. Absent or `null` is no limit, zero allows nothing
/// at all; days and months are those of the tenant's time zone.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = Quota)]
pub(crate) struct QuotaDto {
    /// Input and output tokens a day.
    #[schema(example = 1_000_000)]
    daily_tokens: Option<u64>,
    /// Input and output tokens a month.
    #[schema(example = 20_000_000)]
    monthly_tokens: Option<u64>,
    /// Micro-dollars a day.
    #[schema(example = 5_000_000)]
    daily_cost_micros: Option<u64>,
    /// Micro-dollars a month.
    #[schema(example = 100_000_000)]
    monthly_cost_micros: Option<u64>,
    /// Requests in any minute.
    #[schema(example = 60)]
    requests_per_minute: Option<u64>,
    /// Tokens in any minute.
    #[schema(example = 100_000)]
    tokens_per_minute: Option<u64>,
    /// What a limit on money does with a request whose price is not known: `refuse`, as when absent, or `allow`.
    #[schema(value_type = String, example = "refuse")]
    unknown_price: UnknownPrice,
}

/// A quota and how much of it is used.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuotaStatus {
    /// The limits in force; without any when there is no quota.
    limits: QuotaDto,
    /// The tenant's time zone.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// The present day and month.
    windows: Vec<QuotaWindow>,
}

/// What is used of one limit in the present day or month.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuotaWindow {
    /// The limit that it belongs to: `dailyTokens`, `monthlyTokens`, `dailyCostMicros` or `monthlyCostMicros`.
    #[schema(example = "dailyTokens")]
    name: &'static str,
    /// Its value; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1_000_000)]
    limit: Option<u64>,
    /// Tokens or micro-dollars that are used, as far as prices are known. Requests under way do not count yet.
    #[schema(example = 250_000)]
    used: u64,
    /// What is left of the limit; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 750_000)]
    remaining: Option<u64>,
    /// When the day or month began.
    starts_at: DateTime<Utc>,
    /// When it ends, and all of the limit is there again.
    reset_at: DateTime<Utc>,
}

/// Puts these limits in force.
pub(crate) async fn set(
    api: &ApiState,
    subject: QuotaSubject,
    limits: QuotaLimits,
    context: Context,
) -> Result<Option<Position>, Problem> {
    execute(api, subject, QuotaCommand::Set { subject, limits }, context).await
}

/// Limits nothing any more. Where nothing was limited, nothing changes.
pub(crate) async fn clear(
    api: &ApiState,
    subject: QuotaSubject,
    context: Context,
) -> Result<Option<Position>, Problem> {
    execute(api, subject, QuotaCommand::Clear { subject }, context).await
}

async fn execute(
    api: &ApiState,
    subject: QuotaSubject,
    command: QuotaCommand,
    context: Context,
) -> Result<Option<Position>, Problem> {
    let committed = api.executor.execute::<Quota>(subject.stream(), command, context).await?;
    settle(api, View::Bots, committed.position).await;
    Ok(committed.position)
}

/// The limits of a bot or a tenant, and how much of them is used now.
pub(crate) async fn status(api: &ApiState, subject: QuotaSubject) -> Result<QuotaStatus, Problem> {
    let limits = api.views.bots.quota(subject).await?.unwrap_or_default();
    let zone = time_zone(api, subject.tenant_id).await?;
    let now = api.clock.now();
    let bots = api.views.usage.tenant_windows(subject.tenant_id, zone, now).await?;
    let of_subject = || bots.iter().filter(|bot| subject.bot_id.is_none_or(|id| bot.bot_id == id));
    let window = |limit: WindowLimit| {
        let used = of_subject().map(|bot| used(limit, bot)).fold(0, u64::saturating_add);
        let (of, window) = (limit.of(&limits), zone.window(limit.period(), now));
        QuotaWindow {
            name: limit.name(),
            limit: of,
            used,
            remaining: of.map(|of| of.saturating_sub(used)),
            starts_at: window.starts_at,
            reset_at: window.ends_at,
        }
    };
    let windows = WindowLimit::ALL.into_iter().map(window).collect();
    Ok(QuotaStatus { limits: limits.into(), time_zone: zone.to_string(), windows })
}

async fn time_zone(api: &ApiState, tenant: TenantId) -> Result<TimeZone, Problem> {
    Ok(api.views.bots.tenant(tenant).await?.map(|tenant| tenant.time_zone).unwrap_or_default())
}

fn used(limit: WindowLimit, bot: &WindowTotals) -> u64 {
    match limit {
        WindowLimit::DailyTokens => bot.day_tokens,
        WindowLimit::MonthlyTokens => bot.month_tokens,
        WindowLimit::DailyCostMicros => bot.day_cost_micros,
        WindowLimit::MonthlyCostMicros => bot.month_cost_micros,
    }
}

impl From<QuotaLimits> for QuotaDto {
    fn from(limits: QuotaLimits) -> Self {
        Self {
            daily_tokens: limits.daily_tokens,
            monthly_tokens: limits.monthly_tokens,
            daily_cost_micros: limits.daily_cost_micros,
            monthly_cost_micros: limits.monthly_cost_micros,
            requests_per_minute: limits.requests_per_minute,
            tokens_per_minute: limits.tokens_per_minute,
            unknown_price: limits.unknown_price,
        }
    }
}

impl From<QuotaDto> for QuotaLimits {
    fn from(quota: QuotaDto) -> Self {
        Self {
            daily_tokens: quota.daily_tokens,
            monthly_tokens: quota.monthly_tokens,
            daily_cost_micros: quota.daily_cost_micros,
            monthly_cost_micros: quota.monthly_cost_micros,
            requests_per_minute: quota.requests_per_minute,
            tokens_per_minute: quota.tokens_per_minute,
            unknown_price: quota.unknown_price,
        }
    }
}
