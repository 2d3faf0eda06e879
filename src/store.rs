//! Floor 2: the disk.

pub mod file;
