//! `GET /api/openapi.json`, and the page at `/api/docs` that shows it.

use crate::{ApiState, openapi::openapi, problem::Problem};
use axum::{
    Json, Router,
    extract::Path,
    http::header,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use std::sync::{Arc, LazyLock};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(openapi);
static PAGE: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    Arc::new(Config::from("/api/openapi.json").validator_url("none").persist_authorization(false))
});

/// The page has its scripts in files and its styles in attributes, and asks this API only.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Shows this document
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "operations",
    responses((status = 200, description = "The OpenAPI document", body = Object)),
)]
pub(crate) async fn openapi_document() -> Json<&'static OpenApi> {
    Json(&DOCUMENT)
}

/// The page and its files.
pub(crate) fn pages() -> Router<ApiState> {
    Router::new()
        .route("/api/docs", get(async || Redirect::permanent("/api/docs/")))
        .route("/api/docs/", get(async || file("index.html")))
        .route("/api/docs/{*file}", get(async |Path(name): Path<String>| file(&name)))
}

fn file(name: &str) -> Response {
    match utoipa_swagger_ui::serve(name, PAGE.clone()) {
        Ok(Some(file)) => {
            let headers = [
                (header::CONTENT_TYPE, file.content_type),
                (header::CONTENT_SECURITY_POLICY, PAGE_POLICY.to_owned()),
                (header::CACHE_CONTROL, "max-age=3600".to_owned()),
            ];
            (headers, file.bytes.into_owned()).into_response()
        }
        Ok(None) => Problem::not_found("page").into_response(),
        Err(error) => Problem::internal(error.to_string()).into_response(),
    }
}
