//! Reusable drawings.

pub mod bar;
pub mod find;
pub mod histogram;
pub mod line_chart;
pub mod markdown;
pub mod resample;
pub mod spark;
pub mod wrap;
