//! The whole screen: layout, panes and overlay.

use ratatui::Frame;
use ratatui::text::Line;

use super::ascii::to_ascii;
use super::layout::{self, LayoutInputs, SMALLEST};
use super::pane::{footer, header};
use super::theme::Theme;
use super::view::View;
use super::{fit, overlay, pane};
use crate::app::action::Action;

/// Draws a frame.
pub fn draw(frame: &mut Frame<'_>, view: &View<'_>) {
    let area = frame.area();
    view.cache.set_case_rows([]);
    let Some(layout) = layout::compute(area, LayoutInputs::from_app(view.app)) else {
        let text = format!("tokscope needs {}×{}; this is {}×{}", SMALLEST.0, SMALLEST.1, area.width, area.height);
        pane::line(frame, area, area.height / 2, Line::from(text).centered());
        let hint = format!("{} quits", view.key_of(Action::Quit));
        pane::line(frame, area, area.height / 2 + 1, Line::styled(hint, view.theme.muted()).centered());
        return;
    };
    header::draw(frame, layout.header, view);
    for (pane, rect) in layout.panes {
        (pane.draw)(frame, rect, view);
    }
    footer::draw(frame, layout.footer, view);
    overlay::draw(frame, area, view);
    fit::cut_long_graphemes(frame.buffer_mut());
}

/// Last pass over the finished frame: applies the theme's background, and replaces non-ASCII characters if `ascii` is
/// set.
pub fn finish(frame: &mut Frame<'_>, theme: Theme, ascii: bool) {
    theme.paint(frame.buffer_mut());
    if ascii {
        to_ascii(frame.buffer_mut());
    }
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
