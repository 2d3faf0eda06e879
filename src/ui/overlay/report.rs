//! The report, over the whole screen except the footer.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};

use super::{keys_of, tail};
use crate::app::state::ScrollExtent;
use crate::app::state::report_view::ReportView;
use crate::domain::text::sanitise_line;
use crate::ui::fit::width;
use crate::ui::keymap::Context;
use crate::ui::pane;
use crate::ui::view::View;
use crate::ui::widget::markdown;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, report: &ReportView, view: &View<'_>) {
    let theme = view.theme;
    // The footer stays visible for notices.
    let area = Rect { height: area.height.saturating_sub(1), ..area };
    if area.is_empty() {
        return;
    }
    Clear.render(area, frame.buffer_mut());
    let text_area = Rect {
        x: area.x.saturating_add(2),
        y: area.y.saturating_add(1),
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    };
    let lines = report.text.as_ref().map(|text| {
        let key = (report.revision, text_area.width, theme);
        view.cache.report(key, || markdown::render(text, text_area.width, theme, theme.text()))
    });
    let rows = usize::from(text_area.height);
    let all = lines.as_ref().map_or(0, |lines| lines.len());
    let limit = all.saturating_sub(rows);
    view.cache.set_overlay_extent(ScrollExtent { limit, page: rows.saturating_sub(1) });
    let top = report.top.min(limit);

    let position = format!(" {}–{} of {all} ", (top + 1).min(all), (top + rows).min(all));
    let hint = keys_of(Context::Report, view);
    let block = Block::bordered()
        .border_style(theme.border(true))
        .title(Span::styled(" Report ", theme.title(true)))
        .title(Line::styled(position, theme.muted()).right_aligned())
        .title_bottom(file(report, usize::from(area.width).saturating_sub(hint.width() + 4), view))
        .title_bottom(hint.right_aligned());
    frame.render_widget(block, area);
    match lines {
        Some(lines) => {
            for (row, line) in lines.iter().skip(top).take(rows).enumerate() {
                pane::line(frame, text_area, row as u16, line.clone());
            }
        }
        None => pane::line(frame, text_area, 0, Line::styled("Rendering the report …", theme.muted())),
    }
}

/// The export key and the file it would write; empty if there is no room or no key.
fn file(report: &ReportView, columns: usize, view: &View<'_>) -> Line<'static> {
    let Some(key) = view.keymap.key_of(crate::app::action::Action::Export, Context::Report) else {
        return Line::default();
    };
    let (key, between) = (format!(" {key}"), " exports ");
    let room = columns.saturating_sub(width(&key) + between.len() + 1);
    if report.file.is_empty() || room < 8 {
        return Line::default();
    }
    Line::from(vec![
        Span::styled(key, view.theme.key()),
        Span::styled(between, view.theme.muted()),
        Span::styled(tail(&sanitise_line(&report.file), room), view.theme.value()),
        Span::raw(" "),
    ])
}
