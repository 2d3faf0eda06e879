//! The whole screen: layout, panes and overlay.

use ratatui::Frame;

use super::ascii::to_ascii;
use super::keymap::{Context, Key};
use super::layout::{self, LayoutInputs, SMALLEST};
use super::pane::{footer, header};
use super::theme::Theme;
use super::view::View;
use super::{fit, overlay, too_small};
use crate::app::action::Action;
use crate::app::state::Overlay;

/// Draws a frame.
pub fn draw(frame: &mut Frame<'_>, view: &View<'_>) {
    let area = frame.area();
    view.cache.set_case_rows([]);
    let Some(layout) = layout::compute(area, LayoutInputs::from_app(view.app)) else {
        too_small::draw(frame, SMALLEST, &quit_hint(view), view.theme);
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

/// Text on a too small screen that names the key to quit.
fn quit_hint(view: &View<'_>) -> String {
    let context = Context::from_state(&view.app.ui);
    let key = |action| view.keymap.key_of(action, context).map_or_else(String::new, Key::to_string);
    match view.app.ui.overlay {
        Overlay::ConfirmQuit => format!("quit? {}/{}", key(Action::Confirm), key(Action::Back)),
        _ => format!("{} quits", key(Action::Quit)),
    }
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
#[cfg(test)]
mod texts;
