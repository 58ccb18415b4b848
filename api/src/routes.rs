//! The routes, one file each, by their path: `POST /api/bot/{hostname}/start` is `bot/start.rs`.
//!
//! A handler extracts, calls, answers; who may call it stands in `table`, and is decided before it runs.

pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod backups;
pub(crate) mod bot;
pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod host;
pub(crate) mod metrics;
pub(crate) mod page;
pub(crate) mod price;
pub(crate) mod provider_key;
pub(crate) mod system;
pub(crate) mod table;
pub(crate) mod tenant;

use crate::{ApiState, openapi};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Every operation, with the document that is made of them.
pub(crate) fn all() -> OpenApiRouter<ApiState> {
    let all = [bots(), insides(), tenants(), installation()];
    all.into_iter().fold(OpenApiRouter::with_openapi(openapi::base()), OpenApiRouter::merge)
}

/// A bot's life, and what it may do.
fn bots() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(bot::list::list_bots, bot::create::create_bot))
        .routes(routes!(bot::get::get_bot, bot::change::change_bot, bot::delete::delete_bot))
        .routes(routes!(bot::start::start_bot))
        .routes(routes!(bot::stop::stop_bot))
        .routes(routes!(bot::restart::restart_bot))
        .routes(routes!(bot::init::init_bot))
        .routes(routes!(bot::clone::clone_bot))
        .routes(routes!(bot::upgrade::upgrade_bot))
        .routes(routes!(bot::relocate::move_bot))
        .routes(routes!(bot::access::set_access))
        .routes(routes!(bot::token_rotate::rotate_token))
        .routes(routes!(bot::token_revoke::revoke_tokens))
        .routes(routes!(bot::quota::get_quota, bot::quota::set_quota, bot::quota::clear_quota))
        .routes(routes!(
            bot::fallbacks::get_fallbacks,
            bot::fallbacks::set_fallbacks,
            bot::fallbacks::clear_fallbacks
        ))
        .routes(routes!(bot::egress::get_egress, bot::egress::set_egress))
}

/// What is in a bot, what goes on in it, and what it used.
fn insides() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(bot::stats::bot_stats))
        .routes(routes!(bot::logs::bot_logs))
        .routes(routes!(bot::stats::one::container_stats))
        .routes(routes!(bot::diagnose::diagnose))
        .routes(routes!(bot::exec::exec))
        .routes(routes!(bot::session::open_session))
        .routes(routes!(bot::admin::orphans::orphans))
        .routes(routes!(bot::admin::cleanup::clean_up))
        .routes(routes!(bot::config::get::get_config, bot::config::set::set_config))
        .routes(routes!(bot::config::drift::config_drift))
        .routes(routes!(bot::config::adopt::adopt_config))
        .routes(routes!(bot::config::versions::list_versions))
        .routes(routes!(bot::config::version::get_version))
        .routes(routes!(bot::config::diff::diff_config))
        .routes(routes!(bot::config::restore::restore_config))
        .routes(routes!(bot::files::list::list_files))
        .routes(routes!(
            bot::files::read::read_file,
            bot::files::write::write_file,
            bot::files::remove::remove_file
        ))
        .routes(routes!(bot::usage_stats::usage_stats))
        .routes(routes!(bot::usage_trend::usage_trend))
        .routes(routes!(bot::usage_breakdown::usage_breakdown))
        .routes(routes!(bot::usage_logs::usage_logs))
}

/// What a tenant has beside its bots.
fn tenants() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(tenant::get::get_tenant, tenant::update::update_tenant))
        .routes(routes!(
            tenant::quota::get_tenant_quota,
            tenant::quota::set_tenant_quota,
            tenant::quota::clear_tenant_quota
        ))
        .routes(routes!(tenant::plan::get_own_plan))
        .routes(routes!(tenant::plan::get_plan, tenant::plan::set_plan))
        .routes(routes!(provider_key::list::list_keys, provider_key::create::add_key))
        .routes(routes!(provider_key::health::key_health))
        .routes(routes!(
            provider_key::get::get_key,
            provider_key::change::change_key,
            provider_key::delete::delete_key
        ))
        .routes(routes!(provider_key::enable::enable_key))
        .routes(routes!(provider_key::disable::disable_key))
        .routes(routes!(provider_key::rotate::rotate_key))
        .routes(routes!(provider_key::verify::verify_key))
        .routes(routes!(price::list::list_prices, price::create::add_price))
        .routes(routes!(price::get::get_price, price::set::set_price, price::delete::remove_price))
        .routes(routes!(backups::list::list_backups, backups::create::create_backups))
        .routes(routes!(backups::schedules::list_schedules, backups::schedules::add_schedule))
        .routes(routes!(
            backups::schedule::get_schedule,
            backups::schedule::set_schedule,
            backups::schedule::remove_schedule
        ))
        .routes(routes!(backups::get::get_backup, backups::delete::delete_backup))
        .routes(routes!(backups::events::backup_events))
        .routes(routes!(backups::verify::verify_backup))
        .routes(routes!(backups::restore::restore_backup))
        .routes(routes!(backups::download::download_backup))
}

/// Who signs in, the hosts, and the installation as a whole.
fn installation() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(auth::login::login))
        .routes(routes!(auth::refresh::refresh))
        .routes(routes!(auth::logout::logout))
        .routes(routes!(auth::me::me))
        .routes(routes!(host::list::list_hosts, host::create::add_host))
        .routes(routes!(host::get::get_host, host::change::change_host, host::delete::remove_host))
        .routes(routes!(host::drain::drain_host))
        .routes(routes!(host::resume::resume_host))
        .routes(routes!(audit::audit_log))
        .routes(routes!(system::status::system_status))
        .routes(routes!(system::doctor::doctor))
        .routes(routes!(health::health))
        .routes(routes!(docs::openapi_document))
        .routes(routes!(metrics::metrics))
}
