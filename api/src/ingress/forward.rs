//! A request's way to a bot's gateway and its answer's way back, bodies as they come.

use super::{
    browser::is_websocket,
    headers::{self, Client},
    target::{Checked, Target},
};
use crate::{
    ApiState,
    auth::Principal,
    machines,
    problem::{Kind, Problem},
};
use axum::{
    body::Body,
    extract::{ConnectInfo, Request},
    http::{HeaderValue, Response as HttpResponse, StatusCode, Uri, header, uri::PathAndQuery},
    response::Response,
};
use clawplane_domain::Secret;
use clawplane_projections::BotRow;
use hyper::{body::Incoming, client::conn::http1, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use std::{net::SocketAddr, time::Duration};
use tower_http::timeout::TimeoutBody;

/// Longest wait for the head of an answer: a turn of a bot is answered when it is over.
const HEAD: Duration = Duration::from_mins(10);
/// Longest silence in a body.
const SILENCE: Duration = Duration::from_mins(10);

/// Sends the request on and answers as the bot does.
pub(super) async fn forward(
    api: &ApiState,
    target: &Target<Checked>,
    principal: Principal,
    bot: &BotRow,
    token: &Secret,
    mut request: Request,
) -> Result<Response, Problem> {
    let upgrades = is_websocket(request.headers());
    let place = match upgrades {
        true => Some(api.tunnels.place().ok_or_else(too_many)?),
        false => None,
    };
    let own = format!("127.0.0.1:{}", bot.port);
    let client_side = upgrades.then(|| hyper::upgrade::on(&mut request));
    let request = prepared(target, principal, token, &own, upgrades, request)?;
    let mut answer = send(api, bot, request).await?;
    let headers = headers::for_client(answer.headers(), target, &own);
    if let (StatusCode::SWITCHING_PROTOCOLS, Some(client_side)) = (answer.status(), client_side) {
        let bot_side = hyper::upgrade::on(&mut answer);
        let over = machines::signed_out(api.clone(), principal);
        api.tunnels.spawn(async move {
            let _place = place;
            tokio::select! {
                () = tunnel(client_side, bot_side) => {}
                () = over => {}
            }
        });
        return Ok(switched(headers));
    }
    let (parts, body) = answer.into_parts();
    let mut response = HttpResponse::new(Body::new(TimeoutBody::new(SILENCE, body)));
    *response.status_mut() = parts.status;
    *response.headers_mut() = headers;
    Ok(response)
}

fn too_many() -> Problem {
    Problem::unavailable("there are too many open connections to bots", Duration::from_secs(10))
}

/// The request as the bot gets it.
fn prepared(
    target: &Target<Checked>,
    principal: Principal,
    token: &Secret,
    own: &str,
    upgrades: bool,
    request: Request,
) -> Result<Request, Problem> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let client =
        Client { user: principal.user.to_string(), address: peer.map(|ConnectInfo(peer)| peer.ip()) };
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let place: PathAndQuery = format!("{}{query}", target.path)
        .parse()
        .map_err(|_| Problem::new(Kind::InvalidInput, "the path cannot be sent on"))?;
    let mut request = Request::new(body);
    *request.method_mut() = parts.method;
    *request.uri_mut() = Uri::from(place);
    *request.headers_mut() = headers::for_bot(&parts.headers, own, token, &client);
    if upgrades {
        request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        request.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    Ok(request)
}

/// On a connection of its own: the way is short, and nothing of one client's request can be left for another's.
async fn send(api: &ApiState, bot: &BotRow, request: Request) -> Result<HttpResponse<Incoming>, Problem> {
    let io = api.machines.dial(bot.id).await.map_err(|error| {
        Problem::unavailable(format!("the bot cannot be reached: {error}"), Duration::from_secs(5))
    })?;
    let away = |error: hyper::Error| {
        Problem::unavailable("the bot did not answer", Duration::from_secs(5)).caused_by(error)
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await.map_err(away)?;
    let connection = connection.with_upgrades();
    api.tunnels.beside_request(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to a bot ended early");
        }
    });
    match tokio::time::timeout(HEAD, sender.send_request(request)).await {
        Ok(answer) => answer.map_err(away),
        Err(_) => Err(Problem::unavailable("the bot took too long to answer", Duration::from_secs(5))),
    }
}

fn switched(mut headers: axum::http::HeaderMap) -> Response {
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = headers;
    response
}

/// What either side says goes to the other, until one of them ends.
async fn tunnel(client: OnUpgrade, bot: OnUpgrade) {
    let (client, bot) = match tokio::try_join!(client, bot) {
        Ok(sides) => sides,
        Err(error) => {
            tracing::debug!(%error, "a WebSocket to a bot did not come about");
            return;
        }
    };
    let (mut client, mut bot) = (TokioIo::new(client), TokioIo::new(bot));
    metrics::gauge!("clawplane_ingress_tunnels").increment(1.0);
    let _down = Down;
    // Either side may hang up at any time: that is no news for anybody but a debugger.
    if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut bot).await {
        tracing::debug!(%error, "a WebSocket to a bot ended early");
    }
}

/// Counts an open WebSocket down, however it ends.
struct Down;

impl Drop for Down {
    fn drop(&mut self) {
        metrics::gauge!("clawplane_ingress_tunnels").decrement(1.0);
    }
}
