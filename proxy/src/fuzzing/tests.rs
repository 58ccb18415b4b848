//! The seeds, and what fuzzing has found: each property holds for all of them.

use super::*;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What must hold of some bytes.
type Property = fn(&[u8]);

/// The targets by their names in `fuzz/`.
const TARGETS: [(&str, Property); 13] = [
    ("meter_sse", meter_sse),
    ("meter_ndjson", meter_ndjson),
    ("meter_array", meter_array),
    ("meter_whole", meter_whole),
    ("meter_sniffed", meter_sniffed),
    ("usage_chunk", usage_chunk),
    ("request", request),
    ("spool_segment", spool_segment),
    ("spool_record", spool_record),
    ("credentials", credentials),
    ("destination", destination),
    ("base_url", base_url),
    ("verdict", verdict),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn each_property_holds_for_the_seeds() {
    for (name, property) in TARGETS {
        let seeds = files(&root().join("fuzz/seeds").join(name));
        assert!(name.starts_with("meter_") || !seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            println!("{name}: {}", seed.display());
            property(&fs::read(&seed).unwrap());
        }
    }
}

#[test]
fn each_property_of_streams_holds_for_the_transcripts() {
    let transcripts = files(&root().join("proxy/tests/transcripts"));
    assert!(transcripts.len() > 100);
    for transcript in transcripts {
        let bytes = fs::read(&transcript).unwrap();
        for (name, property) in
            TARGETS.iter().filter(|(name, _)| name.starts_with("meter_") || *name == "usage_chunk")
        {
            println!("{name}: {}", transcript.display());
            property(&bytes);
        }
    }
}

#[test]
fn every_target_is_built() {
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        let source = fs::read_to_string(root().join(format!("fuzz/fuzz_targets/{name}.rs"))).unwrap();
        assert!(source.contains(&format!("fuzzing::{name}(data)")), "{name}");
    }
}
