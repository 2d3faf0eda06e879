//! Floor 1: requests, responses and metric pages as bytes and text. Pure: no I/O and no clock.

pub mod api;
pub mod chunk;
pub mod dcgm;
pub mod encoding;
pub mod endpoint;
pub mod failure;
pub mod framing;
pub mod items;
pub mod lines;
pub mod macmon;
pub mod media;
#[cfg(any(test, fuzzing))]
pub mod oracle;
pub mod output_length;
pub mod prometheus;
pub mod request;
pub mod server_metrics;
pub mod surrogates;
pub mod thinking;
pub mod timings;
pub mod url;
pub mod usage;
