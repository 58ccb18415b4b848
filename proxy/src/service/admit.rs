//! Who asks, and where it goes: token, vendor, key and destination, all from memory.

use super::{Inner, Refused};
use crate::{
    credentials,
    directory::{Caller, Key},
    flight::{Arrival, Flight},
    headers,
    price::Prices,
    refusal::Refusal,
    request::Asked,
    upstream_body::UpstreamBody,
    vendors::{self, Format, NoDestination, Route, StreamOptions, Vendor},
};
use clawplane_domain::{Timestamp, usage::Tokens};
use http::{Method, Request, StatusCode, Uri, request::Parts};
use std::sync::Arc;

/// What stands before the vendor in the path.
const PREFIX: &str = "/api/v1/";
/// Azure's first `api-version` that knows `stream_options`.
const AZURE_STREAM_OPTIONS: &str = "2024-09-01";
/// The last segments of paths whose answers cost tokens.
const GENERATIVE: [&str; 10] = [
    "completions",
    "responses",
    "embeddings",
    "messages",
    "chat",
    "generate",
    "embed",
    "rerank",
    "classify",
    "summarize",
];
/// Gemini's methods whose answers cost tokens, behind the model's colon.
const GEMINI_GENERATIVE: [&str; 4] =
    ["generateContent", "streamGenerateContent", "embedContent", "batchEmbedContents"];

/// A request that may go on.
pub(super) struct Admitted {
    pub(super) flight: Flight,
    pub(super) caller: Arc<Caller>,
    pub(super) vendor: &'static Vendor,
    pub(super) key: Arc<Key>,
    pub(super) route: Route,
    uri: Uri,
    /// Its answer costs tokens.
    pub(super) generative: bool,
    /// Its answer may name tokens. Reading an old answer again, as a GET does, does not cost them again.
    pub(super) metered: bool,
    /// The client asked for a stream.
    pub(super) stream: bool,
    model: Option<String>,
}

impl Inner {
    /// Authenticates and routes. Whatever is refused here beyond the token is recorded.
    pub(super) fn admit(&self, parts: &Parts, arrival: Arrival) -> Result<Admitted, Refused> {
        let whole = parts.uri.path();
        let named = whole.strip_prefix(PREFIX).and_then(|rest| rest.split_once('/'));
        let (id, path) = named.filter(|(id, _)| !id.is_empty()).unwrap_or_default();
        let vendor = vendors::find(id);
        let format = vendor.map_or(Format::OpenAi, |vendor| vendors::resolve(vendor, None, path).format);
        let directory = self.directory.load();
        let caller = credentials::candidates(&parts.headers, parts.uri.query())
            .find_map(|token| directory.caller(&token))
            .ok_or_else(|| Self::unauthenticated(Refusal::unknown_token(), format))?;
        if caller.expires_at.is_some_and(|end| arrival.at >= end) {
            return Err(Self::unauthenticated(Refusal::expired_token(), format));
        }
        let Some(mut flight) = self.flight(arrival, caller, id) else {
            return Err((Refusal::not_found(), format));
        };
        let refuse = |flight: Flight, refusal: Refusal| {
            flight.refuse(&refusal, false);
            (refusal, format)
        };
        let Some(vendor) = vendor else {
            let refusal = if id.is_empty() { Refusal::not_found() } else { Refusal::unknown_vendor(id) };
            return Err(refuse(flight, refusal));
        };
        flight.vendor(vendor.id);
        if !caller.access.allows_vendor(vendor.id) {
            return Err(refuse(flight, Refusal::vendor_not_allowed(vendor.id)));
        }
        let group = directory.keys(caller.tenant_id, vendor);
        let Some(key) = group.and_then(|group| group.choose(&caller.tags)) else {
            return Err(refuse(flight, Refusal::no_key(vendor.id)));
        };
        let route = vendors::resolve(vendor, key.api_type, path);
        let query = credentials::strip_query(parts.uri.query());
        let uri = match vendors::destination(vendor, &route, key.endpoint.as_ref(), path, query.as_deref()) {
            Ok(uri) => uri,
            Err(why) => return Err(refuse(flight, no_destination(why))),
        };
        let generative = parts.method == Method::POST && is_generative(path);
        let metered = parts.method == Method::POST && !path.ends_with("/cancel");
        if !metered {
            flight.free();
        }
        let (caller, key) = (Arc::clone(caller), Arc::clone(key));
        Ok(Admitted {
            flight,
            caller,
            vendor,
            key,
            route,
            uri,
            generative,
            metered,
            stream: false,
            model: None,
        })
    }
}

