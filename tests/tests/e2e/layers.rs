//! The layout of `docs/ARCHITECTURE.md`, asserted: dependencies point inwards and never back, and what only one
//! layer may know stays in it.

use cargo_metadata::{DependencyKind, MetadataCommand};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Who may depend on whom. A new line here comes with a line in `docs/ARCHITECTURE.md`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("eventstore", &["domain"]),
    ("projections", &["domain", "eventstore"]),
    ("proxy", &["domain", "eventstore"]),
    ("workers", &["domain", "eventstore"]),
    ("api", &["domain", "eventstore", "projections"]),
    ("cli", &["domain", "eventstore", "projections", "proxy", "workers", "api"]),
    ("tests", &["domain", "eventstore", "projections", "proxy", "workers", "api", "cli"]),
];

/// Crates from outside that only some of ours may know.
const CONFINED: &[(&str, &[&str])] = &[
    ("bollard", &["workers"]),
    ("async-nats", &["workers", "cli"]),
    ("sqlx", &["eventstore", "projections", "cli", "tests"]),
    ("axum", &["api", "cli", "tests"]),
    ("hyper-rustls", &["proxy", "workers", "cli"]),
];

/// Texts in source files that only some crates may hold.
const CONFINED_TEXT: &[(&str, &[&str])] = &[
    ("std::env::", &["cli", "tests"]),
    ("sqlx::query", &["eventstore", "projections", "tests"]),
    ("bollard::", &["workers"]),
    ("FROM events", &["eventstore"]),
    ("INTO events", &["eventstore"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Each crate of ours with the names of what it depends on, for building (not for its tests).
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().current_dir(root()).no_deps().exec().expect("cargo metadata");
    let crates = metadata.packages.iter().map(|package| {
        let normal =
            package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        (package.name.to_string(), normal.map(|dependency| dependency.name.clone()).collect())
    });
    crates.collect()
}

#[test]
fn dependencies_between_our_crates_point_inwards() {
    let found = dependencies();
    assert_eq!(found.len(), ALLOWED.len(), "a crate without a row in ALLOWED: {:?}", found.keys());
    for (name, allowed) in ALLOWED {
        let ours: BTreeSet<&str> =
            found[&format!("clawplane-{name}")].iter().filter_map(|d| d.strip_prefix("clawplane-")).collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        let back: Vec<_> = ours.difference(&allowed).collect();
        assert!(back.is_empty(), "`{name}` must not depend on {back:?}");
    }
}

#[test]
fn what_one_layer_knows_stays_in_it() {
    for (name, dependencies) in dependencies() {
        let name = name.trim_start_matches("clawplane-").to_owned();
        for (outside, allowed) in CONFINED {
            let known = dependencies.contains(*outside);
            assert!(!known || allowed.contains(&name.as_str()), "`{name}` must not know `{outside}`");
        }
    }
}

#[test]
fn sql_environment_and_engine_are_named_only_where_they_belong() {
    for (name, _) in ALLOWED {
        for file in sources(&root().join(name).join("src")) {
            let text = fs::read_to_string(&file).expect("a source file");
            for (needle, allowed) in CONFINED_TEXT {
                let found =
                    text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(needle));
                assert!(!found || allowed.contains(name), "{} must not hold `{needle}`", file.display());
            }
        }
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        match path.extension() {
            _ if path.is_dir() => found.extend(sources(&path)),
            // A crate's own tests may look at what its code may not.
            Some(end) if end == "rs" && !path.ends_with("tests.rs") => found.push(path),
            _ => {}
        }
    }
    found
}
