//! Other vendors in the place of the one that was asked, where none of its keys can answer: by the bot's own list, before
//! the first byte, and only for what is held in memory and costs tokens.
//!
//! A stand-in counts when it does what was asked. Where none does, the client gets what the vendor that it asked led to.

use super::{
    Inner,
    admit::{Admitted, PREFIX, aim, model_in},
    attempts::{Message, Origin, Way},
    find::Found,
    keys,
};
use crate::{
    choose::Pick,
    directory::{Caller, Directory},
    headers,
    intake::{Intake, Taken},
    observe::Operation,
    refusal::Refusal,
    request::{self, Asked},
    telemetry,
    vendors::{self, Format, Vendor},
};
use bytes::Bytes;
use clawplane_domain::{KeyId, values::ModelId};
use http::{Uri, request::Parts};
use std::sync::Arc;
use tokio::time::Instant;

/// Where a request has been beside the vendor that was asked, and may still go.
pub(super) struct Detours {
    pub(super) asked: &'static Vendor,
    /// How many of its stand-ins were looked at.
    seen: usize,
    /// Why the asked vendor was not even tried. In boxes: most requests need neither.
    refusal: Option<Box<Refusal>>,
    /// What the request has to become for the stand-in that it was admitted with.
    start: Option<Box<Changed>>,
}

/// What a request becomes for a stand-in.
#[derive(Clone)]
struct Changed {
    /// As if the client had asked the stand-in.
    uri: Uri,
    model: Option<ModelId>,
}

/// A vendor with its key, and what a request becomes for it.
struct StandIn {
    found: Found,
    changed: Changed,
}

/// What a request was with a vendor, for when that vendor's answer is the one that counts.
pub(super) struct Standing {
    vendor: &'static Vendor,
    key: KeyId,
    model: Option<String>,
}

impl Detours {
    pub(super) fn of(asked: &'static Vendor) -> Self {
        Self { asked, seen: 0, refusal: None, start: None }
    }

    /// Why the asked vendor was not even tried, where it was not.
    pub(super) fn refusal(&mut self) -> Option<Refusal> {
        self.refusal.take().map(|refusal| *refusal)
    }
}

impl Inner {
    /// Another vendor for a request of which the asked one cannot take any; else its `refusal`, which then says so of
    /// the others too.
    pub(super) fn begin_with_another(
        &self,
        directory: &Directory,
        caller: &Caller,
        detours: &mut Detours,
        (format, uri, allowed): (Format, &Uri, bool),
        mut refusal: Refusal,
    ) -> Result<Found, Refusal> {
        if !allowed {
            return Err(refusal);
        }
        let mut others = Vec::new();
        match self.stand_in(directory, caller, detours, (format, uri), &mut others) {
            Some(StandIn { found, changed }) => {
                telemetry::fell_back(detours.asked.id, found.vendor.id);
                detours.start = Some(Box::new(changed));
                detours.refusal = Some(Box::new(refusal));
                Ok(found)
            }
            None => {
                for other in &others {
                    refusal.nor(other);
                }
                Err(refusal)
            }
        }
    }

    /// The next stand-in that has a key; `others` are the refusals of those that have none.
    fn stand_in(
        &self,
        directory: &Directory,
        caller: &Caller,
        detours: &mut Detours,
        wanted: (Format, &Uri),
        others: &mut Vec<Refusal>,
    ) -> Option<StandIn> {
        for (vendor, model) in caller.stand_ins(detours.asked).skip(detours.seen) {
            detours.seen += 1;
            match self.try_stand_in(directory, caller, (vendor, model), wanted) {
                Ok(stand_in) => return Some(stand_in),
                Err(refusal) => others.extend(refusal),
            }
        }
        None
    }

