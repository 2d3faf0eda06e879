//! The browser of saved runs and the comparison of two: state, messages, effects. Pure, like the rest of `app`.

pub mod action;
pub mod comparison;
pub mod entry;
pub mod message;
pub mod sort;
pub mod state;
pub mod trend;
pub mod update;
