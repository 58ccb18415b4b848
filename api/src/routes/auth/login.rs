//! `POST /api/auth/login`

use super::dto::{LoginRequest, SessionResponse};
use crate::{
    ApiState,
    extract::Body,
    openapi::responses::{Invalid, Slowed, WrongCredentials},
    problem::Problem,
    sessions::{self, Origin},
};
use axum::{Json, extract::State};

/// Signs in
///
/// After ten failures for an account from one address, one more try is allowed each six seconds.
#[utoipa::path(
    post, path = "/api/auth/login", tag = "auth", request_body = LoginRequest,
    responses((status = 200, description = "Signed in", body = SessionResponse), Invalid, WrongCredentials, Slowed),
)]
pub(crate) async fn login(
    State(api): State<ApiState>,
    origin: Origin,
    Body(request): Body<LoginRequest>,
) -> Result<Json<SessionResponse>, Problem> {
    let (email, password) = request.check()?;
    let signed_in = sessions::sign_in(&api, &email, password, origin).await?;
    SessionResponse::new(&api, signed_in).map(Json)
}
