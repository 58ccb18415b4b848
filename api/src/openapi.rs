//! The OpenAPI document: made of the handlers' annotations, completed from the table of routes.

pub(crate) mod complete;
pub(crate) mod responses;

use crate::{problem::ProblemDocument, routes};
use utoipa::OpenApi;

/// What no handler says.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Clawplane",
        description = "The control plane for fleets of OpenClaw bots.\n\n\
            Sign in at `/api/auth/login` and send the access token as `authorization: Bearer <token>`. Errors are \
            problem documents (RFC 9457). Lists come in pages by cursor. A command's answer says its position in the \
            header `x-clawplane-position`; a read that sends it as `x-clawplane-min-position` waits until it sees it.",
        license(name = "MIT", identifier = "MIT"),
    ),
    servers((url = "/", description = "This installation")),
    tags(
        (name = "auth", description = "Signing in and out"),
        (name = "bots", description = "Bots, their containers and their quotas"),
        (name = "backups", description = "Bots' data as it was: made, kept, checked and restored"),
        (name = "tenant", description = "The tenant that one is signed in to, its time zone and its quota"),
        (name = "provider keys", description = "The vendors' API keys, which bots never see"),
        (name = "prices", description = "What models cost, beside the price list"),
        (name = "hosts", description = "The machines that bots are placed on"),
        (name = "usage", description = "What bots used, from single requests to sums"),
        (name = "audit", description = "What happened, and who did it"),
        (name = "operations", description = "For whoever runs the platform"),
    ),
    components(schemas(ProblemDocument)),
)]
struct Base;

/// The document without its paths.
pub(crate) fn base() -> utoipa::openapi::OpenApi {
    Base::openapi()
}

/// The whole document, as `openapi/openapi.json` has it.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let (_, mut document) = routes::all().split_for_parts();
    complete::complete(&mut document);
    // A star is how the router spells the rest of a path; OpenAPI has no word for it.
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    document
}

#[cfg(test)]
mod tests;
