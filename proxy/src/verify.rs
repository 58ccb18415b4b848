//! Asks a vendor whether it takes a key: a real call that costs nothing, under the same guard as the data path.

use crate::{
    ExtraRoots, StartError, UpstreamAllow,
    connect::{self, VendorClient},
    credentials, forward,
    health::Fault,
    upstream_body::UpstreamBody,
    vendor_body::VendorBody,
    vendors::{self, Endpoint, Family, Vendor},
    verdict::{self, Verdict},
};
use bytes::Bytes;
use clawplane_domain::{
    Secret,
    clock::Clock,
    provider_key::{ApiType, CoolCode},
    values::BaseUrl,
};
use http::{HeaderValue, Request, StatusCode, header};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Longest wait for a connection and for an answer.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(15);
/// The version of Anthropic's API that is asked for; it wants one.
const ANTHROPIC_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");
/// The version of Azure's data plane that lists models.
const AZURE_LIST: &str = "openai/models";
const AZURE_VERSION: &str = "api-version=2024-10-21";

/// What a vendor said about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The vendor takes the key, and the key can be used now.
    pub ok: bool,
    /// The status of its answer; `None` where there was none.
    pub status: Option<u16>,
    /// `ok`, `refused`, `rate_limited`, `quota_exhausted`, `upstream_error`, `inconclusive`, or the proxy's code for
    /// an answer that did not come.
    pub code: &'static str,
    /// From the call to its answer, in milliseconds.
    pub latency_ms: u64,
    /// In words.
    pub detail: String,
}

/// Verifies keys.
#[derive(Clone)]
pub struct Verifier {
    client: VendorClient,
    clock: Arc<dyn Clock>,
}

impl Verifier {
    /// With the private places that vendors may be at, and the operator's own roots for their certificates.
    pub fn new(allow: UpstreamAllow, roots: &ExtraRoots, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        Ok(Self { client: connect::client(allow, CONNECT, &roots.0)?, clock })
    }

    /// Asks the vendor. Nothing of the secret is in the outcome.
    pub async fn verify(
        &self,
        vendor: &str,
        base_url: Option<&BaseUrl>,
        api_type: Option<ApiType>,
        secret: &Secret,
    ) -> Verification {
        let begun = Instant::now();
        let request = match question(vendor, base_url, api_type, secret) {
            Ok(request) => request,
            Err(why) => return Verification::without_answer("inconclusive", why, begun),
        };
        match forward::send(&self.client, request, ANSWER, (0, "verify")).await {
            Ok(answer) => {
                let mut answer = answer.map(VendorBody::new);
                let body = answer.body_mut().look().await;
                let verdict = verdict::judge(answer.status(), answer.headers(), &body, self.clock.now());
                Verification::of(answer.status(), &verdict, begun)
            }
            Err(why) => Verification::without_answer(why.refusal.code, why.refusal.message, begun),
        }
    }
}

impl Verification {
    fn without_answer(code: &'static str, detail: impl Into<String>, begun: Instant) -> Self {
        Self { ok: false, status: None, code, latency_ms: millis(begun), detail: detail.into() }
    }

    fn of(status: StatusCode, verdict: &Verdict, begun: Instant) -> Self {
        let number = status.as_u16();
        let (code, detail) = match verdict {
            Verdict::Good if status.is_success() => ("ok", "the vendor takes the key".to_owned()),
            Verdict::Good => {
                ("inconclusive", format!("the vendor answered {number}, which says nothing about the key"))
            }
            Verdict::Bad(Fault::Refused { .. }) => {
                ("refused", format!("the vendor does not take the key: it answered {number}"))
            }
            Verdict::Bad(Fault::Passing { code, .. }) => (code.as_str(), passing(*code, number)),
        };
        Self { ok: code == "ok", status: Some(number), code, latency_ms: millis(begun), detail }
    }
}

fn passing(code: CoolCode, status: u16) -> String {
    match code {
        CoolCode::RateLimited => "the vendor knows the key and limits its requests at the moment".to_owned(),
        CoolCode::QuotaExhausted => "the vendor knows the key, and its account has no money left".to_owned(),
        _ => format!("the vendor has trouble of its own: it answered {status}"),
    }
}

/// The cheapest call that a vendor answers for good keys only: mostly its list of models.
fn question(
    vendor: &str,
    base_url: Option<&BaseUrl>,
    api_type: Option<ApiType>,
    secret: &Secret,
) -> Result<Request<UpstreamBody>, &'static str> {
    let vendor = vendors::find(vendor).ok_or("the vendor is not in the vendor table")?;
    let family = api_type.map_or(vendor.family, |api_type| vendors::of_api_type(api_type).0);
    let (path, query) = cheap_call(vendor, family, base_url);
    let endpoint = match base_url {
        Some(url) => Some(Endpoint::parse(url.as_str()).ok_or("the key's base URL is no URL")?),
        None => None,
    };
    let route = vendors::resolve(vendor, api_type, path);
    let uri = vendors::destination(vendor, &route, endpoint.as_ref(), path, query);
    let uri = uri.map_err(|_| "the key has no base URL, and its vendor has none of its own")?;
    let mut request = Request::new(UpstreamBody::held(Bytes::new()));
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if family == Family::Anthropic {
        headers.insert("anthropic-version", ANTHROPIC_VERSION);
    }
    credentials::inject(headers, route.auth, secret)
        .map_err(|_| "the key has characters that no header can carry")?;
    Ok(request)
}

fn cheap_call(
    vendor: &Vendor,
    family: Family,
    base_url: Option<&BaseUrl>,
) -> (&'static str, Option<&'static str>) {
    match (vendor.id, family) {
        // Its list of models is public; this is the key itself.
        ("openrouter", _) => ("key", None),
        ("azure-openai", _) if !base_url.is_some_and(|url| url.as_str().ends_with("/openai/v1")) => {
            (AZURE_LIST, Some(AZURE_VERSION))
        }
        (_, Family::OpenAi) => ("models", None),
        (_, Family::Anthropic | Family::Cohere) => ("v1/models", None),
        (_, Family::Gemini) => ("v1beta/models", None),
        (_, Family::Ollama) => ("api/tags", None),
    }
}

fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