impl Admitted {
    /// Records the refusal of a request that has not gone upstream.
    pub(super) fn refuse(self, refusal: Refusal) -> Refused {
        self.flight.refuse(&refusal, false);
        (refusal, self.route.format)
    }

    /// Whether usage has to be asked for, and may be.
    pub(super) fn wants_usage(&self, parts: &Parts, asked: &Asked) -> bool {
        let path = parts.uri.path();
        asked.stream == Some(true)
            && !asked.include_usage
            && self.route.format == Format::OpenAi
            && path.ends_with("/chat/completions")
            && match self.route.stream_options {
                StreamOptions::Allowed => true,
                StreamOptions::Rejected => false,
                StreamOptions::ByApiVersion => {
                    path.contains("/openai/v1/")
                        || api_version(&parts.uri).is_some_and(|v| v >= AZURE_STREAM_OPTIONS)
                }
            }
    }

    /// Takes in what the request asks for.
    pub(super) fn asked(&mut self, parts: &Parts, model: Option<String>, stream: Option<bool>) {
        let path = parts.uri.path();
        self.model = model.or_else(|| model_in(path));
        self.stream = stream.unwrap_or(match self.route.format {
            Format::Gemini => path.ends_with(":streamGenerateContent"),
            // Ollama streams unless it is told not to.
            Format::Ollama => path.ends_with("/api/chat") || path.ends_with("/api/generate"),
            _ => false,
        });
        self.flight.asked(self.model.clone(), self.stream, self.generative);
    }

    /// Micro-dollars of an estimate; zero where the price is unknown.
    pub(super) fn estimated_cost(&self, prices: Prices, input: u64, output: u64, at: Timestamp) -> u64 {
        let tokens = Tokens { input_tokens: input, output_tokens: output, ..Tokens::default() };
        let cost = self.model.as_deref().and_then(|model| prices.cost(self.vendor, model, None, &tokens, at));
        cost.unwrap_or(0)
    }

    /// The request to the vendor: the client's, with the vendor's key in the place of the token.
    pub(super) fn request(&self, parts: Parts, body: UpstreamBody) -> Result<Request<UpstreamBody>, Refusal> {
        let mut request = Request::new(body);
        *request.method_mut() = parts.method;
        *request.uri_mut() = self.uri.clone();
        let mut all = parts.headers;
        credentials::strip_headers(&mut all);
        headers::to_upstream(&mut all);
        credentials::inject(&mut all, self.route.auth, &self.key.secret)
            .map_err(|bad| Refusal::new(StatusCode::BAD_GATEWAY, "provider_key_unusable", bad.to_string()))?;
        *request.headers_mut() = all;
        Ok(request)
    }
}

fn no_destination(why: NoDestination) -> Refusal {
    let code = match why {
        NoDestination::NoBaseUrl => "no_base_url",
        NoDestination::DotSegment | NoDestination::BadPath => "invalid_path",
    };
    Refusal::new(StatusCode::BAD_REQUEST, code, why.to_string())
}

fn is_generative(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    match last.rsplit_once(':') {
        Some((_, method)) => GEMINI_GENERATIVE.contains(&method),
        None => GENERATIVE.contains(&last),
    }
}

/// The model where the path has it: Gemini's `models/{model}:method`, Azure's `deployments/{name}/`.
fn model_in(path: &str) -> Option<String> {
    let mut segments = path.split('/').skip_while(|segment| !matches!(*segment, "models" | "deployments"));
    let name = segments.nth(1)?;
    let name = name.rsplit_once(':').map_or(name, |(model, _)| model);
    (!name.is_empty()).then(|| name.to_owned())
}

fn api_version(uri: &Uri) -> Option<&str> {
    uri.query()?
        .split('&')
        .find_map(|pair| pair.strip_prefix("api-version="))
        .filter(|version| version.len() >= 10)
}

#[cfg(test)]
mod tests;
