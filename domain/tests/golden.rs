//! The stored form of every event, for ever: one file an event and version in `golden/`.
//!
//! A file that exists is never rewritten: what was stored once has to be read by every later version. A new event,
//! or a new version of one, gets its file from `samples` with `CLAWPLANE_BLESS=1`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]
#![allow(unreachable_pub, reason = "nothing reaches into a test binary")]

mod samples;

use clawplane_domain::{
    DomainEvent,
    backup::BackupEvent,
    backup_schedule::ScheduleEvent,
    bot::BotEvent,
    host::HostEvent,
    price::PriceEvent,
    provider_key::KeyEvent,
    quota::QuotaEvent,
    quota_lease::LeaseEvent,
    session::SessionEvent,
    tenant::TenantEvent,
    upkeep::UpkeepEvent,
    usage::{USAGE_RECORDED, USAGE_VERSION, UsageRecorded},
    user::UserEvent,
};
use pretty_assertions::assert_eq;
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::PathBuf};

/// An event that was read from its stored form.
struct Read {
    event_type: String,
    event_version: String,
    again: Value,
}

/// All events of one stream type.
struct Stream {
    names: &'static [&'static str],
    read: fn(Value) -> serde_json::Result<Read>,
}

fn read<E: DomainEvent>(stored: Value) -> serde_json::Result<Read> {
    let event: E = serde_json::from_value(stored)?;
    let again = serde_json::to_value(&event)?;
    Ok(Read { event_type: event.event_type(), event_version: event.event_version(), again })
}

fn read_usage(stored: Value) -> serde_json::Result<Read> {
    let again = serde_json::to_value(serde_json::from_value::<UsageRecorded>(stored)?)?;
    Ok(Read { event_type: USAGE_RECORDED.into(), event_version: USAGE_VERSION.into(), again })
}

const STREAMS: &[Stream] = &[
    Stream { names: BackupEvent::NAMES, read: read::<BackupEvent> },
    Stream { names: ScheduleEvent::NAMES, read: read::<ScheduleEvent> },
    Stream { names: BotEvent::NAMES, read: read::<BotEvent> },
    Stream { names: HostEvent::NAMES, read: read::<HostEvent> },
    Stream { names: KeyEvent::NAMES, read: read::<KeyEvent> },
    Stream { names: PriceEvent::NAMES, read: read::<PriceEvent> },
    Stream { names: QuotaEvent::NAMES, read: read::<QuotaEvent> },
    Stream { names: LeaseEvent::NAMES, read: read::<LeaseEvent> },
    Stream { names: SessionEvent::NAMES, read: read::<SessionEvent> },
    Stream { names: TenantEvent::NAMES, read: read::<TenantEvent> },
    Stream { names: UpkeepEvent::NAMES, read: read::<UpkeepEvent> },
    Stream { names: UserEvent::NAMES, read: read::<UserEvent> },
    Stream { names: &[USAGE_RECORDED], read: read_usage },
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// File names (`<event>.v<version>[.<variant>].json`) with what they hold.
fn golden() -> BTreeMap<String, Value> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap());
    let parse = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, json)
    };
    files.map(parse).collect()
}

/// `bot.created.v1.json` holds `bot.created` in version `1`.
fn event_and_version(file: &str) -> (&str, &str) {
    // Names may have a part that begins with v, too: a version is a number.
    let stem = file.strip_suffix(".json").unwrap_or(file);
    let numbered = |(at, _): &(usize, &str)| stem[at + 2..].starts_with(|c: char| c.is_ascii_digit());
    let parts = stem.match_indices(".v").find(numbered).map(|(at, _)| (&stem[..at], &stem[at + 2..]));
    let (event, rest) = parts.unwrap_or_else(|| panic!("{file} is not named <event>.v<version>.json"));
    (event, rest.split('.').next().unwrap())
}

#[test]
fn every_sample_has_its_golden_file() {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test may be told to write; there is no configuration here"
    )]
    let bless = std::env::var_os("CLAWPLANE_BLESS").is_some();
    let golden = golden();
    for (file, sample) in samples::all() {
        match golden.get(&file) {
            Some(stored) => assert_eq!(*stored, sample, "{file}: a changed form needs a new version"),
            None if bless => {
                let text = serde_json::to_string_pretty(&sample).unwrap() + "\n";
                fs::write(folder().join(&file), text).unwrap();
            }
            None => panic!("{file} is missing: run this test with CLAWPLANE_BLESS=1 and commit the file"),
        }
    }
}

#[test]
fn every_event_has_a_sample() {
    let samples: Vec<_> = samples::all().into_keys().collect();
    for name in STREAMS.iter().flat_map(|stream| stream.names) {
        let found = samples.iter().any(|file| event_and_version(file).0 == *name);
        assert!(found, "{name} has no sample in tests/samples: add one, for its golden file");
    }
}

#[test]
fn every_golden_file_is_read_and_comes_out_as_it_was() {
    for (file, stored) in golden() {
        let (name, version) = event_and_version(&file);
        let stream = STREAMS.iter().find(|stream| stream.names.contains(&name));
        let stream =
            stream.unwrap_or_else(|| panic!("{file} is of no event: was {name} renamed or removed?"));
        let read = (stream.read)(stored.clone()).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!((read.event_type.as_str(), read.event_version.as_str()), (name, version), "{file}");
        assert_eq!(read.again, stored, "{file}");
        // Usage has one event a stream; all others carry their name.
        let tag = stored.get("type").and_then(Value::as_str);
        assert_eq!(tag, (name != USAGE_RECORDED).then_some(name), "{file}");
    }
}

/// Nobody adds an aggregate and forgets it above.
#[test]
fn every_kind_of_event_is_looked_at() {
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut kinds = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                kinds += fs::read_to_string(entry).unwrap().matches("aggregate::impl_event!(").count();
            }
        }
    }
    assert_eq!(kinds + 1, STREAMS.len(), "the events of the source, and usage");
}
