//! The prices that administrators say, as an immutable snapshot: which of them counts for a request.
//!
//! The model itself comes before a pattern, a long pattern before a short one; of several for the same, the latest
//! that has begun when the request arrives.

use clawplane_domain::{
    PriceId, Timestamp,
    price::{PriceRow, Rates, VersionedPrice},
    values::{ModelPattern, VendorId},
};
use imbl::HashMap;
use std::{cmp::Reverse, sync::Arc};

/// One price, ready to be charged.
#[derive(Debug)]
pub(crate) struct Charge {
    id: PriceId,
    valid_from: Option<Timestamp>,
    pub(crate) rates: Rates,
    /// As usage events carry it.
    pub(crate) version: String,
}

/// Those for the same model or pattern, the latest first, at the end the one that always counts.
type Dated = Vec<Arc<Charge>>;

/// The prices of a vendor.
#[derive(Clone, Debug, Default)]
struct Shelf {
    exact: HashMap<String, Dated>,
    /// By prefix, the longest first.
    prefixes: Vec<(String, Dated)>,
}

/// All of them. A clone shares everything that is not changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    places: HashMap<PriceId, (VendorId, ModelPattern)>,
    shelves: HashMap<String, Arc<Shelf>>,
}

impl Book {
    /// Takes a price in, instead of what it said before.
    pub(crate) fn set(&mut self, price: VersionedPrice) {
        self.remove(price.id);
        let version = price.version();
        let VersionedPrice { id, row: PriceRow { scope, rates }, .. } = price;
        let charge = Arc::new(Charge { id, valid_from: scope.valid_from, rates, version });
        let offers = Arc::make_mut(self.shelves.entry(scope.vendor.as_str().to_owned()).or_default());
        let dated = offers.dated(&scope.model);
        dated.push(charge);
        dated.sort_by_key(|charge| Reverse(charge.valid_from));
        self.places.insert(id, (scope.vendor, scope.model));
    }

    /// Takes a price out.
    pub(crate) fn remove(&mut self, id: PriceId) {
        let Some((vendor, model)) = self.places.remove(&id) else { return };
        if let Some(offers) = self.shelves.get_mut(vendor.as_str()) {
            let offers = Arc::make_mut(offers);
            offers.dated(&model).retain(|charge| charge.id != id);
            offers.tidy(&model);
        }
    }

    /// What counts for a request that arrived `at`, which is known by `models`: the best name first.
    pub(crate) fn find<'a>(
        &self,
        vendor: &str,
        models: impl Iterator<Item = &'a str> + Clone,
        at: Timestamp,
    ) -> Option<&Charge> {
        let offers = self.shelves.get(vendor)?;
        let exact = models.clone().find_map(|model| current(offers.exact.get(model)?, at));
        exact.or_else(|| {
            let mut models = models;
            models.find_map(|model| {
                let mut fitting = offers.prefixes.iter().filter(|(prefix, _)| model.starts_with(prefix));
                fitting.find_map(|(_, dated)| current(dated, at))
            })
        })
    }
}

fn current(dated: &Dated, at: Timestamp) -> Option<&Charge> {
    let begun = |charge: &&Arc<Charge>| charge.valid_from.is_none_or(|from| from <= at);
    dated.iter().find(begun).map(Arc::as_ref)
}

impl Shelf {
    /// Those of a model or pattern, made where there are none yet.
    fn dated(&mut self, model: &ModelPattern) -> &mut Dated {
        let Some(prefix) = model.prefix() else {
            return self.exact.entry(model.as_str().to_owned()).or_default();
        };
        let order = |(other, _): &(String, Dated)| (Reverse(other.len()), other.as_str().cmp(prefix));
        let place = (Reverse(prefix.len()), std::cmp::Ordering::Equal);
        let at = match self.prefixes.binary_search_by(|entry| order(entry).cmp(&place)) {
            Ok(at) => at,
            Err(at) => {
                self.prefixes.insert(at, (prefix.to_owned(), Dated::new()));
                at
            }
        };
        &mut self.prefixes[at].1
    }

    /// Forgets a model or pattern that has no price any more.
    fn tidy(&mut self, model: &ModelPattern) {
        match model.prefix() {
            Some(_) => self.prefixes.retain(|(_, dated)| !dated.is_empty()),
            None if self.exact.get(model.as_str()).is_some_and(Vec::is_empty) => {
                self.exact.remove(model.as_str());
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
