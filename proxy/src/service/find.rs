//! The asked vendor's key for a request, and where that leads.

use super::{
    Inner,
    admit::{aim, no_destination},
    keys,
};
use crate::{
    choose::Pick,
    directory::{Caller, Directory},
    refusal::Refusal,
    vendors::{Route, Vendor},
};
use clawplane_domain::Timestamp;
use http::Uri;

/// The vendor and the key that a request goes to, and where that is.
pub(super) struct Found {
    pub(super) vendor: &'static Vendor,
    pub(super) pick: Pick,
    pub(super) route: Route,
    pub(super) uri: Uri,
}

impl Inner {
    /// A key of the vendor that was asked, or why there is none; with it, whether another vendor may do better.
    pub(super) fn find(
        &self,
        directory: &Directory,
        caller: &Caller,
        vendor: &'static Vendor,
        (uri, now): (&Uri, Timestamp),
    ) -> Result<Found, (Refusal, bool)> {
        let Some(group) = directory.keys(caller.tenant_id, vendor) else {
            return Err((Refusal::no_key(vendor.id), true));
        };
        let pick = group.choose(&caller.tags, now, self.config.cooldowns.probation);
        let Some(pick) = pick else { return Err((keys::all_down(vendor, group, now), true)) };
        let (route, uri) = aim(vendor, &pick.key, uri).map_err(|why| (no_destination(why), false))?;
        Ok(Found { vendor, pick, route, uri })
    }
}
