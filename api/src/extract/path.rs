//! Names in paths. A name that cannot exist is a thing that does not exist: 404.

use crate::{ApiState, problem::Problem};
use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use clawplane_domain::{
    BackupId, Invalid, KeyId, PriceId, ScheduleId, TenantId, openclaw::WorkspacePath, values::Hostname,
};
use serde::de::DeserializeOwned;
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

/// A tenant's id.
pub(crate) struct TenantName(pub(crate) TenantId);
/// A bot's hostname, and a version of its configuration.
pub(crate) struct BotVersion(pub(crate) Hostname, pub(crate) u64);

/// A bot's hostname, and two versions of its configuration.
pub(crate) struct BotVersions(pub(crate) Hostname, pub(crate) u64, pub(crate) u64);

/// A bot's hostname, and a file of its workspace.
pub(crate) struct BotFile(pub(crate) Hostname, pub(crate) WorkspacePath);

impl FromRequestParts<ApiState> for BotVersion {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        let (bot, version): (String, String) = several(parts, api, "version").await?;
        Ok(Self(as_named(&bot, "bot")?, as_named(&version, "version")?))
    }
}

impl FromRequestParts<ApiState> for BotVersions {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        let (bot, one, other): (String, String, String) = several(parts, api, "version").await?;
        Ok(Self(as_named(&bot, "bot")?, as_named(&one, "version")?, as_named(&other, "version")?))
    }
}

impl FromRequestParts<ApiState> for BotFile {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        let (bot, path): (String, String) = several(parts, api, "file").await?;
        let path = path.parse().map_err(|why: Invalid| Problem::field("path", why.to_string()))?;
        Ok(Self(as_named(&bot, "bot")?, path))
    }
}

async fn several<T>(parts: &mut Parts, api: &ApiState, what: &str) -> Result<T, Problem>
where
    T: DeserializeOwned + Send,
{
    let path = Path::<T>::from_request_parts(parts, api).await;
    Ok(path.map_err(|_| Problem::not_found(what))?.0)
}

fn as_named<T: FromStr>(text: &str, what: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::not_found(what))
}

impl FromRequestParts<ApiState> for BotName {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        named(parts, api, "bot").await.map(Self)
    }
}

/// A host's name.
pub(crate) struct HostName(pub(crate) Hostname);

impl FromRequestParts<ApiState> for HostName {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        named(parts, api, "host").await.map(Self)
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

impl FromRequestParts<ApiState> for TenantName {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        named(parts, api, "tenant").await.map(Self)
    }
}

async fn named<T: FromStr>(parts: &mut Parts, api: &ApiState, what: &str) -> Result<T, Problem> {
    let path = Path::<String>::from_request_parts(parts, api).await;
    let text = path.map_err(|_| Problem::not_found(what))?.0;
    text.parse().map_err(|_| Problem::not_found(what))
}
