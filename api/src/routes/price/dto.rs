//! What a price is made of, and what a client sees of it.

use super::rates::RatesDto;
use crate::{ApiState, fields::Fields, problem::Problem, routes::bot::usage::time};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use clawplane_domain::{
    price::{PriceRow, PriceScope},
    values::VendorId,
};
use clawplane_projections::PriceEntry;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What a model costs.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PriceRequest {
    /// The vendor.
    #[schema(example = "doubao")]
    vendor: String,
    /// The model as the vendor spells it, or the beginning of several followed by `*`. The model itself counts before
    /// a beginning, a long beginning before a short one.
    #[schema(example = "doubao-seed-1-6", max_length = 200)]
    model: String,
    /// Counts for requests that arrive from then on; always where it is absent. Of several for the same model the
    /// latest that has begun counts.
    #[schema(value_type = Option<DateTime<Utc>>, example = "2026-04-01T00:00:00Z")]
    valid_from: Option<String>,
    /// What it costs.
    rates: RatesDto,
}

impl PriceRequest {
    /// Checked, by the vendor table's rules too.
    pub(super) fn check(self, api: &ApiState) -> Result<PriceRow, Problem> {
        let mut fields = Fields::default();
        let vendor: Option<VendorId> = fields.parse("vendor", &self.vendor);
        let known = vendor.as_ref().is_none_or(|vendor| api.vendors.knows(vendor));
        fields.require("vendor", known, "must be a vendor of the vendor table");
        let model = fields.parse("model", &self.model);
        let valid_from = time(&mut fields, "validFrom", self.valid_from.as_deref());
        // To the precision of the database, so that a scope is the same everywhere.
        let valid_from = valid_from.map(|at| at.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(at));
        let rates = self.rates.into();
        let row = vendor.zip(model).map(|(vendor, model)| {
            let scope = PriceScope { vendor, model, valid_from };
            PriceRow { scope, rates }
        });
        fields.finish(row)
    }
}

/// What the platform says that a model costs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Price)]
pub(crate) struct PriceDto {
    /// Its id.
    id: Uuid,
    /// What usage that is charged by it carries as `priceVersion`. Every change makes another one.
    #[schema(example = "price/0197f3a2-7c1e-7d4a-9b52-3f0c8a61d2e4@1")]
    version: String,
    /// The vendor.
    #[schema(example = "doubao")]
    vendor: String,
    /// The model, or the beginning of several followed by `*`.
    #[schema(example = "doubao-seed-1-6")]
    model: String,
    /// Counts for requests that arrive from then on; always where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<DateTime<Utc>>,
    /// What it costs.
    rates: RatesDto,
    /// When it was said.
    set_at: DateTime<Utc>,
}

impl PriceDto {
    /// Where it is found.
    pub(super) fn location(&self) -> String {
        format!("/api/price/{}", self.id)
    }
}

impl From<PriceEntry> for PriceDto {
    fn from(entry: PriceEntry) -> Self {
        let version = entry.price.version();
        let PriceRow { scope, rates } = entry.price.row;
        Self {
            id: entry.price.id.0,
            version,
            vendor: scope.vendor.into(),
            model: scope.model.into(),
            valid_from: scope.valid_from,
            rates: rates.into(),
            set_at: entry.set_at,
        }
    }
}
