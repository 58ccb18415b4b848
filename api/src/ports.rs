//! What the API asks of crates that it does not know, by theme; `cli` implements it.

pub mod machines;
pub mod space;
