//! All routes with all layers.

use crate::{ApiState, access, freshness, ingress, routes, surround};
use axum::{Router, extract::DefaultBodyLimit, middleware::from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;

/// Largest body of a request.
const LARGEST_BODY: usize = 1024 * 1024;

/// The API as a service, with its own 404 for what it does not have.
///
/// Serve it with `into_make_service_with_connect_info::<SocketAddr>()`: without the peer's address sign-ins are slowed
/// down by account alone, and `/metrics` is for administrators only.
pub fn router(state: ApiState) -> Router {
    let (router, _) = routes::all().split_for_parts();
    router
        .merge(routes::docs::pages())
        // From the inside out.
        .route_layer(from_fn_with_state(state.clone(), freshness::wait))
        .route_layer(from_fn_with_state(state.clone(), access::guard))
        .fallback(surround::no_route)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(CatchPanicLayer::custom(surround::panicked))
        .layer(from_fn_with_state(state.clone(), surround::surround))
        .layer(from_fn_with_state(state.clone(), ingress::entrance))
        .with_state(state)
}
