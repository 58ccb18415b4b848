//! A cron expression of five fields: minute, hour, day of month, month, day of week.
//!
//! Read by `croner`, which knows what the clocks' changes do to wall clock times.

use crate::{Invalid, TimeZone, Timestamp};
use chrono::{TimeDelta, Utc};
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

const LONGEST: usize = 100;
const WHAT: &str = "must be a cron expression of five fields, such as `30 3 * * *`";

/// A cron expression that was understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CronText(String);

impl CronText {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last time in this zone that is not after `now`, of a year.
    pub fn last_until(&self, zone: TimeZone, now: Timestamp) -> Option<Timestamp> {
        let local = now.with_timezone(&zone.tz());
        let last = parse(&self.0)?.find_previous_occurrence(&local, true).ok()?.with_timezone(&Utc);
        (now - last < TimeDelta::days(366)).then_some(last)
    }

    /// The first time in this zone that is after `now`.
    pub fn next_after(&self, zone: TimeZone, now: Timestamp) -> Option<Timestamp> {
        let local = now.with_timezone(&zone.tz());
        Some(parse(&self.0)?.find_next_occurrence(&local, false).ok()?.with_timezone(&Utc))
    }
}

fn parse(text: &str) -> Option<Cron> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(text).ok()
}

impl FromStr for CronText {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let fits = text.len() <= LONGEST && text.split(' ').count() == 5;
        let cron = Self(text);
        // 30 February never comes.
        let origin = Timestamp::UNIX_EPOCH;
        let comes = fits && cron.next_after(TimeZone::UTC, origin).is_some();
        if comes { Ok(cron) } else { Err(Invalid(WHAT.into())) }
    }
}

impl TryFrom<String> for CronText {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<CronText> for String {
    fn from(cron: CronText) -> Self {
        cron.0
    }
}

impl fmt::Display for CronText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
