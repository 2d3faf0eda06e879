//! Floor 1: the OpenAI wire as bytes and text. Pure.

pub mod chunk;
pub mod endpoint;
pub mod failure;
pub mod framing;
pub mod request;
pub mod timings;
