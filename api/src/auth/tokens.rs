//! Access tokens: JSON Web Tokens that say who somebody is, for 15 minutes, without a look-up.

use crate::TokenConfig;
use clawplane_domain::{SessionId, TenantId, UserId, clock::Clock, tenant::Role};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const ISSUER: &str = "clawplane";
const AUDIENCE: &str = "clawplane-api";

/// Somebody who is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Who.
    #[serde(rename = "sub")]
    pub user: UserId,
    /// The tenant that the session acts in.
    pub tenant: TenantId,
    /// The user's role in it.
    pub role: Role,
    /// The session.
    #[serde(rename = "sid")]
    pub session: SessionId,
    /// Administers the whole installation.
    #[serde(rename = "adm")]
    pub administrator: bool,
}

/// A token that is not good: forged, ended, or made for something else. Nobody is told which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the access token is not valid")]
pub(crate) struct BadToken;

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    #[serde(flatten)]
    principal: Principal,
}

/// Makes and reads access tokens.
pub(crate) struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    ttl: i64,
    clock: Arc<dyn Clock>,
}

impl AccessTokens {
    pub(crate) fn new(config: &TokenConfig, clock: Arc<dyn Clock>) -> Self {
        let secret = config.signing_secret.expose().as_bytes();
        // The algorithm is ours to choose and not the token's.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The crate reads the system's clock; `read` asks ours.
        validation.validate_exp = false;
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            ttl: i64::try_from(config.access_ttl.as_secs()).unwrap_or(i64::MAX),
            clock,
        }
    }

    /// Seconds that a new token is good.
    pub(crate) fn ttl(&self) -> i64 {
        self.ttl
    }

    /// A new token.
    pub(crate) fn issue(&self, principal: Principal) -> Result<String, BadToken> {
        let iat = self.clock.now().timestamp();
        let exp = iat.saturating_add(self.ttl);
        let claims = Claims { iss: ISSUER.to_owned(), aud: AUDIENCE.to_owned(), iat, exp, principal };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding).map_err(|_| BadToken)
    }

    /// Whose token it is.
    pub(crate) fn read(&self, token: &str) -> Result<Principal, BadToken> {
        let data =
            jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation).map_err(|_| BadToken)?;
        if data.claims.exp <= self.clock.now().timestamp() {
            return Err(BadToken);
        }
        Ok(data.claims.principal)
    }
}

#[cfg(test)]
mod tests;
