//! Floor 2: the disk.

pub mod file;
pub mod state;
