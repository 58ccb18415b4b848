//! The metrics of one projection.

use crate::{ProjectionStatus, batch::Applied, views::View};
use metrics::{Counter, Gauge, counter, gauge};

/// Handles, so that no batch looks up a name.
pub(super) struct Gauges {
    position: Gauge,
    lag_events: Gauge,
    lag_seconds: Gauge,
    parked: Gauge,
    standing: Gauge,
    batches: Counter,
    events: Counter,
}

impl Gauges {
    pub(super) fn of(view: View) -> Self {
        let name = view.name();
        Self {
            position: gauge!("clawplane_projection_position", "projection" => name),
            lag_events: gauge!("clawplane_projection_lag_events", "projection" => name),
            lag_seconds: gauge!("clawplane_projection_lag_seconds", "projection" => name),
            parked: gauge!("clawplane_projection_parked_events", "projection" => name),
            standing: gauge!("clawplane_projection_stopped", "projection" => name),
            batches: counter!("clawplane_projection_batches_total", "projection" => name),
            events: counter!("clawplane_projection_events_total", "projection" => name),
        }
    }

    /// After a batch.
    pub(super) fn batch(&self, applied: &Applied) {
        self.position.set(rounded(applied.position.global));
        self.batches.increment(1);
        self.events.increment(applied.events);
    }

    /// From time to time.
    pub(super) fn status(&self, status: &ProjectionStatus) {
        self.position.set(rounded(status.position.global));
        self.lag_events.set(rounded(status.lag_events));
        self.lag_seconds.set(status.lag_seconds);
        self.parked.set(rounded(i64::try_from(status.parked).unwrap_or(i64::MAX)));
    }

    /// 1 while the projection cannot go on.
    pub(super) fn standing(&self, standing: bool) {
        self.standing.set(if standing { 1.0 } else { 0.0 });
    }
}

#[expect(clippy::cast_precision_loss, reason = "gauges are f64, and exact up to 2^53")]
fn rounded(number: i64) -> f64 {
    number as f64
}
