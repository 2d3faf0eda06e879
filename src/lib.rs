//! An oscilloscope for LLM tokens.

pub mod app;
pub mod domain;
pub mod ui;
