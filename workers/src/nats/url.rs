//! The servers that a NATS URL names. The client library ignores user and password in a URL,
//! so they are taken out of it here; that also keeps them out of the library's own messages.

use async_nats::{ConnectOptions, ServerAddr};
use clawplane_domain::Secret;

/// What is wrong with the text; says nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a nats:// URL, or several with commas between")]
pub struct NatsUrlFault;

/// Servers without credentials, and options with them.
///
/// `user:password@` is a user, `token@` alone a token; the first server's hold for all.
pub fn connection(url: &Secret) -> Result<(Vec<ServerAddr>, ConnectOptions), NatsUrlFault> {
    let mut options = ConnectOptions::new();
    let mut servers = Vec::new();
    for (index, text) in url.expose().split(',').enumerate() {
        let mut url = text.trim().parse::<ServerAddr>().map_err(|_| NatsUrlFault)?.into_inner();
        if !url.has_host() {
            return Err(NatsUrlFault);
        }
        let user = decoded(url.username())?;
        let password = url.password().map(decoded).transpose()?;
        match (index, password) {
            (0, Some(password)) => options = options.user_and_password(user, password),
            (0, None) if !user.is_empty() => options = options.token(user),
            _ => {}
        }
        url.set_password(None).and_then(|()| url.set_username("")).map_err(|()| NatsUrlFault)?;
        servers.push(ServerAddr::from_url(url).map_err(|_| NatsUrlFault)?);
    }
    Ok((servers, options))
}

/// Percent-decoding of RFC 3986: a user or a password may hold any character.
fn decoded(text: &str) -> Result<String, NatsUrlFault> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let (digits, after) = rest.split_at_checked(2).ok_or(NatsUrlFault)?;
            bytes.extend(hex::decode(digits).map_err(|_| NatsUrlFault)?);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).map_err(|_| NatsUrlFault)
}

#[cfg(test)]
mod tests;
