//! Who asks, and where it goes: token, vendor, key and destination, all from memory.

use super::{Inner, Refused, fallbacks::Detours, find::Found};
use crate::{
    choose::Pick,
    credentials,
    directory::{Caller, Key},
    flight::{Arrival, Flight},
    headers,
    health::Probe,
    observe::Operation,
    quota::{Owner, Rates},
    refusal::Refusal,
    upstream_body::UpstreamBody,
    vendors::{self, Format, NoDestination, Route, StreamOptions, Vendor},
};
use clawplane_domain::{Timestamp, quota::UnknownPrice, usage::Tokens};
use http::{HeaderMap, Method, Request, StatusCode, Uri, request::Parts};
use std::sync::Arc;

/// What stands before the vendor in the path.
pub(super) const PREFIX: &str = "/api/v1/";
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

/// A request that may go on. It is large and goes through many hands, so it is kept in a box.
pub(super) struct Admitted {
    pub(super) flight: Flight,
    pub(super) caller: Arc<Caller>,
    pub(super) vendor: &'static Vendor,
    pub(super) key: Arc<Key>,
    /// There when this request is the one that tries the key after a cool-down.
    pub(super) probe: Option<Probe>,
    pub(super) route: Route,
    pub(super) uri: Uri,
    /// Its answer costs tokens.
    pub(super) generative: bool,
    /// Its answer may name tokens. Reading an old answer again, as a GET does, does not cost them again.
    pub(super) metered: bool,
    /// The client asked for a stream.
    pub(super) stream: bool,
    pub(super) model: Option<String>,
    /// The estimate of its input and output, in tokens.
    pub(super) expected: (u64, u64),
    /// Where else it has been, and may still go.
    pub(super) detours: Detours,
    /// Where the limits of the bot and its tenant stand.
    pub(super) rates: Rates,
}

impl Inner {
    /// Authenticates and routes. Whatever is refused here beyond the token is recorded.
    pub(super) fn admit(&self, parts: &Parts, arrival: Arrival) -> Result<Box<Admitted>, Refused> {
        let whole = parts.uri.path();
        let named = whole.strip_prefix(PREFIX).and_then(|rest| rest.split_once('/'));
        let (id, path) = named.filter(|(id, _)| !id.is_empty()).unwrap_or_default();
        let vendor = vendors::find(id);
        let format = vendor.map_or(Format::OpenAi, |vendor| vendors::resolve(vendor, None, path).format);
        let directory = self.directory.load();
        let caller = credentials::candidates(&parts.headers, parts.uri.query())
            .find_map(|token| directory.caller(&token))
            .ok_or_else(|| Self::unauthenticated(&arrival, Refusal::unknown_token(), format))?;
        if caller.expires_at.is_some_and(|end| arrival.at >= end) {
            return Err(Self::unauthenticated(&arrival, Refusal::expired_token(), format));
        }
        let Some(mut flight) = self.flight(arrival, (caller, directory.prices()), id) else {
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
        let generative = parts.method == Method::POST && is_generative(path);
        let mut detours = Detours::of(vendor);
        let found = self.find(&directory, caller, vendor, (&parts.uri, arrival.at));
        let Found { vendor, pick: Pick { key, probe }, route, uri } = match found {
            Ok(found) => found,
            Err((refusal, other_may)) => {
                let wanted = (format, &parts.uri, other_may && generative);
                match self.begin_with_another(&directory, caller, &mut detours, wanted, refusal) {
                    Ok(found) => found,
                    Err(refusal) => return Err(refuse(flight, refusal)),
                }
            }
        };
        if vendor.id != detours.asked.id {
            flight.at(vendor.id, None, None);
        }
        flight.observed(Operation::of(path), &parts.headers, &uri);
        let metered = parts.method == Method::POST && !path.ends_with("/cancel");
        if !metered {
            flight.free();
        }
        let caller = Arc::clone(caller);
        Ok(Box::new(Admitted {
            flight,
            caller,
            vendor,
            key,
            probe,
            route,
            uri,
            generative,
            metered,
            stream: false,
            model: None,
            expected: (0, 0),
            detours,
            rates: Rates::default(),
        }))
    }
}

impl Admitted {
    /// Records the refusal of a request that has not gone upstream.
    pub(super) fn refuse(self, refusal: Refusal) -> Refused {
        self.flight.refuse(&refusal, false);
        (refusal, self.route.format)
    }

