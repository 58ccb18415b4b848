//! The one place where a request is let in: before any handler, by the table of routes, or not at all.

use crate::{
    ApiState,
    auth::Principal,
    problem::{Kind, Problem},
    routes::table::{self, Access, Permission, Row},
};
use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{Extensions, HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::net::SocketAddr;
use tracing::Span;

/// What stands before an access token among the protocols that a WebSocket offers.
pub(crate) const SOCKET_TOKEN: &str = "clawplane.bearer.";

/// Lets a request in, or answers it with a problem.
pub(crate) async fn guard(State(api): State<ApiState>, mut request: Request, next: Next) -> Response {
    match admit(&api, &mut request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn admit(api: &ApiState, request: &mut Request) -> Result<(), Problem> {
    let path =
        request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let row = row(request, &path)?;
    let principal = principal(api, request.headers());
    match row.access {
        Access::Public => {}
        Access::SignedIn => {
            principal.clone()?;
        }
        Access::Permission(permission) => allow(principal.clone()?, permission)?,
        Access::Operations if is_local(request.extensions(), request.headers()) => {}
        Access::Operations | Access::Administrator => operations(principal.clone()?)?,
    }
    if let Ok(principal) = principal {
        Span::current().record("tenant", tracing::field::display(principal.tenant));
        request.extensions_mut().insert(principal);
    }
    Ok(())
}

fn row(request: &Request, path: &str) -> Result<&'static Row, Problem> {
    if let Some(row) = table::find(request.method(), path) {
        return Ok(row);
    }
    let methods: Vec<_> = table::of_path(path).map(|row| row.method.as_str()).collect();
    if methods.is_empty() {
        return Err(Problem::new(Kind::Forbidden, "nobody may use this path"));
    }
    let methods = methods.join(", ");
    Err(Problem::new(Kind::MethodNotAllowed, format!("this path has {methods}")).allow(methods))
}

/// Whoever the access token was made for. Public routes get nobody where it is missing or not good.
pub(crate) fn principal(api: &ApiState, headers: &HeaderMap) -> Result<Principal, Problem> {
    if let Some(token) = of_socket(headers) {
        return of_token(api, Some(token));
    }
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        return Err(Problem::new(
            Kind::Unauthenticated,
            "send an access token: `authorization: Bearer <token>`",
        ));
    };
    let token = header.to_str().ok().and_then(|header| header.split_once(' '));
    let token =
        token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    of_token(api, token)
}

/// The access token that a browser, which cannot send a header with a WebSocket, offers as a protocol. No page can make
/// another's browser do that: the page has to know it.
fn of_socket(headers: &HeaderMap) -> Option<&str> {
    let asks = headers.get(header::UPGRADE)?.as_bytes().eq_ignore_ascii_case(b"websocket");
    let offered = headers.get(header::SEC_WEBSOCKET_PROTOCOL).filter(|_| asks)?.to_str().ok()?;
    offered.split(',').find_map(|one| one.trim().strip_prefix(SOCKET_TOKEN))
}

fn of_token(api: &ApiState, token: Option<&str>) -> Result<Principal, Problem> {
    let principal = token.and_then(|token| api.access_tokens.read(token).ok());
    let principal = principal.filter(|principal| !api.signed_out.contains(principal.session));
    principal.ok_or_else(|| Problem::new(Kind::Unauthenticated, "the access token is not valid or has ended"))
}

pub(crate) fn allow(principal: Principal, permission: Permission) -> Result<(), Problem> {
    let least = permission.least_role();
    if principal.role >= least {
        return Ok(());
    }
    let (least, role) = (role_name(least), role_name(principal.role));
    Err(Problem::new(Kind::Forbidden, format!("this takes the role `{least}`; yours is `{role}`")))
}

fn role_name(role: clawplane_domain::tenant::Role) -> String {
    format!("{role:?}").to_lowercase()
}

fn operations(principal: Principal) -> Result<(), Problem> {
    if principal.administrator {
        return Ok(());
    }
    Err(Problem::new(Kind::Forbidden, "this takes an administrator of the installation"))
}

/// Whether the peer is on this machine and speaks for itself: a reverse proxy names whom it speaks for.
fn is_local(extensions: &Extensions, headers: &HeaderMap) -> bool {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    let forwarded =
        ["forwarded", "x-forwarded-for", "x-real-ip", "via"].iter().any(|name| headers.contains_key(*name));
    !forwarded && peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback())
}

#[cfg(test)]
mod tests;
