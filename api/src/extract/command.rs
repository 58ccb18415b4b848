//! Commands of signed-in users: the body, if there is one, and everything that goes with the events.

use super::body;
use crate::{ApiState, auth::Principal, problem::Problem};
use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, request::Parts},
};
use clawplane_domain::{Actor, Metadata, RequestId};
use clawplane_eventstore::{Context, Idempotency};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// The header with which a client promises that two requests are the same command.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Longest idempotency key.
const LONGEST_KEY: usize = 255;

/// A command with a JSON body.
pub(crate) struct Command<T> {
    /// Who gives it.
    pub(crate) principal: Principal,
    /// Its body.
    pub(crate) input: T,
    /// What goes with its events.
    pub(crate) context: Context,
}

/// As [`Command`], where there need be no body: it is the usual one then.
pub(crate) struct OptionalCommand<T>(pub(crate) Command<T>);

/// As [`Command`], where the body is bytes of any kind.
pub(crate) struct Raw(pub(crate) Command<Vec<u8>>);

/// A command that is all in its path.
pub(crate) struct Bare {
    /// Who gives it.
    pub(crate) principal: Principal,
    /// What goes with its events.
    pub(crate) context: Context,
}

impl<T: DeserializeOwned> FromRequest<ApiState> for Command<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, api: &ApiState) -> Result<Self, Problem> {
        take(request, api, |headers, bytes| body::parse(headers, bytes)).await
    }
}

impl<T: DeserializeOwned + Default> FromRequest<ApiState> for OptionalCommand<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, api: &ApiState) -> Result<Self, Problem> {
        let usual = |headers: &HeaderMap, bytes: &[u8]| match bytes {
            [] => Ok(T::default()),
            bytes => body::parse(headers, bytes),
        };
        take(request, api, usual).await.map(Self)
    }
}

impl FromRequest<ApiState> for Raw {
    type Rejection = Problem;
    async fn from_request(request: Request, api: &ApiState) -> Result<Self, Problem> {
        take(request, api, |_, bytes| Ok(bytes.to_vec())).await.map(Self)
    }
}

async fn take<T>(
    request: Request,
    api: &ApiState,
    parse: impl FnOnce(&HeaderMap, &[u8]) -> Result<T, Problem>,
) -> Result<Command<T>, Problem> {
    let (mut parts, body) = request.into_parts();
    let principal = Principal::from_request_parts(&mut parts, api).await?;
    let bytes = body::bytes(Request::from_parts(parts.clone(), body), api).await?;
    let input = parse(&parts.headers, &bytes)?;
    let context = context(&parts, principal, api, &bytes)?;
    Ok(Command { principal, input, context })
}

impl FromRequestParts<ApiState> for Bare {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        let principal = Principal::from_request_parts(parts, api).await?;
        let context = context(parts, principal, api, &[])?;
        Ok(Self { principal, context })
    }
}

fn context(parts: &Parts, principal: Principal, api: &ApiState, body: &[u8]) -> Result<Context, Problem> {
    let metadata = Metadata {
        tenant_id: principal.tenant,
        actor: Actor::User(principal.user),
        at: api.clock.now(),
        request_id: parts.extensions.get::<RequestId>().copied(),
        causation: None,
    };
    Ok(Context { metadata, idempotency: idempotency(parts, api, body)? })
}

fn idempotency(parts: &Parts, api: &ApiState, body: &[u8]) -> Result<Option<Idempotency>, Problem> {
    let Some(key) = parts.headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| (1..=LONGEST_KEY).contains(&key.len()));
    let Some(key) = key else {
        let message = format!("must have 1 to {LONGEST_KEY} visible ASCII characters");
        return Err(Problem::field("Idempotency-Key", message));
    };
    let secret = api.tokens.signing_secret.expose().as_bytes();
    let fingerprint = fingerprint(secret, parts.method.as_str(), path_and_query(&parts.uri), body);
    Ok(Some(Idempotency { key: key.to_owned(), fingerprint }))
}

/// What a command is about; the query says how it is meant.
fn path_and_query(uri: &axum::http::Uri) -> &str {
    uri.path_and_query().map_or(uri.path(), axum::http::uri::PathAndQuery::as_str)
}

/// A digest of a command. It is keyed, since a body may hold a secret, and stored digests must not help to guess it.
fn fingerprint(secret: &[u8], method: &str, path: &str, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    for part in [b"clawplane command fingerprint", secret, method.as_bytes(), path.as_bytes(), body] {
        // With its length, so that nothing can slide from one part into the next.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests;
