//! `POST /api/auth/refresh`

use super::dto::{RefreshRequest, SessionResponse};
use crate::{
    ApiState,
    extract::Body,
    openapi::responses::{Invalid, WrongCredentials},
    problem::Problem,
    sessions::{self, Origin},
};
use axum::{Json, extract::State};

/// Trades a refresh token for a new pair of tokens
///
/// A refresh token that is presented twice was copied: the session ends for everybody who holds a part of it.
#[utoipa::path(
    post, path = "/api/auth/refresh", tag = "auth", request_body = RefreshRequest,
    responses((status = 200, description = "Still signed in", body = SessionResponse), Invalid, WrongCredentials),
)]
pub(crate) async fn refresh(
    State(api): State<ApiState>,
    origin: Origin,
    Body(request): Body<RefreshRequest>,
) -> Result<Json<SessionResponse>, Problem> {
    let signed_in = sessions::refresh(&api, &request.refresh_token, origin).await?;
    SessionResponse::new(&api, signed_in).map(Json)
}
