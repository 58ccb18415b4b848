//! The problems that a handler may answer with, for its annotation. Those that any may answer with are added by
//! `complete`.

use std::collections::BTreeMap;
use utoipa::{
    IntoResponses,
    openapi::{Content, Ref, RefOr, Response, ResponseBuilder},
};

/// A response with a problem document.
pub(crate) fn problem(description: &str) -> Response {
    let schema = Ref::from_schema_name("Problem");
    let content = Content::new(Some(schema));
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident { $($status:literal => $description:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;
        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                BTreeMap::from([$(($status.to_owned(), RefOr::T(problem($description)))),+])
            }
        }
    )+};
}

problems! {
    /// Bodies that cannot be taken.
    Invalid {
        "400" => "A field or header cannot be taken as it is; `errors` names each",
        "413" => "The body has more than 1 MiB",
        "415" => "The body is not JSON",
    }
    /// Query parameters that cannot be taken.
    BadQuery { "400" => "A parameter cannot be taken as it is; `errors` names each" }
    /// Headers that cannot be taken.
    BadKey { "400" => "The idempotency key cannot be taken as it is" }
    /// Things that are not there.
    Missing { "404" => "There is no such thing in this tenant" }
    /// Names that are taken.
    Taken { "409" => "The hostname is taken" }
    /// Things in another state.
    InTheWay { "409" => "Its state does not allow this now" }
    /// Scopes that are taken.
    PriceTaken { "409" => "There is a price for this vendor, model and time" }
    /// Idempotency keys that were used for another command.
    KeyReused { "422" => "The idempotency key was used for another command" }
    /// Wrong passwords and tokens.
    WrongCredentials { "401" => "The password or the token is not right" }
    /// Too many tries.
    Slowed { "429" => "Too many failed sign-ins; `retry-after` says how long to wait" }
}
