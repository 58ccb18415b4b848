//! A request's tries, one key after the other, until the first byte of an answer goes to the client.
//!
//! Only a body that is held in memory can be sent again. Where no key of a vendor is left, `fallbacks` turns to the next
//! one.

use super::{Inner, Refused, admit::Admitted};
use crate::{
    body::ProxyBody,
    choose::Pick,
    forward::{self, NoAnswer},
    headers,
    intake::{Intake, Taken},
    refusal::Refusal,
    telemetry,
    upstream_body::UpstreamBody,
    vendor_body::VendorBody,
    vendors::Format,
};
use bytes::Bytes;
use clawplane_domain::{KeyId, provider_key::OnDisconnect};
use http::{HeaderMap, Response, Uri, request::Parts};
use std::sync::Arc;
use tokio::time::Instant;

/// What is sent, as often as it has to be.
pub(super) struct Message {
    pub(super) parts: Parts,
    body: Option<UpstreamBody>,
    /// The body once more, where there may be a second try.
    again: Option<Bytes>,
    pub(super) way: Way,
}

/// A request as the client sent it. In a box of its own: most requests have no other vendor to go to.
pub(super) struct Origin {
    pub(super) body: Bytes,
    pub(super) uri: Uri,
    pub(super) model: Option<String>,
}

/// What is known of a request on its way.
pub(super) struct Way {
    /// There where another vendor may get it.
    pub(super) origin: Option<Arc<Origin>>,
    pub(super) stream: Option<bool>,
    pub(super) include_usage: bool,
    /// Usage was asked for on the way.
    pub(super) injected: bool,
}

impl Message {
    /// `repeat` when there may be a second try.
    pub(super) fn new(parts: Parts, taken: Taken, way: Way, repeat: bool) -> Self {
        let again = match &taken.body {
            Intake::Held(bytes) if repeat || way.origin.is_some() => Some(bytes.clone()),
            _ => None,
        };
        Self { parts, body: Some(taken.into_body()), again, way }
    }

    /// Makes it one to another vendor.
    pub(super) fn turn(&mut self, uri: Uri, body: Bytes, format: Format) {
        headers::for_a_stand_in(&mut self.parts.headers, format);
        self.parts.uri = uri;
        (self.body, self.again) = (None, Some(body));
    }

    /// Headers and body of the next try. Where there is only one, nothing is copied.
    fn next(&mut self) -> (HeaderMap, UpstreamBody) {
        match (self.body.take(), &self.again) {
            (Some(body), None) => (std::mem::take(&mut self.parts.headers), body),
            (Some(body), Some(_)) => (self.parts.headers.clone(), body),
            (None, again) => {
                (self.parts.headers.clone(), UpstreamBody::held(again.clone().unwrap_or_default()))
            }
        }
    }
}

/// A vendor's answer that is only passed on if no other key does better.
struct Spare {
    answer: Response<VendorBody>,
    key: KeyId,
}

/// How a try ended.
enum Tried {
    Answer(Response<VendorBody>),
    Nothing(NoAnswer),
}

impl Tried {
    /// Whether the vendor may have done what it was asked for. An answer twice costs twice and is no harm; a batch or
    /// a file twice is.
    fn may_have_acted(&self) -> bool {
        match self {
            Self::Answer(answer) => answer.status().is_server_error(),
            Self::Nothing(why) => why.consumed,
        }
    }

    /// Whether a vendor may have worked on it without ever saying so.
    fn is_lost(&self) -> bool {
        matches!(self, Self::Nothing(why) if why.consumed)
    }

    /// Whether it is not what was asked for.
    fn is_error(&self) -> bool {
        match self {
            Self::Answer(answer) => !answer.status().is_success(),
            Self::Nothing(_) => true,
        }
    }
}

impl Inner {
    /// Sends a request whose intent is recorded, and answers it.
    pub(super) async fn carry(
        &self,
        mut admitted: Box<Admitted>,
        mut message: Message,
        deadline: Instant,
    ) -> Result<Response<ProxyBody>, Refused> {
        let mut first = None;
        let end = loop {
            let (end, failed) = self.tries(&mut admitted, &mut message, deadline).await;
            let no_answer = failed || (admitted.is_away() && end.is_error());
            if !no_answer {
                break end;
            }
            let (here, away, consumed) = (admitted.standing(), admitted.is_away(), end.is_lost());
            if self.detour(&mut admitted, &mut message, deadline, consumed) {
                if !away {
                    first = Some(Box::new((end, here)));
                }
                continue;
            }
            if !away {
                break end;
            }
            let Some((mut end, there)) = first.map(|first| *first) else {
                admitted.go_back(None, consumed);
                let asked = admitted.detours.asked.id;
                let refusal = admitted.detours.refusal().unwrap_or_else(|| Refusal::no_key(asked));
                return Err(admitted.refuse(refusal));
            };
            if let Tried::Nothing(why) = &mut end {
                // It was counted when the request went on.
                why.consumed = false;
            }
            admitted.go_back(Some(there), consumed);
            break end;
        };
        match end {
            Tried::Answer(answer) => Ok(self.pass_on(admitted, answer, message.way.injected, deadline)),
            Tried::Nothing(why) => {
                let (format, rates) = (admitted.route.format, admitted.rates);
                admitted.flight.refuse(&why.refusal, why.consumed);
                Err((Refusal { rates: Some(Box::new(rates)), ..why.refusal }, format))
            }
        }
    }

