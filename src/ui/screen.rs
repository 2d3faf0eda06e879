//! The whole screen: its layout, the panes, and what lies over them.

use ratatui::Frame;

use super::view::View;

/// Draws a frame.
pub fn draw(_frame: &mut Frame<'_>, _view: &View<'_>) {}
