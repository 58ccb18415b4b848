//! What must hold of each parser for any bytes at all, as functions of bytes: the targets in `fuzz/` call them, and so does
//! a test with the seeds. Not a part of the proxy as it is shipped.

#![allow(clippy::missing_panics_doc, reason = "a panic is how a broken promise is found")]

mod ask;
pub(crate) mod pieces;
mod place;
mod stream;
#[cfg(test)]
mod tests;

pub use crate::spool::fuzzing::{spool_record, spool_segment};
pub use ask::{credentials, request};
pub use place::{base_url, destination, verdict};
pub use stream::{meter_array, meter_ndjson, meter_sniffed, meter_sse, meter_whole, usage_chunk};
