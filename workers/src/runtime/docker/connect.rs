//! The ways to an engine: a socket, TCP with mutual TLS, SSH.

use super::errors;
use crate::runtime::RuntimeError;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use clawplane_domain::Secret;
use futures::TryFutureExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{sync::Arc, time::Duration};

/// Longest wait for the head of an answer; a stop takes its grace, and a create may copy a volume.
const ANSWER_SECONDS: u64 = 120;
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Who the worker is to an engine, and who may be the engine. All in PEM.
#[derive(Clone, Debug)]
pub struct ClientIdentity {
    /// Certificates, one of which has to have signed the engine's.
    pub ca: String,
    /// The worker's own certificate, with those between it and its root.
    pub certificate: String,
    /// The key that goes with it.
    pub key: Secret,
}

/// A client, not connected yet.
pub(super) fn connect(host: &str, identity: Option<&ClientIdentity>) -> Result<Docker, RuntimeError> {
    let made = match (host.split_once("://"), identity) {
        (Some(("tcp", address)), Some(identity)) => return over_tls(address, identity),
        (Some(("tcp" | "http", _)), None) => {
            Docker::connect_with_http(host, ANSWER_SECONDS, API_DEFAULT_VERSION)
        }
        // The system's own `ssh`, with its configuration, keys and known hosts; Docker's client has to be there.
        (Some(("ssh", _)), _) => Docker::connect_with_ssh(host, ANSWER_SECONDS, API_DEFAULT_VERSION, None),
        _ => Docker::connect_with_unix(host, ANSWER_SECONDS, API_DEFAULT_VERSION),
    };
    made.map_err(|error| errors::typed("connect", error))
}

/// Through a transport of our own: bollard's takes its key from a file, and ours is in no file.
fn over_tls(address: &str, identity: &ClientIdentity) -> Result<Docker, RuntimeError> {
    let config = tls(identity).map_err(|message| RuntimeError::Unavailable { reason: message })?;
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT));
    tcp.set_keepalive(Some(Duration::from_secs(10)));
    let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_only();
    let connector: HttpsConnector<HttpConnector> = connector.enable_http1().wrap_connector(tcp);
    let mut client = Client::builder(TokioExecutor::new());
    // As bollard's own: an engine closes idle connections when it likes.
    client.pool_max_idle_per_host(0);
    let client = client.build(connector);
    let send = move |request: BollardRequest| client.request(request).map_err(bollard::errors::Error::from);
    let address = format!("https://{address}");
    Docker::connect_with_custom_transport(send, Some(address), ANSWER_SECONDS, API_DEFAULT_VERSION)
        .map_err(|error| errors::typed("connect", error))
}

/// The error is for people and says nothing of the key.
fn tls(identity: &ClientIdentity) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for root in certificates("ca", &identity.ca)? {
        roots.add(root).map_err(|error| format!("`ca` cannot be used: {error}"))?;
    }
    let chain = certificates("certificate", &identity.certificate)?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.expose().as_bytes());
    let key = key.map_err(|_| "`key` is no private key in PEM".to_owned())?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let config = config.with_root_certificates(roots).with_client_auth_cert(chain, key);
    config.map_err(|error| format!("certificate and key cannot be used: {error}"))
}

fn certificates(field: &str, pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let read = read.map_err(|_| format!("`{field}` is no certificate in PEM"))?;
    if read.is_empty() {
        return Err(format!("`{field}` holds no certificate in PEM"));
    }
    Ok(read)
}

/// Whether an identity can be used at all: certificates and key can be read and go together. The error is for people.
pub fn check(identity: &ClientIdentity) -> Result<(), String> {
    tls(identity).map(|_| ())
}
