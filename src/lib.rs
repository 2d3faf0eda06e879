//! An oscilloscope for LLM tokens.

pub mod domain;
