//! What every handler is given: the dependencies, and what the API itself keeps between requests.

use crate::{
    ApiDeps,
    auth::{passwords::Passwords, sign_out::SignedOut, throttle::Throttle, tokens::AccessTokens},
    ingress::session::UsedTickets,
    plans::PlanGate,
};
use std::{ops::Deref, sync::Arc};

/// The state of the API. Clones share it.
#[derive(Clone)]
pub struct ApiState(Arc<Shared>);

/// What clones share.
pub struct Shared {
    deps: ApiDeps,
    /// Makes and reads access tokens.
    pub(crate) access_tokens: AccessTokens,
    /// Checks passwords, a few at a time.
    pub(crate) passwords: Passwords,
    /// Slows down whoever guesses passwords.
    pub(crate) throttle: Throttle,
    /// Tickets to bots' own hosts that were used.
    pub(crate) used_tickets: UsedTickets,
    /// Sessions that ended before their access tokens did.
    pub(crate) signed_out: SignedOut,
    /// Lets one at a time ask for more of a tenant's plan.
    pub(crate) plans: PlanGate,
}

impl ApiState {
    /// From what the composition hands in.
    pub fn new(deps: ApiDeps) -> Self {
        let access_tokens = AccessTokens::new(&deps.tokens, deps.clock.clone());
        let signed_out = SignedOut::new(deps.tokens.access_ttl);
        Self(Arc::new(Shared {
            deps,
            access_tokens,
            passwords: Passwords::default(),
            throttle: Throttle::default(),
            signed_out,
            used_tickets: UsedTickets::default(),
            plans: PlanGate::default(),
        }))
    }
}

impl Deref for ApiState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Deref for Shared {
    type Target = ApiDeps;
    fn deref(&self) -> &ApiDeps {
        &self.deps
    }
}
