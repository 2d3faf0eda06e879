//! The header pane.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::ui::view::View;

/// Draws it.
pub fn draw(_frame: &mut Frame<'_>, _area: Rect, _view: &View<'_>) {}
