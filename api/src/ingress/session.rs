//! A browser's way in: a ticket that is good once, and a cookie that is good for one bot.
//!
//! Both are signed as access tokens are, for another audience. What they say of a person is looked at again every few
//! minutes, so that signing out ends them.

use super::{
    HANDED, SIGN_IN, Visitor,
    target::{Checked, Mode, Target},
};
use crate::{
    ApiState,
    auth::Principal,
    problem::{Kind, Problem},
    sessions,
};
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, header},
    response::{Html, IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use clawplane_domain::{BotId, values::Hostname};
use clawplane_projections::BotRow;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

const ISSUER: &str = "clawplane";
const COOKIE_AUDIENCE: &str = "clawplane-ingress";
const TICKET_AUDIENCE: &str = "clawplane-ingress-ticket";
/// How long a cookie is good that nobody uses, in seconds.
const COOKIE_LASTS: i64 = 3600;
/// How long a ticket is, in seconds.
const TICKET_LASTS: i64 = 60;
/// What a cookie says of a person is looked at again after so many seconds.
const LOOK_AGAIN: i64 = 300;
/// Most used tickets that are remembered; more within a minute and none is taken.
const USED: usize = 100_000;
/// Goes on to the bot. By a page and not by a redirect: a cookie that is set by an answer to another site's link goes
/// along with what this page asks for, and not with the redirect.
fn going_on(to: &str) -> String {
    format!(
        "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=\"0;url={to}\"><title>Signing in</title>"
    )
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    jti: Uuid,
    /// The bot: a cookie of one is nothing to another.
    bot: BotId,
    #[serde(flatten)]
    principal: Principal,
}

/// What a browser is given.
pub(crate) struct Granted {
    pub(crate) url: Option<String>,
    pub(crate) path: String,
    pub(crate) cookie: String,
    pub(crate) expires_at: DateTime<Utc>,
}

/// Somebody with a good cookie.
pub(super) struct Cookie {
    pub(super) principal: Principal,
    pub(super) renewed: Option<HeaderValue>,
}

/// Tickets that were used, until they would have ended anyway.
#[derive(Default)]
pub(crate) struct UsedTickets(Mutex<HashMap<Uuid, i64>>);

impl UsedTickets {
    /// Uses a ticket. `false`: it was used before.
    fn take(&self, ticket: Uuid, ends: i64, now: i64) -> bool {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= USED {
            used.retain(|_, ends| *ends > now);
        }
        used.len() < USED && used.insert(ticket, ends).is_none()
    }
}

/// Gives a browser of somebody who is signed in its way to a bot.
pub(crate) fn grant(api: &ApiState, principal: Principal, bot: &BotRow) -> Result<Granted, Problem> {
    let now = api.clock.now();
    let cookie = sign(api, COOKIE_AUDIENCE, COOKIE_LASTS, principal, bot.id)?;
    let ticket = sign(api, TICKET_AUDIENCE, TICKET_LASTS, principal, bot.id)?;
    let origin = api.ingress.as_ref().map(|domain| domain.origin(&bot.hostname));
    Ok(Granted {
        url: origin.map(|origin| format!("{origin}{SIGN_IN}?ticket={ticket}")),
        path: format!("/bots/{}/", bot.hostname),
        cookie,
        expires_at: now + chrono::TimeDelta::seconds(COOKIE_LASTS),
    })
}

/// Whether a client reached the platform by TLS, as far as whoever is in front of it says.
pub(crate) fn came_by_tls(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// The cookie for `/bots/{hostname}/`.
pub(crate) fn path_cookie(value: &str, hostname: &Hostname, secure: bool) -> String {
    let name = path_name(hostname);
    let secure = if secure { "; Secure" } else { "" };
    format!(
        "{name}={value}; Path=/bots/{hostname}/; Max-Age={COOKIE_LASTS}; HttpOnly; SameSite=Strict{secure}"
    )
}

/// The cookie of a bot's own host. With `__Host-` no neighbour can set it (RFC 6265bis, section 4.1.3).
fn host_cookie(value: &str, tls: bool) -> String {
    let name = host_name(tls);
    let secure = if tls { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={COOKIE_LASTS}; HttpOnly; SameSite=Strict{secure}")
}

fn path_name(hostname: &Hostname) -> String {
    format!("clawplane-bot-{hostname}")
}

fn host_name(tls: bool) -> &'static str {
    if tls { "__Host-clawplane-bot" } else { "clawplane-bot" }
}

/// Trades a ticket for the cookie of the bot's own host.
pub(super) fn sign_in(
    api: &ApiState,
    target: &Target<Checked>,
    request: &Request,
) -> Result<Response, Problem> {
    let Mode::Host { tls, .. } = target.mode else { return Err(Problem::not_found("path")) };
    if request.method() != Method::GET {
        return Err(Problem::new(Kind::MethodNotAllowed, "this path has GET").allow("GET".to_owned()));
    }
    let query = request.uri().query().unwrap_or_default();
    let mut parameters = url::form_urlencoded::parse(query.as_bytes());
    let ticket = parameters.find(|(name, _)| name == "ticket").map(|(_, value)| value);
    let claims = ticket.and_then(|ticket| read(api, TICKET_AUDIENCE, &ticket)).ok_or_else(not_signed_in)?;
    let now = api.clock.now().timestamp();
    if api.signed_out.contains(claims.principal.session)
        || !api.used_tickets.take(claims.jti, claims.exp, now)
    {
        return Err(not_signed_in());
    }
    let cookie = sign(api, COOKIE_AUDIENCE, COOKIE_LASTS, claims.principal, claims.bot)?;
    Ok(([(header::SET_COOKIE, host_cookie(&cookie, tls))], Html(going_on(if tls { "/" } else { HANDED })))
        .into_response())
}

/// Whoever a cookie was made for. Where there are several of the name, the first that is good.
pub(super) async fn by_cookie(
    api: &ApiState,
    target: &Target<Checked>,
    headers: &HeaderMap,
) -> Option<(Cookie, BotId)> {
    let name = match &target.mode {
        Mode::Host { tls, .. } => host_name(*tls).to_owned(),
        Mode::Path { .. } => path_name(&target.hostname),
    };
    let claims = values(headers, &name).find_map(|value| read(api, COOKIE_AUDIENCE, value))?;
    if api.signed_out.contains(claims.principal.session) {
        return None;
    }
    if api.clock.now().timestamp() - claims.iat < LOOK_AGAIN {
        return Some((Cookie { principal: claims.principal, renewed: None }, claims.bot));
    }
    let principal = sessions::again(api, claims.principal).await.ok()?;
    let value = sign(api, COOKIE_AUDIENCE, COOKIE_LASTS, principal, claims.bot).ok()?;
    let cookie = match &target.mode {
        Mode::Host { tls, .. } => host_cookie(&value, *tls),
        Mode::Path { .. } => path_cookie(&value, &target.hostname, came_by_tls(headers)),
    };
    Some((Cookie { principal, renewed: HeaderValue::try_from(cookie).ok() }, claims.bot))
}

/// Whether a cookie was made for this bot, and not for one that had its name before.
pub(super) fn is_for(visitor: &Visitor, bot: &BotRow) -> bool {
    visitor.cookie_for.is_none_or(|id| id == bot.id)
}

pub(super) fn not_signed_in() -> Problem {
    Problem::new(
        Kind::Unauthenticated,
        "open the bot from the platform (`POST /api/bot/{hostname}/session`), or send an access token",
    )
}

fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(found, _)| *found == name).map(|(_, value)| value).take(4)
}

fn sign(
    api: &ApiState,
    audience: &str,
    lasts: i64,
    principal: Principal,
    bot: BotId,
) -> Result<String, Problem> {
    let iat = api.clock.now().timestamp();
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: audience.to_owned(),
        iat,
        exp: iat.saturating_add(lasts),
        jti: api.ids.uuid(),
        bot,
        principal,
    };
    let key = EncodingKey::from_secret(api.tokens.signing_secret.expose().as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(Problem::internal)
}

fn read(api: &ApiState, audience: &str, token: &str) -> Option<Claims> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // The crate reads the system's clock; here it is ours.
    validation.validate_exp = false;
    let key = DecodingKey::from_secret(api.tokens.signing_secret.expose().as_bytes());
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation).ok()?.claims;
    (claims.exp > api.clock.now().timestamp()).then_some(claims)
}
