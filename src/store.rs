//! Floor 2: the disk.

pub mod file;
pub mod input;
pub mod journal;
pub mod lock;
pub mod runs;
pub mod state;
