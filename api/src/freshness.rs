//! Reading what one wrote: a command waits a moment for its read model, and a read waits for the position it names.

use crate::{ApiState, problem::Problem, routes::table};
use axum::{
    extract::{MatchedPath, Request, State},
    http::HeaderName,
    middleware::Next,
    response::{IntoResponse, Response},
};
use clawplane_eventstore::Position;
use clawplane_projections::View;
use std::time::Duration;

/// The header of a read that says which position it has to have seen.
pub(crate) const MIN_POSITION: HeaderName = HeaderName::from_static("x-clawplane-min-position");
/// Longest wait of a command for its own read model; after that it answers all the same.
const COMMAND_WAITS: Duration = Duration::from_secs(2);
/// Longest wait of a read that names a position; after that it is a problem.
const READ_WAITS: Duration = Duration::from_secs(5);

/// After a command: waits until `view` shows it and the proxy of this process goes by it, so that a plain client sees its own
/// write and a new token can be used at once.
pub(crate) async fn settle(api: &ApiState, view: View, position: Option<Position>) {
    let Some(position) = position else { return };
    tokio::join!(settle_view(api, view, position), settle_proxy(api, position));
}

async fn settle_proxy(api: &ApiState, position: Position) {
    let Some(proxy) = &api.proxy else { return };
    if !proxy.caught_up(position, COMMAND_WAITS).await {
        tracing::warn!(%position, "a command answers before the proxy goes by it");
    }
}

async fn settle_view(api: &ApiState, view: View, position: Position) {
    match api.views.caught_up(view, position, COMMAND_WAITS).await {
        Ok(true) => {}
        Ok(false) => tracing::warn!(%view, %position, "a command answers before its read model shows it"),
        // The command is done; that its read model cannot be asked now is the next reader's problem.
        Err(error) => tracing::warn!(%view, %position, %error, "a read model cannot be asked how far it is"),
    }
}

/// Before a read: waits until its read models have seen the position that the client names.
pub(crate) async fn wait(State(api): State<ApiState>, request: Request, next: Next) -> Response {
    let Some(position) = request.headers().get(MIN_POSITION) else { return next.run(request).await };
    let position = position.to_str().ok().and_then(|text| text.parse().ok());
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
    let reads = table::find(request.method(), path).map(|row| row.reads).unwrap_or_default();
    match caught_up(&api, reads, position).await {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn caught_up(api: &ApiState, reads: &[View], position: Option<Position>) -> Result<(), Problem> {
    let Some(position) = position else {
        return Err(Problem::field(
            MIN_POSITION.as_str(),
            "must be what the header `x-clawplane-position` said",
        ));
    };
    for view in reads {
        if !api.views.caught_up(*view, position, READ_WAITS).await? {
            let detail = format!("the read model `{view}` has not come to this position yet");
            return Err(Problem::unavailable(detail, Duration::from_secs(1)));
        }
    }
    Ok(())
}
