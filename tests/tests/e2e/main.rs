//! End-to-end tests: the real binary on real parts. One binary, so that it is linked once.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a panic is how a test fails"
)]
#![allow(
    missing_docs,
    clippy::too_many_lines,
    clippy::cast_possible_truncation,
    clippy::large_futures,
    clippy::similar_names,
    clippy::format_collect,
    reason = "tests tell a story each"
)]
mod backups;
mod chaos;
mod configs;
mod crash;
mod durability;
mod fallbacks;
mod hostile;
mod ingress;
mod keys;
mod layers;
mod life;
mod life_images;
mod observing;
mod openclaw;
mod openclaw_quota;
mod operating;
mod prices;
mod proxy;
mod quotas;
mod sdk;
mod secrets;
mod tenants;
mod tokens;
mod tour;
