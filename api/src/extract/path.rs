//! Names in paths. A name that cannot exist is a thing that does not exist: 404.

use crate::{ApiState, problem::Problem};
use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use clawplane_domain::{BackupId, KeyId, PriceId, ScheduleId, values::Hostname};
use std::str::FromStr;

/// A bot's hostname.
pub(crate) struct BotName(pub(crate) Hostname);

/// A provider key's id.
pub(crate) struct KeyName(pub(crate) KeyId);

/// A backup's id.
pub(crate) struct BackupName(pub(crate) BackupId);

/// The id of a schedule of backups.
pub(crate) struct ScheduleName(pub(crate) ScheduleId);

/// A price's id.
pub(crate) struct PriceName(pub(crate) PriceId);

impl FromRequestParts<ApiState> for BotName {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        named(parts, api, "bot").await.map(Self)
    }
}

impl FromRequestParts<ApiState> for KeyName {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        named(parts, api, "provider key").await.map(Self)
    }
}

impl FromRequestParts<ApiState> for BackupName {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        named(parts, api, "backup").await.map(Self)
    }
}

impl FromRequestParts<ApiState> for ScheduleName {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        named(parts, api, "backup schedule").await.map(Self)
    }
}

impl FromRequestParts<ApiState> for PriceName {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        named(parts, api, "price").await.map(Self)
    }
}

async fn named<T: FromStr>(parts: &mut Parts, api: &ApiState, what: &str) -> Result<T, Problem> {
    let path = Path::<String>::from_request_parts(parts, api).await;
    let text = path.map_err(|_| Problem::not_found(what))?.0;
    text.parse().map_err(|_| Problem::not_found(what))
}
