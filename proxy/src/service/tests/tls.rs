//! Vendors behind TLS: roots of the operator's own, HTTP/2 where the vendor offers it, and a handshake that never ends.

use super::*;
use crate::config::ExtraRoots;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use std::{convert::Infallible, sync::Mutex};
use tokio_rustls::TlsAcceptor;

/// A vendor with a certificate of an authority that nobody knows, and what it saw of each request.
struct TlsVendor {
    address: SocketAddr,
    /// The authority's certificate, as PEM.
    authority: String,
    seen: Arc<Mutex<Vec<(http::Version, String)>>>,
}

fn acceptor(protocols: &[&str]) -> (TlsAcceptor, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut config = config.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key).unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    (TlsAcceptor::from(Arc::new(config)), authority.pem())
}

impl TlsVendor {
    async fn start(protocols: &[&str]) -> Self {
        let (acceptor, authority) = acceptor(protocols);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let noting = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&noting));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request: Request<Incoming>| {
                        let key = request.headers()["authorization"].to_str().unwrap().to_owned();
                        seen.lock().unwrap().push((request.version(), key));
                        async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(ANSWER)))) }
                    });
                    let server = auto::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, authority, seen }
    }

    fn seen(&self) -> Vec<(http::Version, String)> {
        self.seen.lock().unwrap().clone()
    }
}

/// A proxy that trusts `roots`, with a key at `address`.
async fn stage(address: SocketAddr, roots: ExtraRoots, connect: Duration) -> Stage {
    let stage = Stage::with(
        |_| Script::json(""),
        |config| {
            config.upstream_allow = "127.0.0.0/8".parse().unwrap();
            config.extra_roots = roots;
            config.timeouts.connect = connect;
        },
    )
    .await;
    let url = format!("https://localhost:{}/v1", address.port());
    stage.world.key(stage.tenant, "openai", "sk-vendor", Some(&url));
    stage.followed().await;
    stage
}

const PATIENT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn http_2_is_spoken_where_the_vendor_has_it() {
    for (protocols, version) in [
        (&["h2", "http/1.1"][..], http::Version::HTTP_2),
        (&["http/1.1"][..], http::Version::HTTP_11),
        (&[][..], http::Version::HTTP_11),
    ] {
        let vendor = TlsVendor::start(protocols).await;
        let roots = ExtraRoots::from_pem(vendor.authority.as_bytes()).unwrap();
        let stage = stage(vendor.address, roots, PATIENT).await;
        for _ in 0..2 {
            let got = stage.ask("openai/chat/completions", CHAT).await;
            assert_eq!((got.status.as_u16(), &got.body[..]), (200, ANSWER.as_bytes()), "{protocols:?}");
        }
        assert_eq!(vendor.seen(), vec![(version, "Bearer sk-vendor".to_owned()); 2], "{protocols:?}");
        assert_eq!(stage.world.wait_for(2).await[1].tokens.input_tokens, 1000);
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let (vendor, other) = (TlsVendor::start(&["h2"]).await, TlsVendor::start(&["h2"]).await);
    let roots = ExtraRoots::from_pem(other.authority.as_bytes()).unwrap();
    let stage = stage(vendor.address, roots, PATIENT).await;
    let got = stage.ask("openai/chat/completions", CHAT).await;
    assert_eq!((got.status.as_u16(), &got.json()["error"]["code"]), (502, &"upstream_unreachable".into()));
    assert!(vendor.seen().is_empty(), "no key reaches whoever pretends to be the vendor");
    let usage = stage.world.wait_for(1).await.remove(0);
    assert_eq!((usage.tokens.total(), usage.cost_micros), (0, Some(0)));
}

#[tokio::test]
async fn a_connection_that_is_not_there_in_time_has_its_own_code() {
    // The kernel takes the connection, and nobody answers the handshake.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stage = stage(address, ExtraRoots::default(), Duration::from_millis(80)).await;
    let got = stage.ask("openai/chat/completions", CHAT).await;
    assert_eq!(
        (got.status.as_u16(), &got.json()["error"]["code"]),
        (504, &"upstream_connect_timeout".into())
    );
    let usage = stage.world.wait_for(1).await.remove(0);
    assert_eq!((usage.error.as_deref(), usage.tokens.total()), (Some("upstream_connect_timeout"), 0));
    drop(listener);
}

#[test]
fn roots_are_read_from_pem_or_refused() {
    let (_, authority) = acceptor(&[]);
    let two = format!("# ours\n{authority}\n{authority}");
    assert_eq!(ExtraRoots::from_pem(two.as_bytes()).unwrap().0.len(), 2);
    let broken = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (text, why) in
        [("", "no certificate"), ("hello", "no certificate"), (broken, "PEM"), (nonsense, "authority")]
    {
        let error = ExtraRoots::from_pem(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{text:?}: {error}");
    }
}
