//! What tokens cost: as an administrator says, else by the price list of the crate `genai-prices`.
//!
//! Money is whole micro-dollars, rounded up: a request that costs anything never counts as free, and many small
//! ones never add up to less than they cost. What neither knows has no price, which is not zero.

mod book;
mod units;

pub(crate) use book::Book;

use crate::vendors::{self, Vendor};
use clawplane_domain::{
    Timestamp,
    usage::{Tokens, UsageRecorded},
    values::ModelId,
};
use genai_prices::{Calculator, PriceRequest};
use std::sync::Arc;

/// Name and version of the price list, as usage events carry it.
pub(crate) const VERSION: &str = "genai-prices 0.2.1";

/// The price list.
#[derive(Clone, Copy)]
pub(crate) struct PriceList(&'static Calculator);

impl PriceList {
    /// Decodes the list, which takes tens of milliseconds: for the start.
    pub(crate) fn load() -> Self {
        Self(Calculator::bundled())
    }

    /// Micro-dollars for `tokens` of `model` at that time; `None` when the list does not know.
    ///
    /// `tier` is the service tier as the answer names it.
    pub(crate) fn cost(
        self,
        vendor: &Vendor,
        model: &str,
        tier: Option<&str>,
        tokens: &Tokens,
        at: Timestamp,
    ) -> Option<u64> {
        let usage = units::of(tokens);
        let mut request =
            PriceRequest::new(model, &usage).with_provider_id(vendor.prices?).with_timestamp(at);
        if let Some(tier) = tier {
            request = request.with_price_context("service_tier", tier);
        }
        micros(self.0.calculate(&request).ok()?.total_price)
    }
}

/// What is known of prices at a moment: what administrators said, and the price list for the rest.
#[derive(Clone)]
pub(crate) struct Prices {
    list: PriceList,
    book: Arc<Book>,
}

impl Prices {
    pub(crate) fn new(list: PriceList, book: Arc<Book>) -> Self {
        Self { list, book }
    }

    /// Micro-dollars for an estimate of a request that asks for `model`.
    pub(crate) fn estimate(
        &self,
        vendor: &Vendor,
        model: &str,
        tokens: &Tokens,
        at: Timestamp,
    ) -> Option<u64> {
        match self.book.find(vendor.id, std::iter::once(model), at) {
            Some(charge) => charge.rates.cost(tokens),
            None => self.list.cost(vendor, model, None, tokens, at),
        }
    }

    /// Puts the price on a record: that of the model it names, else that of the one that was asked for. What an
    /// administrator said of either comes first; where that does not suffice, nobody else is asked.
    pub(crate) fn put(&self, record: &mut UsageRecorded, tier: Option<&str>, asked: Option<&str>) {
        let Some(vendor) = vendors::find(record.vendor.as_str()) else { return };
        let named = record.model.as_ref().map(ModelId::as_str);
        let mut models = named.into_iter().chain(asked.filter(|asked| Some(*asked) != named));
        let (cost, version) = match self.book.find(vendor.id, models.clone(), record.at) {
            Some(charge) => (charge.rates.cost(&record.tokens), charge.version.as_str()),
            None => {
                let cost =
                    models.find_map(|model| self.list.cost(vendor, model, tier, &record.tokens, record.at));
                (cost, VERSION)
            }
        };
        record.cost_micros = cost;
        record.price_version = cost.map(|_| version.to_owned());
    }
}

/// Dollars in micro-dollars, rounded up but for the noise of binary fractions.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
fn micros(dollars: f64) -> Option<u64> {
    let micros = (dollars * 1e6 - 1e-6).ceil();
    (micros < 9e15).then_some(micros.max(0.0) as u64)
}

#[cfg(test)]
mod tests;
