//! `POST /api/auth/logout`

use super::dto::RefreshRequest;
use crate::{
    ApiState,
    answer::Answer,
    auth::Principal,
    extract::OptionalBody,
    openapi::responses::{Invalid, WrongCredentials},
    problem::{Kind, Problem},
    sessions::{self, Origin},
};
use axum::extract::State;

/// Signs out
///
/// Ends the session of the refresh token in the body, or without a body that of the access token.
#[utoipa::path(
    post, path = "/api/auth/logout", tag = "auth", request_body = Option<RefreshRequest>,
    security((), ("accessToken" = [])),
    responses((status = 204, description = "The session has ended"), Invalid, WrongCredentials),
)]
pub(crate) async fn logout(
    State(api): State<ApiState>,
    origin: Origin,
    principal: Option<Principal>,
    OptionalBody(request): OptionalBody<RefreshRequest>,
) -> Result<Answer<()>, Problem> {
    match (request, principal) {
        (Some(request), _) => sessions::sign_out_by_token(&api, &request.refresh_token, origin).await?,
        (None, Some(principal)) => sessions::sign_out(&api, principal, origin).await?,
        (None, None) => {
            return Err(Problem::new(Kind::Unauthenticated, "send `refreshToken` or an access token"));
        }
    }
    Ok(Answer::nothing())
}
