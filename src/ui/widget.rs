//! Reusable drawings.

pub mod bar;
pub mod braille;
pub mod find;
pub mod histogram;
pub mod markdown;
pub mod resample;
pub mod scale;
pub mod spark;
pub mod wrap;
