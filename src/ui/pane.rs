//! One file per pane.

pub mod cases;
pub mod footer;
pub mod gpu;
pub mod header;
pub mod latency;
pub mod preview;
pub mod throughput;
