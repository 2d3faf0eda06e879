//! Floor 1: the program's state and how messages change it. Pure: messages in, effects out.
//!
//! Imports go one way: `update` → `message` → `state` → `action` → `pane`. The browser of saved runs has a model of its own.

pub mod action;
pub mod browser;
pub mod message;
pub mod pane;
pub mod state;
pub mod update;
