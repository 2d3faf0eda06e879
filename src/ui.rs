//! Floor 2: the terminal. Draws the state and turns keys into actions.

pub mod ascii;
pub mod browser;
pub mod cache;
pub mod fit;
pub mod glossary;
pub mod input;
pub mod keymap;
pub mod layout;
mod mark;
pub mod number;
pub mod offscreen;
pub mod outlet;
pub mod overlay;
pub mod pane;
pub mod pointer;
pub mod replies;
#[cfg(test)]
mod sample;
pub mod screen;
pub mod terminal;
#[cfg(test)]
pub mod testing;
pub mod theme;
pub mod title;
mod too_small;
pub mod view;
pub mod widget;
