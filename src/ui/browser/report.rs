//! The report of the selected run.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::keymap::BrowserContext;
use super::{BrowserView, line, rule, text};
use crate::app::browser::action::BrowserAction;
use crate::app::browser::message::{DrawnExtents, PreviewText};
use crate::domain::text::sanitise_line;
use crate::ui::theme::Theme;
use crate::ui::widget::markdown;
use crate::ui::widget::wrap::wrap;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &BrowserView<'_>, extents: &mut DrawnExtents) {
    let (browser, theme) = (view.browser, view.theme);
    let Some(selected) = browser.selected() else {
        rule(frame, area, ("Report", ""), "", theme);
        return;
    };
    let rows = usize::from(area.height.saturating_sub(1));
    let lines = match browser.shown_preview().map(|preview| (preview, &preview.text)) {
        Some((preview, Ok(report))) => {
            view.cache.report((preview.revision, area.width, theme), || lines(report, area.width, theme))
        }
        other => {
            let body = rule(frame, area, ("Report", &sanitise_line(&selected.id)), "", theme);
            match other {
                Some((_, Err(why))) => text(frame, body, 0, why, theme.bad()),
                _ => text(frame, body, 0, "Reading the run …", theme.muted()),
            }
            return;
        }
    };
    let limit = lines.len().saturating_sub(rows);
    extents.preview_limit = limit;
    let top = browser.preview_top.min(limit);
    let position = format!("{}–{} of {}", (top + 1).min(lines.len()), (top + rows).min(lines.len()), lines.len());
    let [down, up] = [BrowserAction::PreviewDown, BrowserAction::PreviewUp];
    let keys = [down, up].map(|action| view.keymap.key_of(action, BrowserContext::List)).join(" ");
    let selection = if selected.selection.is_empty() { String::new() } else { format!(" · {}", selected.selection) };
    let about = format!("{}{selection} · {keys} scroll", sanitise_line(&selected.id));
    let body = rule(frame, area, ("Report", &about), &position, theme);
    for (row, shown) in lines.iter().skip(top).take(rows).enumerate() {
        line(frame, body, row as u16, shown);
    }
}

/// The command line that started the run, then the report.
fn lines(report: &PreviewText, width: u16, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some(command_line) = &report.command_line {
        let spans = [Span::styled("$ ", theme.key()), Span::styled(sanitise_line(command_line), theme.code())];
        lines.extend(wrap(&spans, usize::from(width)).into_iter().map(Line::from));
        lines.push(Line::default());
    }
    lines.extend(markdown::render(&report.markdown, width, theme, theme.text()));
    lines
}
