//! Reusable drawings.

pub mod markdown;
