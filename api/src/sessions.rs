//! Sessions: signing in, staying signed in, signing out.

use crate::{
    ApiState,
    auth::{Principal, throttle::Guesser},
    problem::{Kind, Problem},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clawplane_domain::{
    Actor, Metadata, RequestId, Secret, SessionId, TenantId, TokenHash, UserId,
    claim::Scope,
    session::{OpenSession, Session, SessionCommand, SessionEvent},
    tenant::{Role, Tenant},
    user::{Account, User},
    values::Email,
};
use std::net::IpAddr;

/// Where a request comes from, for the brake on guessing and for the audit log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// The peer's address.
    pub(crate) address: Option<IpAddr>,
    /// The request's id.
    pub(crate) request: Option<RequestId>,
}

/// Somebody has just signed in, or stays so.
pub(crate) struct SignedIn {
    /// Who.
    pub(crate) account: Account,
    /// What the next access token says.
    pub(crate) principal: Principal,
    /// The next refresh token, in plain text: nobody can show it again.
    pub(crate) refresh_token: Secret,
}

/// Opens a session for whoever knows the password.
pub(crate) async fn sign_in(
    api: &ApiState,
    email: &Email,
    password: Secret,
    origin: Origin,
) -> Result<SignedIn, Problem> {
    let guesser = Guesser::new(origin.address, email.as_str());
    api.throttle.take(guesser, api.clock.now()).map_err(|wait| {
        Problem::new(Kind::TooManyRequests, "too many failed sign-ins; wait a little").retry_after(wait)
    })?;
    let account = by_email(api, email).await?;
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let right = api.passwords.verify(password, hash).await?;
    let Some(account) = account.filter(|_| right) else {
        return Err(Problem::new(Kind::Unauthenticated, "the e-mail address or the password is wrong"));
    };
    api.throttle.forgive(guesser);
    let tenant = account.personal_tenant;
    let session = SessionId(api.ids.uuid());
    let principal = principal(api, &account, tenant, session).await?;
    let refresh_token = new_refresh_token(api, session);
    let open = SessionCommand::Open(OpenSession {
        id: session,
        user_id: account.id,
        tenant_id: tenant,
        refresh_hash: TokenHash::of(refresh_token.expose()),
        expires_at: api.clock.now() + api.tokens.refresh_ttl,
    });
    api.executor.execute::<Session>(session, open, metadata(api, tenant, account.id, origin)).await?;
    Ok(SignedIn { account, principal, refresh_token })
}

/// Trades a refresh token for the next one. One that was used before ends its session.
pub(crate) async fn refresh(api: &ApiState, token: &Secret, origin: Origin) -> Result<SignedIn, Problem> {
    let session = session_of(token)?;
    let open = api.executor.load::<Session>(&session.to_string()).await?.open.ok_or_else(invalid)?;
    let account = by_id(api, open.user_id).await?.ok_or_else(invalid)?;
    let principal = principal(api, &account, open.tenant_id, session).await?;
    let refresh_token = new_refresh_token(api, session);
    let now = api.clock.now();
    let command = SessionCommand::Refresh {
        presented: TokenHash::of(token.expose()),
        next: TokenHash::of(refresh_token.expose()),
        expires_at: now + api.tokens.refresh_ttl,
        at: now,
    };
    let metadata = metadata(api, open.tenant_id, open.user_id, origin);
    let committed = api.executor.execute::<Session>(session, command, metadata).await?;
    if committed.events.iter().any(|event| matches!(event, SessionEvent::Closed { .. })) {
        api.signed_out.add(session, now);
        tracing::warn!(%session, "a refresh token was used twice: its session is closed");
        return Err(invalid());
    }
    Ok(SignedIn { account, principal, refresh_token })
}

/// Somebody as they are now, if their session is still open and they are still in its tenant.
pub(crate) async fn again(api: &ApiState, known: Principal) -> Result<Principal, Problem> {
    let session = api.executor.load::<Session>(&known.session.to_string()).await?;
    let open = session.open.filter(|open| open.expires_at > api.clock.now()).ok_or_else(invalid)?;
    let account = by_id(api, open.user_id).await?.ok_or_else(invalid)?;
    principal(api, &account, open.tenant_id, known.session).await
}

/// Ends the session of a refresh token. Ending it twice changes nothing.
pub(crate) async fn sign_out_by_token(api: &ApiState, token: &Secret, origin: Origin) -> Result<(), Problem> {
    let session = session_of(token)?;
    let state = api.executor.load::<Session>(&session.to_string()).await?;
    let hash = TokenHash::of(token.expose());
    let current = state.open.as_ref().is_some_and(|open| open.refresh_hash == hash);
    if !current && !state.used.contains(&hash) {
        return Err(invalid());
    }
    let Some(open) = state.open else { return Ok(()) };
    close(api, session, metadata(api, open.tenant_id, open.user_id, origin)).await
}

/// Ends the session of an access token.
pub(crate) async fn sign_out(api: &ApiState, principal: Principal, origin: Origin) -> Result<(), Problem> {
    close(api, principal.session, metadata(api, principal.tenant, principal.user, origin)).await
}

async fn close(api: &ApiState, session: SessionId, metadata: Metadata) -> Result<(), Problem> {
    api.executor.execute::<Session>(session, SessionCommand::Close, metadata).await?;
    api.signed_out.add(session, api.clock.now());
    Ok(())
}

/// The account of somebody who is signed in.
pub(crate) async fn by_id(api: &ApiState, user: UserId) -> Result<Option<Account>, Problem> {
    Ok(api.executor.load::<User>(&user.to_string()).await?.account)
}

async fn by_email(api: &ApiState, email: &Email) -> Result<Option<Account>, Problem> {
    match api.claims.holder(Scope::UserEmail, email.as_str()).await? {
        Some(id) => Ok(api.executor.load::<User>(&id).await?.account),
        None => Ok(None),
    }
}

async fn principal(
    api: &ApiState,
    account: &Account,
    tenant: TenantId,
    session: SessionId,
) -> Result<Principal, Problem> {
    let members = api.executor.load::<Tenant>(&tenant.to_string()).await?.members;
    let role: Option<Role> = members.get(&account.id).copied();
    let role =
        role.ok_or_else(|| Problem::new(Kind::Forbidden, "you are not a member of this tenant (any more)"))?;
    Ok(Principal { user: account.id, tenant, role, session, administrator: account.administrator })
}

fn metadata(api: &ApiState, tenant_id: TenantId, user: UserId, origin: Origin) -> Metadata {
    Metadata {
        tenant_id,
        actor: Actor::User(user),
        at: api.clock.now(),
        request_id: origin.request,
        causation: None,
    }
}

/// `<session id>.<43 characters>`: the id finds the stream, the rest is 256 bits that nobody can guess.
fn new_refresh_token(api: &ApiState, session: SessionId) -> Secret {
    Secret::new(format!("{session}.{}", URL_SAFE_NO_PAD.encode(api.ids.random())))
}

fn session_of(token: &Secret) -> Result<SessionId, Problem> {
    let (session, _) = token.expose().split_once('.').ok_or_else(invalid)?;
    session.parse().map_err(|_| invalid())
}

fn invalid() -> Problem {
    Problem::new(Kind::Unauthenticated, "the refresh token is not valid")
}
