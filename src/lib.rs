//! An oscilloscope for LLM tokens.

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod monitoring;
pub mod protocol;
pub mod report;
pub mod runtime;
pub mod sim;
pub mod store;
pub mod telemetry;
pub mod tokenizer;
pub mod ui;
pub mod workload;
