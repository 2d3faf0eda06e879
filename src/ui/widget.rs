//! Reusable drawing code: bars, charts, wrapped text and Markdown. No widget depends on a pane.

pub mod bar;
pub mod braille;
pub mod chart;
pub mod find;
pub mod histogram;
pub mod markdown;
pub mod resample;
pub mod scale;
pub mod spark;
pub mod wrap;
