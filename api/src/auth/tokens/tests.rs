use super::*;
use clawplane_domain::{Secret, Timestamp};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};
use uuid::Uuid;

#[derive(Default)]
struct Wound(AtomicI64);

impl Clock for Wound {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp(1_772_366_400 + self.0.load(Ordering::SeqCst), 0).unwrap()
    }
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn config(secret: &str) -> TokenConfig {
    TokenConfig { access_ttl: Duration::from_mins(15), ..TokenConfig::new(Secret::new(secret.to_owned())) }
}

fn principal() -> Principal {
    Principal {
        user: UserId(Uuid::from_u128(1)),
        tenant: TenantId(Uuid::from_u128(2)),
        role: Role::Operator,
        session: SessionId(Uuid::from_u128(3)),
        administrator: false,
    }
}

fn signed(algorithm: Algorithm, secret: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = json!({
        "iss": "clawplane", "aud": "clawplane-api", "iat": 1_772_366_400, "exp": 1_772_367_300,
        "sub": principal().user, "tenant": principal().tenant, "role": "operator",
        "sid": principal().session, "adm": false,
    });
    change(&mut claims);
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), &claims, &key).unwrap()
}

#[test]
fn a_token_says_who_it_was_made_for_until_it_ends() {
    let clock = Arc::new(Wound::default());
    let tokens = AccessTokens::new(&config(SECRET), clock.clone());
    let token = tokens.issue(principal()).unwrap();
    assert_eq!(tokens.read(&token), Ok(principal()));
    clock.0.store(899, Ordering::SeqCst);
    assert_eq!(tokens.read(&token), Ok(principal()));
    clock.0.store(900, Ordering::SeqCst);
    assert_eq!(tokens.read(&token), Err(BadToken));
}

#[test]
fn only_our_own_form_is_taken() {
    let tokens = AccessTokens::new(&config(SECRET), Arc::new(Wound::default()));
    let refused = |token: &str| assert_eq!(tokens.read(token), Err(BadToken), "{token}");
    assert_eq!(tokens.read(&signed(Algorithm::HS256, SECRET, |_| ())), Ok(principal()));
    refused(&signed(Algorithm::HS256, "another secret of thirty-two byte", |_| ()));
    refused(&signed(Algorithm::HS512, SECRET, |_| ()));
    refused(&signed(Algorithm::HS256, SECRET, |claims| claims["iss"] = json!("somebody")));
    refused(&signed(Algorithm::HS256, SECRET, |claims| claims["aud"] = json!("another-api")));
    refused(&signed(Algorithm::HS256, SECRET, |claims| claims["exp"] = Value::Null));
    refused(&signed(Algorithm::HS256, SECRET, |claims| claims["role"] = json!("emperor")));
    refused("");
    refused("a.b.c");
}

#[test]
fn a_token_without_a_signature_is_refused() {
    let tokens = AccessTokens::new(&config(SECRET), Arc::new(Wound::default()));
    let token = signed(Algorithm::HS256, SECRET, |_| ());
    let mut parts = token.split('.');
    let (_, claims) = (parts.next(), parts.next().unwrap());
    // {"typ":"JWT","alg":"none"}
    let unsigned = format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.{claims}.");
    assert_eq!(tokens.read(&unsigned), Err(BadToken));
}
