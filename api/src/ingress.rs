//! One entrance to all bots' own web interfaces and APIs, behind the platform's sign-in.
//!
//! By host name (`{hostname}.<CLAWPLANE_INGRESS_DOMAIN>`) each bot has an origin of its own, and its pages work. Below
//! `/bots/{hostname}/` it shares the platform's origin: for programs and files, and scripts of its pages do not run.
//! The bot's gateway token is put in on the way; neither side sees the other's credentials.

mod browser;
mod forward;
mod handoff;
mod headers;
pub(crate) mod session;
mod target;
mod tunnels;

pub use target::{IngressDomain, NotADomain};
pub use tunnels::Tunnels;

use crate::{
    ApiState, access, auth::Principal, bots, machines, problem::Problem, routes::table::Permission, surround,
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use clawplane_domain::{BotId, RequestId};
use clawplane_projections::BotRow;
use session::Cookie;
use std::time::Duration;
use target::{Mode, Target};
use tokio::time::Instant;
use tracing::{Instrument, field};

/// What is for the platform and not for the bot, on a bot's own host.
const SIGN_IN: &str = "/.clawplane/session";
/// Where OpenClaw's interface asks whoever is in front of it for a way in (its documentation, `web/dashboard.md`).
const HANDOFF: &str = "/.well-known/openclaw/browser-bootstrap";

/// The interface asks there by TLS only. Without, as on a developer's machine, its first page comes with the credential.
const HANDED: &str = "/.clawplane/open";

/// The layer that takes what is for bots, and leaves the rest to the API.
pub(crate) async fn entrance(State(api): State<ApiState>, request: Request, next: Next) -> Response {
    let Some(target) = Target::of(api.ingress.as_ref(), &request) else { return next.run(request).await };
    let id = surround::request_id(&api, request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    // Not the query: it may hold what must not be in a log.
    let span =
        tracing::info_span!("ingress", request_id = %id, %method, bot = field::Empty, tenant = field::Empty);
    let started = Instant::now();
    let answered = async {
        let answer = answer(&api, target, id, request).await.unwrap_or_else(IntoResponse::into_response);
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            return answer;
        }
        surround::finish(answer, id, &path, started.elapsed())
    };
    let response = answered.instrument(span).await;
    surround::count(method.as_str(), "ingress".to_owned(), response.status(), started.elapsed());
    response
}

/// Somebody who may use a bot.
struct Visitor {
    principal: Principal,
    /// Came by a cookie for this bot, so by a browser, which any page may have sent.
    cookie_for: Option<BotId>,
    /// The cookie that takes the place of the present one.
    renewed: Option<HeaderValue>,
}

async fn answer(
    api: &ApiState,
    target: Target,
    id: RequestId,
    request: Request,
) -> Result<Response, Problem> {
    let target = target.checked()?;
    surround::about_bot(&target.hostname);
    let own_host = matches!(target.mode, Mode::Host { .. });
    if own_host && request.uri().path() == SIGN_IN {
        return session::sign_in(api, &target, &request);
    }
    let visitor = visitor(api, &target, request.headers()).await?;
    tracing::Span::current().record("tenant", field::display(visitor.principal.tenant));
    access::allow(visitor.principal, Permission::Operate)?;
    if visitor.cookie_for.is_some() {
        browser::check(&target, &request)?;
    }
    let bot = bots::find(api, visitor.principal.tenant, &target.hostname).await?;
    if !session::is_for(&visitor, &bot) {
        return Err(session::not_signed_in());
    }
    if target.wants_slash() {
        return Ok((
            StatusCode::PERMANENT_REDIRECT,
            [(header::LOCATION, format!("/bots/{}/", target.hostname))],
        )
            .into_response());
    }
    let mut response = match target.path.as_str() {
        HANDOFF if own_host => handoff::answer(api, &visitor, &bot, request.method(), id).await?,
        HANDED if own_host => handoff::open(api, &visitor, &bot, request.method(), id).await?,
        _ => forwarded(api, &target, &visitor, &bot, request).await?,
    };
    if let Some(cookie) = visitor.renewed.filter(|_| response.status() != StatusCode::SWITCHING_PROTOCOLS) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

async fn forwarded(
    api: &ApiState,
    target: &Target<target::Checked>,
    visitor: &Visitor,
    bot: &BotRow,
    request: Request,
) -> Result<Response, Problem> {
    let token = machines::token(api, bot).await?.ok_or_else(|| {
        let detail = "the bot's gateway tokens were revoked; rotate its token to let it in again";
        Problem::unavailable(detail, Duration::from_secs(30))
    })?;
    forward::forward(api, target, visitor.principal, bot, &token, request).await
}

/// By the cookie of a browser, else by an access token. An interface's own `authorization` beside a good cookie is the
/// bot's business and is replaced on the way.
async fn visitor(
    api: &ApiState,
    target: &Target<target::Checked>,
    headers: &HeaderMap,
) -> Result<Visitor, Problem> {
    match session::by_cookie(api, target, headers).await {
        Some((Cookie { principal, renewed }, bot)) => {
            Ok(Visitor { principal, cookie_for: Some(bot), renewed })
        }
        None => {
            let principal = access::principal(api, headers)?;
            Ok(Visitor { principal, cookie_for: None, renewed: None })
        }
    }
}
