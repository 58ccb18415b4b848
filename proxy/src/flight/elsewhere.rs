//! A request that goes to several vendors: whose it is now, and what the ones before may want to be paid for.

use super::Flight;
use crate::{price, vendors};
use clawplane_domain::{KeyId, usage::Tokens};

/// What vendors that did not answer may have worked on without ever saying so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Elsewhere {
    /// Input, in tokens.
    tokens: u64,
    /// At their prices; `None` when one of these is not known.
    cost_micros: Option<u64>,
}

impl Default for Elsewhere {
    fn default() -> Self {
        Self { tokens: 0, cost_micros: Some(0) }
    }
}

impl Flight {
    /// This vendor is asked, or has answered, in the place of the one before.
    pub(crate) fn at(&mut self, vendor: &'static str, key: Option<KeyId>, model: Option<String>) {
        self.leave();
        self.vendor = vendor;
        if let Ok(vendor) = vendor.parse() {
            self.record.vendor = vendor;
        }
        self.record.key_id = key;
        self.record.model = model.as_deref().and_then(|model| model.parse().ok());
        self.asked_model = model;
    }

    /// What was lost with a vendor is priced as that vendor's.
    fn leave(&mut self) {
        let lost = std::mem::take(&mut self.lost);
        if lost == 0 {
            return;
        }
        let (prices, at) = (self.recorder.prices, self.record.at);
        let tokens = Tokens { input_tokens: lost, ..Tokens::default() };
        let vendor = vendors::find(self.vendor).zip(self.asked_model.as_deref());
        let cost = vendor.and_then(|(vendor, model)| prices.cost(vendor, model, None, &tokens, at));
        self.elsewhere.tokens = self.elsewhere.tokens.saturating_add(lost);
        let sum = self.elsewhere.cost_micros.zip(cost);
        self.elsewhere.cost_micros = sum.map(|(before, cost)| before.saturating_add(cost));
    }

    /// What it will rather cost, now that another vendor is asked.
    pub(crate) fn expect_cost(&mut self, cost_micros: u64) {
        let now = self.recorder.clock.now();
        if let Some(reservation) = &mut self.reservation {
            reservation.raise(now, cost_micros);
        }
    }

    /// Adds what other vendors may want to be paid for.
    pub(super) fn add_elsewhere(&mut self) {
        let (record, Elsewhere { tokens, cost_micros }) = (&mut self.record, self.elsewhere);
        if tokens == 0 {
            return;
        }
        record.tokens.input_tokens = record.tokens.input_tokens.saturating_add(tokens);
        record.estimated = true;
        let sum = record.cost_micros.zip(cost_micros);
        record.cost_micros = sum.map(|(here, there)| here.saturating_add(there));
        record.price_version = record.cost_micros.map(|_| price::VERSION.to_owned());
    }
}
