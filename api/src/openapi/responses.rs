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
    /// Bots without a container, or with one that does not run.
    NoContainer {
        "409" => "The bot has no container, or it does not run",
        "429" => "Too many are doing this at the moment; `retry-after` says when to try again",
    }
    /// Names that are taken.
    Taken { "409" => "The hostname is taken" }
    /// Bots that cannot begin anew.
    Revoked { "409" => "The bot runs and its gateway tokens were revoked" }
    /// Things that somebody else has changed.
    Stale { "412" => "It is not what `If-Match` or `If-None-Match` expects" }
    /// Configurations that were changed inside of the bot.
    ConfigDrifted { "409" => "The bot's own file was changed inside of the bot" }
    /// Configurations that were not.
    NotDrifted { "409" => "The bot's own file holds nothing that no version has" }
    /// Paths that lead out of a workspace, or nowhere.
    BadPath { "400" => "The path or a header cannot be taken as it is" }
    /// Files where folders should be, and the other way round.
    NotThatKind { "409" => "What is there is a folder, a link, a device, or no folder" }
    /// Large files.
    FileTooLarge { "413" => "The body has more than 1 MiB" }
    /// Things in another state.
    InTheWay { "409" => "Its state does not allow this now" }
    /// Scopes that are taken.
    PriceTaken { "409" => "There is a price for this vendor, model and time" }
    /// Hosts that cannot be as they are wanted.
    HostState { "409" => "The name is taken, or the host is in a state that does not allow it" }
    /// Bots without a place.
    NoPlace { "409" => "No host, or not this one, can take the bot" }
    /// Idempotency keys that were used for another command.
    KeyReused { "422" => "The idempotency key was used for another command" }
    /// Wrong passwords and tokens.
    WrongCredentials { "401" => "The password or the token is not right" }
    /// Too many tries.
    Slowed { "429" => "Too many failed sign-ins; `retry-after` says how long to wait" }
}