    /// The tries with one vendor's keys: what they led to, and whether it failed in a way that another key may not.
    async fn tries(
        &self,
        admitted: &mut Admitted,
        message: &mut Message,
        deadline: Instant,
    ) -> (Tried, bool) {
        let (mut tried, mut spare) = (Vec::new(), None);
        loop {
            let (headers, body) = message.next();
            let request = admitted.request(message.parts.method.clone(), headers, body);
            let (end, failed) = match request {
                Ok(request) => self.attempt(admitted, request, deadline).await,
                Err(refusal) => (Tried::Nothing(NoAnswer { refusal, consumed: false }), false),
            };
            let repeatable =
                admitted.generative || message.parts.method.is_idempotent() || !end.may_have_acted();
            let next = match failed && repeatable && message.again.is_some() {
                true => self.next(admitted, &mut tried, deadline),
                false => None,
            };
            let before = admitted.key.id;
            let again = next.is_some_and(|pick| admitted.switch(pick, &message.parts.uri, end.is_lost()));
            if !again {
                return match (end, spare) {
                    (Tried::Nothing(why), Some(Spare { answer, key })) => {
                        admitted.flight.lost_last(why.consumed);
                        admitted.flight.used(key);
                        (Tried::Answer(answer), failed)
                    }
                    (end, _) => (end, failed),
                };
            }
            telemetry::tried_again(admitted.vendor.id);
            if let Tried::Answer(answer) = end {
                spare = Some(Spare { answer, key: before });
            }
        }
    }

    /// The client's answer. What is abandoned from here on is the business of the key that answered.
    fn pass_on(
        &self,
        admitted: Box<Admitted>,
        answer: Response<VendorBody>,
        injected: bool,
        deadline: Instant,
    ) -> Response<ProxyBody> {
        let keep = (admitted.key.on_disconnect == OnDisconnect::Drain).then(|| self.cut.clone());
        admitted.answer(answer, injected, (self.config.timeouts, deadline), keep)
    }

    /// One try; whether it failed in a way that another key may not.
    async fn attempt(
        &self,
        admitted: &mut Admitted,
        request: http::Request<UpstreamBody>,
        deadline: Instant,
    ) -> (Tried, bool) {
        let first_byte = self.config.timeouts.first_byte.min(deadline - Instant::now());
        let limits = (self.config.max_body, admitted.vendor.id);
        match forward::send(&self.client, request, first_byte, limits).await {
            Ok(answer) => {
                let mut answer = answer.map(VendorBody::new);
                let failed = self.heard(admitted, &mut answer).await;
                (Tried::Answer(answer), failed)
            }
            Err(why) => {
                let failed = self.heard_nothing(admitted, &why);
                (Tried::Nothing(why), failed)
            }
        }
    }

    /// The key for one more try: as the directory is now, none that was tried, none of another format.
    fn next(&self, admitted: &Admitted, tried: &mut Vec<KeyId>, deadline: Instant) -> Option<Pick> {
        tried.push(admitted.key.id);
        let left = usize::try_from(self.config.max_tries).is_ok_and(|most| tried.len() < most);
        if !left || Instant::now() >= deadline {
            return None;
        }
        let directory = self.directory.load();
        let group = directory.keys(admitted.caller.tenant_id, admitted.vendor)?;
        let now = self.recorder.clock.now();
        let fit =
            |key: &crate::directory::Key| key.api_type == admitted.key.api_type && !tried.contains(&key.id);
        group.choose_among(&admitted.caller.tags, now, self.config.cooldowns.probation, &fit)
    }

    /// Whether there may be a second try at all.
    pub(super) fn may_repeat(&self, admitted: &Admitted) -> bool {
        let directory = self.directory.load();
        let group = directory.keys(admitted.caller.tenant_id, admitted.vendor);
        self.config.max_tries > 1 && group.is_some_and(|group| group.keys().len() > 1)
    }
}
