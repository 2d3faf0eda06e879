//! Floor 1: the program's state and how it changes. Pure: messages in, effects out.

pub mod answer;
pub mod cases;
pub mod load;
pub mod message;
pub mod model;
pub mod possible;
pub mod scope;
pub mod text_field;
pub mod theme;
pub mod update;
