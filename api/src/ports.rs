//! The traits through which the API asks parts of the platform that it does not know; `cli` hands the implementations in.

pub mod space;
