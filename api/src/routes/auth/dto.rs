//! What signing in takes and gives.

use crate::{ApiState, fields::Fields, problem::Problem, sessions};
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::request::Parts,
};
use clawplane_domain::{RequestId, Secret, tenant::Role, user::Account, values::Email};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, net::SocketAddr};
use utoipa::ToSchema;
use uuid::Uuid;

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginRequest {
    /// The e-mail address of the account.
    #[schema(example = "ada@example.com", format = "email")]
    email: String,
    /// Its password.
    #[schema(value_type = String, format = "password", example = "correct horse battery staple")]
    password: Secret,
}

impl LoginRequest {
    /// Checked.
    pub(super) fn check(self) -> Result<(Email, Secret), Problem> {
        let mut fields = Fields::default();
        let email = fields.parse("email", &self.email);
        fields.require("password", !self.password.is_empty(), "must not be empty");
        fields.finish(email.map(|email| (email, self.password)))
    }
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RefreshRequest {
    /// The refresh token that was given last. It is good for one use.
    #[schema(value_type = String, example = "0197f3a2-7c1e-7d4a-9b52-3f0c8a61d2e4.q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA")]
    pub(super) refresh_token: Secret,
}

/// Somebody is signed in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionResponse {
    /// For the header `authorization: Bearer <accessToken>`.
    access_token: String,
    /// Trade it for the next pair at `/api/auth/refresh`; it is good for one use.
    refresh_token: String,
    /// Seconds until the access token ends.
    #[schema(example = 900)]
    expires_in: i64,
    /// Who is signed in.
    user: UserResponse,
}

/// A user.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserResponse {
    /// Its id.
    id: Uuid,
    /// The name at sign-in.
    #[schema(example = "ada@example.com")]
    email: String,
    /// Its name for people.
    #[schema(example = "Ada")]
    name: String,
    /// The tenant that the session acts in.
    tenant_id: Uuid,
    /// The user's place in it: `viewer`, `operator`, `admin` or `owner`.
    #[schema(value_type = String, example = "owner")]
    role: Role,
    /// Administers the whole installation.
    administrator: bool,
}

impl SessionResponse {
    /// With new tokens.
    pub(super) fn new(api: &ApiState, signed_in: sessions::SignedIn) -> Result<Self, Problem> {
        let principal = signed_in.principal;
        Ok(Self {
            access_token: api.access_tokens.issue(principal).map_err(Problem::internal)?,
            refresh_token: signed_in.refresh_token.expose().to_owned(),
            expires_in: api.access_tokens.ttl(),
            user: UserResponse::new(signed_in.account, principal.tenant, principal.role),
        })
    }
}

impl UserResponse {
    /// An account in a tenant.
    pub(super) fn new(account: Account, tenant: clawplane_domain::TenantId, role: Role) -> Self {
        Self {
            id: account.id.0,
            email: account.email.into(),
            name: account.name.into(),
            tenant_id: tenant.0,
            role,
            administrator: account.administrator,
        }
    }
}

/// Where a request comes from.
impl FromRequestParts<ApiState> for sessions::Origin {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let address = peer.map(|ConnectInfo(peer)| peer.ip().to_canonical());
        Ok(Self { address, request: parts.extensions.get::<RequestId>().copied() })
    }
}