    /// Whether usage has to be asked for, and may be.
    pub(super) fn wants_usage(&self, stream: Option<bool>, include_usage: bool) -> bool {
        let path = self.uri.path();
        stream == Some(true)
            && !include_usage
            && self.route.format == Format::OpenAi
            && path.ends_with("/chat/completions")
            && match self.route.stream_options {
                StreamOptions::Allowed => true,
                StreamOptions::Rejected => false,
                StreamOptions::ByApiVersion => {
                    path.contains("/openai/v1/")
                        || api_version(&self.uri).is_some_and(|v| v >= AZURE_STREAM_OPTIONS)
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

    /// Micro-dollars of an estimate. Where the price is unknown it is zero, if those who limit money allow that.
    pub(super) fn estimated_cost(&self, tokens: (u64, u64), at: Timestamp) -> Result<u64, Refusal> {
        self.cost_at((self.vendor, self.model.as_deref()), tokens, at)
    }

    /// The same for another vendor and its model.
    pub(super) fn cost_at(
        &self,
        (vendor, model): (&Vendor, Option<&str>),
        (input, output): (u64, u64),
        at: Timestamp,
    ) -> Result<u64, Refusal> {
        let ledgers = [(Owner::Bot, &self.caller.ledger), (Owner::Tenant, &self.caller.tenant_ledger)];
        let mut wanted =
            ledgers.into_iter().filter_map(|(owner, ledger)| Some((owner, ledger.wants_cost()?)));
        let Some(first) = wanted.next() else { return Ok(0) };
        let tokens = Tokens { input_tokens: input, output_tokens: output, ..Tokens::default() };
        let cost = model.and_then(|model| self.flight.prices().estimate(vendor, model, &tokens, at));
        let refusing = std::iter::once(first).chain(wanted).find(|(_, price)| *price == UnknownPrice::Refuse);
        match (cost, refusing) {
            (Some(cost), _) => Ok(cost),
            (None, None) => Ok(0),
            (None, Some((owner, _))) => Err(Refusal::unknown_price(owner, model)),
        }
    }

    /// Goes on with another key, to where that one leads; false when that is nowhere, or would be metered otherwise.
    pub(super) fn switch(&mut self, pick: Pick, uri: &Uri, consumed: bool) -> bool {
        match aim(self.vendor, &pick.key, uri) {
            Ok((route, uri)) if route.format == self.route.format => {
                (self.route, self.uri) = (route, uri);
                (self.key, self.probe) = (pick.key, pick.probe);
                self.flight.again(self.key.id, consumed);
                true
            }
            _ => false,
        }
    }

    /// The request to the vendor: the client's, with the vendor's key in the place of the token.
    pub(super) fn request(
        &self,
        method: Method,
        mut all: HeaderMap,
        body: UpstreamBody,
    ) -> Result<Request<UpstreamBody>, Refusal> {
        let unusable = |why: String| Refusal::new(StatusCode::BAD_GATEWAY, "provider_key_unusable", why);
        let Some(secret) = &self.key.secret else {
            return Err(unusable("the provider key has no secret".to_owned()));
        };
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = self.uri.clone();
        credentials::strip_headers(&mut all);
        headers::to_upstream(&mut all);
        credentials::inject(&mut all, self.route.auth, secret).map_err(|bad| unusable(bad.to_string()))?;
        *request.headers_mut() = all;
        Ok(request)
    }
}

/// What a request means to a vendor with a key, and where it goes.
pub(super) fn aim(vendor: &'static Vendor, key: &Key, uri: &Uri) -> Result<(Route, Uri), NoDestination> {
    let named = uri.path().strip_prefix(PREFIX).and_then(|rest| rest.split_once('/'));
    let path = named.map_or("", |(_, path)| path);
    let route = vendors::resolve(vendor, key.api_type, path);
    let query = credentials::strip_query(uri.query());
    let uri = vendors::destination(vendor, &route, key.endpoint.as_ref(), path, query.as_deref())?;
    Ok((route, uri))
}

pub(super) fn no_destination(why: NoDestination) -> Refusal {
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
pub(super) fn model_in(path: &str) -> Option<String> {
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
