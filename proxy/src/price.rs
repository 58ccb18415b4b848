//! What tokens cost, by the price list of the crate `genai-prices`.
//!
//! Money is whole micro-dollars, rounded up: a request that costs anything never counts as free, and many small
//! ones never add up to less than they cost. What the list does not know has no price, which is not zero.

mod units;

use crate::vendors::{self, Vendor};
use clawplane_domain::{
    Timestamp,
    usage::{Tokens, UsageRecorded},
    values::ModelId,
};
use genai_prices::{Calculator, PriceRequest};

/// Name and version of the price list, as usage events carry it.
pub(crate) const VERSION: &str = "genai-prices 0.2.1";

/// The price list.
#[derive(Clone, Copy)]
pub(crate) struct Prices(&'static Calculator);

impl Prices {
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

impl Prices {
    /// Puts the price on a record: that of the model it names, else that of the one that was asked for.
    pub(crate) fn put(self, record: &mut UsageRecorded, tier: Option<&str>, asked: Option<&str>) {
        let Some(vendor) = vendors::find(record.vendor.as_str()) else { return };
        let named = record.model.as_ref().map(ModelId::as_str);
        let models = named.into_iter().chain(asked.filter(|asked| Some(*asked) != named));
        let cost =
            models.into_iter().find_map(|model| self.cost(vendor, model, tier, &record.tokens, record.at));
        record.cost_micros = cost;
        record.price_version = cost.map(|_| VERSION.to_owned());
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
