//! An oscilloscope for LLM tokens.

pub mod app;
pub mod domain;
pub mod engine;
pub mod protocol;
pub mod ui;
