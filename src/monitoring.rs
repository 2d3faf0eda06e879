//! Floor 2: publishes the figures of a run in progress to monitoring systems.
//!
//! The main thread passes on what it learned anyway. Nothing here runs on the thread that reads the streams.

pub mod otlp;
pub mod prometheus;
mod run_identity;

pub use self::run_identity::RunIdentity;
