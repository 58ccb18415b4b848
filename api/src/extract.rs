//! What handlers take from a request. Every rejection is a problem document.

mod body;
mod command;
mod path;
mod query;

pub(crate) use body::{Body, OptionalBody};
pub(crate) use command::{Bare, Command, OptionalCommand, Raw};
pub(crate) use path::{
    BackupName, BotFile, BotName, BotVersion, BotVersions, HostName, KeyName, PriceName, ScheduleName,
    TenantName,
};
pub(crate) use query::Query;

use crate::{
    ApiState,
    auth::Principal,
    problem::{Kind, Problem},
};
use axum::{extract::FromRequestParts, http::request::Parts};

/// Whoever signed in: the access layer has read the token already.
impl FromRequestParts<ApiState> for Principal {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Problem> {
        let principal = parts.extensions.get::<Self>().copied();
        principal.ok_or_else(|| Problem::new(Kind::Unauthenticated, "sign in first"))
    }
}

/// As above, where nobody need be signed in.
impl axum::extract::OptionalFromRequestParts<ApiState> for Principal {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Option<Self>, Problem> {
        Ok(parts.extensions.get::<Self>().copied())
    }
}