    fn try_stand_in(
        &self,
        directory: &Directory,
        caller: &Caller,
        (vendor, model): (&'static Vendor, Option<&ModelId>),
        (format, uri): (Format, &Uri),
    ) -> Result<StandIn, Option<Refusal>> {
        let path = uri.path().strip_prefix(PREFIX).and_then(|rest| rest.split_once('/'));
        let path = path.map_or("", |(_, path)| path);
        let name = model.map(ModelId::as_str);
        let path_with = |api_type| vendors::path_at(vendor, api_type, format, path, name);
        let Some(group) = directory.keys(caller.tenant_id, vendor) else {
            return Err(Some(Refusal::no_key(vendor.id)));
        };
        let fit = |key: &crate::directory::Key| path_with(key.api_type).is_some();
        let (now, probation) = (self.recorder.clock.now(), self.config.cooldowns.probation);
        let Some(pick) = group.choose_among(&caller.tags, now, probation, &fit) else {
            let down = group.keys().iter().any(|key| fit(key));
            return Err(down.then(|| keys::all_down(vendor, group, now)));
        };
        let path = path_with(pick.key.api_type).ok_or(None)?;
        let query = uri.query().filter(|_| !matches!(format, Format::OpenAi | Format::OpenAiResponses));
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let uri: Uri = format!("{PREFIX}{}/{path}{query}", vendor.id).parse().map_err(|_| None)?;
        let (route, destination) = aim(vendor, &pick.key, &uri).map_err(|_| None)?;
        let found = Found { vendor, pick, route, uri: destination };
        Ok(StandIn { found, changed: Changed { uri, model: model.cloned() } })
    }

    /// Makes a request that was admitted with a stand-in one to it, or to the next one; where that cannot be, the asked
    /// vendor's refusal counts.
    pub(super) fn begin_elsewhere(
        &self,
        admitted: &mut Admitted,
        way: &Way,
        parts: &mut Parts,
        taken: &mut Taken,
        asked: &mut Asked,
    ) -> Result<(), Refusal> {
        while let Some(Changed { uri, model }) = admitted.detours.start.take().map(|start| *start) {
            let format = admitted.route.format;
            let Some(origin) = way.origin.as_deref() else { break };
            let Some(body) = with_model(&origin.body, model.as_ref(), format) else { break };
            let name = model.as_ref().map(ModelId::as_str).or(origin.model.as_deref());
            let now = self.recorder.clock.now();
            // Only whether there is a price: the estimate is not made yet.
            if admitted.cost_at((admitted.vendor, name), (1, 1), now).is_ok() {
                taken.body = Intake::Held(body);
                asked.model = name.map(str::to_owned);
                parts.uri = uri;
                headers::for_a_stand_in(&mut parts.headers, format);
                return Ok(());
            }
            let (directory, caller) = (self.directory.load(), admitted.caller.clone());
            let wanted = (format, &origin.uri);
            let next = self.stand_in(&directory, &caller, &mut admitted.detours, wanted, &mut Vec::new());
            let Some(StandIn { found, changed }) = next else { break };
            admitted.flight.at(found.vendor.id, None, None);
            admitted.settle_at(found, None);
            admitted.detours.start = Some(Box::new(changed));
        }
        match admitted.detours.refusal() {
            Some(refusal) => {
                admitted.flight.at(admitted.detours.asked.id, None, None);
                Err(refusal)
            }
            None => Ok(()),
        }
    }

    /// Turns a request to the next stand-in; false when there is none. `consumed` when the last vendor may have worked on it.
    pub(super) fn detour(
        &self,
        admitted: &mut Admitted,
        message: &mut Message,
        deadline: Instant,
        consumed: bool,
    ) -> bool {
        let Some(origin) = message.way.origin.clone().filter(|_| Instant::now() < deadline) else {
            return false;
        };
        let (directory, caller) = (self.directory.load(), admitted.caller.clone());
        let wanted = (admitted.route.format, &origin.uri);
        while let Some(StandIn { found, changed }) =
            self.stand_in(&directory, &caller, &mut admitted.detours, wanted, &mut Vec::new())
        {
            let model = changed.model.as_ref().map(ModelId::as_str).or(origin.model.as_deref());
            let now = self.recorder.clock.now();
            let cost = admitted.cost_at((found.vendor, model), admitted.expected, now);
            let body = with_model(&origin.body, changed.model.as_ref(), admitted.route.format);
            let (Ok(cost), Some(body)) = (cost, body) else { continue };
            telemetry::fell_back(admitted.detours.asked.id, found.vendor.id);
            let model = model.map(str::to_owned);
            admitted.flight.expect_cost(cost);
            admitted.go_to(found, model, consumed);
            admitted.flight.observed(
                Operation::of(changed.uri.path()),
                &message.parts.headers,
                &admitted.uri,
            );
            let wants = admitted.wants_usage(message.way.stream, message.way.include_usage);
            let spliced = wants.then(|| request::ask_for_usage(&body)).flatten();
            message.way.injected = spliced.is_some();
            message.turn(changed.uri, spliced.unwrap_or(body), admitted.route.format);
            return true;
        }
        false
    }
}

impl Admitted {
    /// What of a request has to be known for another vendor.
    pub(super) fn way(&self, parts: &Parts, taken: &Taken, asked: &Asked) -> Way {
        let may = self.generative && self.caller.stand_ins(self.detours.asked).next().is_some();
        let body = may.then(|| taken.held()).flatten();
        let origin = body.map(|body| {
            let model = asked.model.clone().or_else(|| model_in(parts.uri.path()));
            Arc::new(Origin { body: body.clone(), uri: parts.uri.clone(), model })
        });
        Way { origin, stream: asked.stream, include_usage: asked.include_usage, injected: false }
    }

    /// Whether it is at another vendor than the one that was asked.
    pub(super) fn is_away(&self) -> bool {
        self.vendor.id != self.detours.asked.id
    }

    pub(super) fn standing(&self) -> Standing {
        Standing { vendor: self.vendor, key: self.key.id, model: self.model.clone() }
    }

    fn go_to(&mut self, found: Found, model: Option<String>, consumed: bool) {
        self.flight.again(found.pick.key.id, consumed);
        self.flight.at(found.vendor.id, Some(found.pick.key.id), model.clone());
        self.settle_at(found, model);
    }

    fn settle_at(&mut self, found: Found, model: Option<String>) {
        let Found { vendor, pick: Pick { key, probe }, route, uri } = found;
        (self.vendor, self.key, self.probe) = (vendor, key, probe);
        (self.route, self.uri, self.model) = (route, uri, model);
    }

    /// No stand-in did better: what the asked vendor led to counts. `consumed` when the last one may have worked on it.
    pub(super) fn go_back(&mut self, to: Option<Standing>, consumed: bool) {
        self.flight.lost_last(consumed);
        let Some(Standing { vendor, key, model }) = to else {
            self.flight.at(self.detours.asked.id, None, None);
            return;
        };
        self.flight.at(vendor.id, Some(key), model);
        self.vendor = vendor;
    }
}

/// A body for a stand-in. Gemini's format has the model in the path.
fn with_model(body: &Bytes, model: Option<&ModelId>, format: Format) -> Option<Bytes> {
    match format {
        Format::Gemini => Some(body.clone()),
        _ => request::with_model(body, model.map(ModelId::as_str)),
    }
}
