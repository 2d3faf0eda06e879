//! Floor 1: a run as text. Pure.

mod attempt_columns;
pub mod bottleneck;
pub mod cache_counts;
pub mod case;
pub mod chart;
pub mod check_failures;
pub mod compare;
pub mod comparison_exporters;
pub mod conclusion;
mod content_events;
pub mod conversation_counts;
pub mod cost;
pub mod course;
mod csv;
pub mod depth_rows;
mod epoch;
pub mod exporters;
pub mod fingerprint;
pub mod gate;
pub mod gate_result;
pub mod github;
pub mod gpu;
pub mod host;
mod html;
pub mod import;
pub mod journal;
mod json;
mod junit;
pub mod lengths;
pub mod level;
mod markdown;
pub mod model;
pub mod models;
#[cfg(any(test, fuzzing))]
pub mod oracle;
mod output_tokens;
mod parquet;
mod plots;
pub mod run_figures;
pub mod run_totals;
pub mod runs_table;
pub mod server_figures;
pub mod shards;
pub mod spread;
pub mod style;
pub mod summary;
mod svg;
pub mod sweep_table;
pub mod text_table;
pub mod turns;
pub mod workload_words;

#[cfg(test)]
pub(crate) mod fixture;
