//! The menu of export formats.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{keys_of, popup};
use crate::ui::keymap::Context;
use crate::ui::view::View;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, chosen: usize, view: &View<'_>) {
    let theme = view.theme;
    let line = |(i, label): (usize, &&'static str)| {
        if i == chosen {
            Line::styled(format!("> {label} "), theme.selected())
        } else {
            Line::styled(format!("  {label} "), theme.text())
        }
    };
    let lines: Vec<_> = view.app.export_labels.iter().enumerate().map(line).collect();
    popup(frame, area, "Export as", keys_of(Context::ExportMenu, view), lines, theme);
}
