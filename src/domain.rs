//! Floor 0: what a benchmark is. Pure: no clock, no async, no I/O.

pub mod address;
pub mod attempt;
pub mod calibration;
pub mod diagnosis;
pub mod difference;
pub mod finding;
pub mod gpu;
pub mod gpu_history;
pub mod interval;
pub mod live;
pub mod metrics;
pub mod open_loop;
pub mod prefix_cache;
pub mod random;
pub mod series;
pub mod server_clock;
pub mod server_timings;
pub mod session;
pub mod slo;
pub mod statistics;
pub mod suite;
pub mod sweep;
pub mod tally;
pub mod text;
pub mod time;
pub mod token_count;
