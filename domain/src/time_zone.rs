//! A tenant's time zone, by its name in the IANA database, and the calendar days and months in it.
//!
//! The database is compiled in, so that every process knows the same days whatever its machine has.

use crate::{Invalid, Timestamp};
use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A time zone, such as `Europe/Berlin`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeZone(Tz);

/// A calendar unit that limits are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// From one midnight to the next.
    Day,
    /// From the midnight before the first to that of the next month.
    Month,
}

/// One day or month as a stretch of time, half open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first instant.
    pub starts_at: Timestamp,
    /// The instant after it.
    pub ends_at: Timestamp,
}

impl Window {
    /// Whether `at` lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.starts_at <= at && at < self.ends_at
    }
}

impl TimeZone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Tz::UTC);

    /// Its name in the IANA database.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    pub(crate) fn tz(self) -> Tz {
        self.0
    }

    /// The calendar day that `at` has here.
    pub fn date(&self, at: Timestamp) -> NaiveDate {
        at.with_timezone(&self.0).date_naive()
    }

    /// The day or month that `at` lies in. A day on which the clocks change has 23 or 25 hours, or what it takes.
    pub fn window(&self, period: Period, at: Timestamp) -> Window {
        let date = self.date(at);
        let (first, next) = match period {
            Period::Day => (date, date.checked_add_days(Days::new(1))),
            Period::Month => {
                let first = date.with_day(1).unwrap_or(date);
                (first, first.checked_add_months(Months::new(1)))
            }
        };
        Window { starts_at: self.midnight(first), ends_at: self.midnight(next.unwrap_or(NaiveDate::MAX)) }
    }

    /// The first instant of a day. Where the clocks jump over midnight it is the jump; where midnight comes twice, the
    /// first one; of a day that was left out (Samoa's 30 December 2011), the next one's.
    fn midnight(self, date: NaiveDate) -> Timestamp {
        let midnight = date.and_time(NaiveTime::MIN);
        // Gaps are whole quarters of an hour, and none is longer than a day.
        let quarters = (0..=100).filter_map(|n| midnight.checked_add_signed(TimeDelta::minutes(15 * n)));
        let found = quarters.into_iter().find_map(|local| self.0.from_local_datetime(&local).earliest());
        found.map_or_else(|| midnight.and_utc(), |local| local.with_timezone(&Utc))
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        Self::UTC
    }
}

impl FromStr for TimeZone {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let unknown = |_| Invalid("must be a time zone of the IANA database, such as `Europe/Berlin`".into());
        Tz::from_str(text).map(Self).map_err(unknown)
    }
}

impl TryFrom<String> for TimeZone {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<TimeZone> for String {
    fn from(zone: TimeZone) -> Self {
        zone.name().to_owned()
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimeZone({})", self.name())
    }
}

#[cfg(test)]
mod tests;
