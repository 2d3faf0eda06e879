//! Reusable drawings.
