//! Golden transcripts: what each vendor answers in each shape, with what has to be read of it, wherever it is cut.
//!
//! `proxy/tests/transcripts/<vendor>/<shape>.{txt,json}`, and beside it `<shape>.expected.json`.

use crate::{
    meter::{Meter, Reading},
    price::Prices,
    strip::Stripper,
    vendors,
};
use bytes::Bytes;
use clawplane_domain::usage::Tokens;
use proptest::prelude::*;
use serde::Deserialize;
use std::{fs, path::PathBuf, sync::LazyLock};

/// What is to be read of a transcript.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "what a reading says")]
struct Expected {
    path: String,
    content_type: String,
    stream: bool,
    tokens: Option<Tokens>,
    settled: bool,
    finished: bool,
    failed: bool,
    model: Option<String>,
    #[serde(default)]
    service_tier: Option<String>,
    #[serde(default)]
    text_bytes: Option<u64>,
    #[serde(default)]
    input_unknown: bool,
    /// The vendor ended its answer.
    #[serde(default = "yes")]
    complete: bool,
    /// The model that was asked for, where the answer names none.
    #[serde(default)]
    asked: Option<String>,
    /// Present where it is known, `null` where there is none.
    #[serde(default, deserialize_with = "some")]
    #[expect(clippy::option_option, reason = "absent and null are two things")]
    cost_micros: Option<Option<u64>>,
    /// It has a chunk of usage that a client which did not ask must not see.
    #[serde(default)]
    visible: bool,
}

fn yes() -> bool {
    true
}

#[expect(clippy::option_option, reason = "absent and null are two things")]
fn some<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

struct Transcript {
    name: String,
    vendor: &'static vendors::Vendor,
    bytes: Vec<u8>,
    expected: Expected,
}

static ALL: LazyLock<Vec<Transcript>> = LazyLock::new(|| {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut all = Vec::new();
    for folder in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        let id = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let vendor = vendors::find(&id).unwrap_or_else(|| panic!("{id} is no vendor"));
        for file in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = file.file_name().unwrap().to_str().unwrap();
            if name.ends_with(".expected.json") {
                continue;
            }
            let expected = fs::read(file.with_extension("expected.json")).unwrap();
            let expected = serde_json::from_slice(&expected).unwrap_or_else(|e| panic!("{id}/{name}: {e}"));
            let (name, bytes) = (format!("{id}/{name}"), fs::read(&file).unwrap());
            all.push(Transcript { name, vendor, bytes, expected });
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
});

impl Transcript {
    fn read<'a>(&self, pieces: impl IntoIterator<Item = &'a [u8]>) -> Reading {
        let Expected { path, content_type, stream, complete, .. } = &self.expected;
        let format = vendors::resolve(self.vendor, None, path).format;
        let mut meter = Meter::new(format, content_type, *stream);
        for piece in pieces {
            meter.push(&Bytes::copy_from_slice(piece));
        }
        meter.end(*complete).clone()
    }

    fn check(&self, reading: &Reading) {
        let (name, want) = (&self.name, &self.expected);
        assert_eq!(reading.tokens, want.tokens, "{name}");
        assert_eq!(
            (reading.settled, reading.finished, reading.failed, reading.input_unknown),
            (want.settled, want.finished, want.failed, want.input_unknown),
            "{name}: settled, finished, failed, input unknown"
        );
        assert_eq!(reading.model, want.model, "{name}");
        assert_eq!(reading.service_tier, want.service_tier, "{name}");
        if let Some(length) = want.text_bytes {
            assert_eq!(reading.text_bytes, length, "{name}");
        }
        if let Some(cost) = want.cost_micros {
            let model = want.asked.as_ref().or(want.model.as_ref()).unwrap();
            let at = "2026-09-01T00:00:00Z".parse().unwrap();
            let tokens = reading.tokens.unwrap();
            // A record without tokens is not priced.
            let price = |tokens: &Tokens| Prices::load().cost(self.vendor, model, None, tokens, at);
            let priced = if tokens == Tokens::default() { None } else { price(&tokens) };
            assert_eq!(priced, cost, "{name}: micro-dollars of {tokens:?}");
        }
    }
}

#[test]
fn every_vendor_has_a_transcript() {
    for vendor in vendors::table() {
        assert!(ALL.iter().any(|transcript| transcript.vendor.id == vendor.id), "{}", vendor.id);
    }
}

#[test]
fn every_transcript_is_read_right_and_wherever_it_is_cut() {
    for transcript in ALL.iter() {
        let bytes = &transcript.bytes;
        let whole = transcript.read([bytes.as_slice()]);
        transcript.check(&whole);
        for cut in 0..bytes.len() {
            let (a, b) = bytes.split_at(cut);
            assert_eq!(transcript.read([a, b]), whole, "{} cut at {cut}", transcript.name);
        }
        assert_eq!(transcript.read(bytes.chunks(1)), whole, "{} byte by byte", transcript.name);
    }
}

fn stripped<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut stripper = Stripper::default();
    let mut out = Vec::new();
    for piece in pieces {
        out.extend_from_slice(&stripper.push(Bytes::copy_from_slice(piece)));
    }
    out.extend_from_slice(&stripper.end());
    out
}

/// The transcript without its events of usage alone, found in another way than the stripper finds them.
fn without_usage(text: &str) -> String {
    let end = if text.contains("\r\n\r\n") { "\r\n\r\n" } else { "\n\n" };
    let is_usage = |event: &str| {
        let data = event.split('\n').find_map(|line| line.trim_end().strip_prefix("data:"));
        let json = data.and_then(|data| serde_json::from_str::<serde_json::Value>(data).ok());
        json.is_some_and(|json| {
            json["choices"].as_array().is_some_and(Vec::is_empty) && json["usage"].is_object()
        })
    };
    text.split_inclusive(end).filter(|event| !is_usage(event)).collect()
}

#[test]
fn a_client_that_did_not_ask_sees_all_but_the_usage_wherever_it_is_cut() {
    let mut seen = 0;
    for transcript in ALL.iter().filter(|it| it.expected.content_type == "text/event-stream") {
        let Transcript { name, bytes, expected, .. } = transcript;
        // No vendor writes these with a chunk of usage of its own.
        if ["cr-only", "two-data-lines", "blank-line"].iter().any(|odd| name.contains(odd)) {
            continue;
        }
        let wanted = without_usage(std::str::from_utf8(bytes).unwrap()).into_bytes();
        assert_eq!(wanted.len() < bytes.len(), expected.visible, "{name}");
        seen += usize::from(expected.visible);
        for cut in 0..bytes.len() {
            let (a, b) = bytes.split_at(cut);
            assert!(stripped([a, b]) == wanted, "{name} cut at {cut}");
        }
        assert!(stripped(bytes.chunks(1)) == wanted, "{name} byte by byte");
    }
    assert!(seen > 15, "{seen}");
}

proptest! {
    #[test]
    fn the_reading_of_a_transcript_does_not_depend_on_the_cuts(
        which in any::<prop::sample::Index>(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let transcript = which.get(&ALL);
        let bytes = transcript.bytes.as_slice();
        let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let pieces = || at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
        prop_assert_eq!(transcript.read(pieces()), transcript.read([bytes]), "{}", transcript.name);
        prop_assert_eq!(stripped(pieces()), stripped([bytes]), "{}", transcript.name);
    }
}
