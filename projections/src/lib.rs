//! Read models: what the events add up to, in tables that can be asked.
//!
//! One folder a read model, each with its table (`schema.sql`), its fold (`apply`) and its queries (`query`). The
//! [`Runner`] folds the feed into them, [`Views`] asks them, [`admin`] lists and rebuilds them. Everything in here can
//! be thrown away and made again from the events.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail"))]

pub mod admin;
pub mod audit;
pub mod backups;
mod batch;
pub mod bot_configs;
pub mod bots;
pub mod hosts;
pub mod page;
pub mod prices;
pub mod projection;
pub mod provider_keys;
pub mod rebuild;
pub mod runner;
mod schema;
pub mod usage_log;
pub mod usage_rollups;
pub mod views;

pub use admin::ProjectionStatus;
pub use audit::{AuditFilter, AuditRow, AuditView};
pub use backups::{BackupFilter, BackupRow, Backups, ScheduleRow};
pub use bot_configs::{BotConfigs, ConfigVersion};
pub use bots::{BotHost, BotRow, BotStats, Bots, TenantRow};
pub use hosts::{HostRow, Hosts};
pub use page::{Cursor, InvalidCursor, Page, QueryError};
pub use prices::{PriceEntry, Prices};
pub use provider_keys::{KeyHealth, KeyRow, KeyState, Keys};
pub use rebuild::{RebuildError, RebuildReport};
pub use runner::Runner;
pub use schema::migrate;
pub use usage_log::UsageLogRow;
pub use usage_rollups::{BreakdownRow, Bucket, By, Range, TrendPoint, UsageTotals, WindowTotals};
pub use views::{UsageViews, View, Views};
