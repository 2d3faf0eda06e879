//! Floor 2: the terminal. Draws what the state says and turns keys into actions.

pub mod number;
pub mod pane;
pub mod theme;
pub mod view;
pub mod widget;
