//! Marks beside figures. The glossary explains them.

pub use crate::domain::quantity::ESTIMATED;

/// Marks a TTFT whose prompt was in the server's prefix cache.
pub const WARM: &str = "w";
/// Marks a TTFT whose prompt may have been in the server's prefix cache.
pub const CACHE_UNKNOWN: &str = "?";

/// Replaces a difference that may be chance.
pub const SAME: &str = "≈";
