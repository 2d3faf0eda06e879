//! What lies over the panes: help, questions, menus.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::view::View;

/// Draws the overlay there is, if there is one, over `area` (the whole screen).
pub fn draw(_frame: &mut Frame<'_>, _area: Rect, _view: &View<'_>) {}
