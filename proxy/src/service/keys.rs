//! What keys have to do with a request: the answer when all are down, and what each answer says about its key.

use super::{Inner, admit::Admitted};
use crate::{
    choose::KeyGroup,
    forward::NoAnswer,
    health::{Fault, Standing},
    refusal::Refusal,
    vendor_body::VendorBody,
    vendors::Vendor,
    verdict::{self, Verdict},
};
use clawplane_domain::{Timestamp, provider_key::CoolCode};
use http::Response;
use std::fmt::Write;

/// Most keys that the answer names.
const NAMED: usize = 5;

/// Says which keys are down and until when.
pub(super) fn all_down(vendor: &Vendor, group: &KeyGroup, now: Timestamp) -> Refusal {
    let (mut text, mut soonest) = (String::new(), None::<u64>);
    let mut passing = |seconds: u64| soonest = Some(soonest.map_or(seconds, |least| least.min(seconds)));
    for (count, key) in group.keys().iter().enumerate() {
        let state = match key.health.standing(now) {
            Standing::Cooling(cooling) => {
                let left = (cooling.until - now).to_std().unwrap_or_default();
                passing(left.as_secs() + u64::from(left.subsec_nanos() > 0));
                let until = cooling.until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
                format!("cools down until {until} ({})", cooling.code.as_str())
            }
            // It was tried, or came free, between the choice and this look.
            Standing::Probing | Standing::Free => {
                passing(1);
                "is being tried again".to_owned()
            }
            Standing::Disabled => "is disabled".to_owned(),
        };
        if count < NAMED {
            let comma = if count == 0 { "" } else { ", " };
            // Writing to a text does not fail.
            let _ = write!(text, "{comma}`{}` ({}) {state}", key.label, key.id);
        }
    }
    let more = group.keys().len().saturating_sub(NAMED);
    if more > 0 {
        let _ = write!(text, ", and {more} more");
    }
    Refusal::no_healthy_key(vendor.id, &text, soonest)
}

impl Inner {
    /// Takes in what an answer says about its key; true when another key may do better.
    pub(super) async fn heard(&self, admitted: &mut Admitted, answer: &mut Response<VendorBody>) -> bool {
        let status = answer.status();
        let body = match verdict::needs_body(status) {
            true => answer.body_mut().look().await,
            false => Vec::new(),
        };
        match verdict::judge(status, answer.headers(), &body, self.recorder.clock.now()) {
            Verdict::Good => {
                self.works(admitted);
                false
            }
            Verdict::Bad(fault) => {
                self.fails(admitted, &fault);
                true
            }
        }
    }

    /// Takes in that there was no answer; true when another key may do better.
    pub(super) fn heard_nothing(&self, admitted: &mut Admitted, why: &NoAnswer) -> bool {
        let code = match why.refusal.code {
            "upstream_connect_timeout" | "upstream_first_byte_timeout" => CoolCode::UpstreamTimeout,
            "upstream_unreachable" | "upstream_failed" => CoolCode::UpstreamUnreachable,
            // The client's body, or an address that may not be used: nothing that passes.
            _ => return false,
        };
        self.fails(admitted, &Fault::Passing { code, status: None, after: None });
        true
    }

    fn works(&self, admitted: &mut Admitted) {
        let probe = admitted.probe.take();
        if probe.is_some() {
            let (key, tell) = (&admitted.key, self.teller(admitted));
            key.health.succeeded(probe, tell);
        }
    }

    fn fails(&self, admitted: &mut Admitted, fault: &Fault) {
        let probe = admitted.probe.take();
        let (key, tell) = (&admitted.key, self.teller(admitted));
        key.health.failed(fault, probe, self.recorder.clock.now(), &self.config.cooldowns, tell);
    }

    fn teller<'a>(&'a self, admitted: &'a Admitted) -> impl FnOnce(crate::ports::KeyNews) + 'a {
        let (tenant, vendor) = (admitted.caller.tenant_id, admitted.vendor.id);
        move |news| self.desk.tell(tenant, vendor, &admitted.key, news, self.recorder.clock.now())
    }
}
