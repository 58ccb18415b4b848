//! `GET /api/auth/me`

use super::dto::UserResponse;
use crate::{ApiState, auth::Principal, problem::Problem, sessions};
use axum::{Json, extract::State};

/// Who is signed in
#[utoipa::path(
    get, path = "/api/auth/me", tag = "auth",
    responses((status = 200, description = "The user of the access token", body = UserResponse)),
)]
pub(crate) async fn me(
    State(api): State<ApiState>,
    principal: Principal,
) -> Result<Json<UserResponse>, Problem> {
    let account = sessions::by_id(&api, principal.user).await?.ok_or_else(|| Problem::not_found("user"))?;
    Ok(Json(UserResponse::new(account, principal.tenant, principal.role)))
}
