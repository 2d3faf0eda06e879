//! Floor 1: a run as text. Pure.

pub mod model;
pub mod summary;
