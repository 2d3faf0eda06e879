//! The dialogs over the browser: the keys, and the question before a run is deleted.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Widget};

use super::BrowserView;
use super::keymap::BrowserContext;
use crate::app::browser::action::BrowserAction;
use crate::app::browser::entry::RunEntry;
use crate::app::browser::message::DrawnExtents;
use crate::app::browser::state::{BrowserScreen, Dialog};
use crate::domain::text::sanitise_line;
use crate::ui::fit::{left, width};
use crate::ui::glossary::{Place, terms_of};
use crate::ui::number::UNKNOWN;
use crate::ui::widget::wrap::wrap;

/// Maximum width of a dialog, columns.
const MAX_COLUMNS: u16 = 76;
/// Maximum number of runs that the question lists.
const MAX_LISTED: usize = 6;
/// Rows of the question apart from the listed runs, including the border.
const FIXED_ROWS: usize = 8;
/// Width of the keys in the help, columns.
const KEYS: usize = 16;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &BrowserView<'_>, extents: &mut DrawnExtents) {
    match &view.browser.dialog {
        Dialog::None | Dialog::Filter => {}
        Dialog::Help(top) => draw_help(frame, area, *top, view, extents),
        Dialog::Delete(ids) => {
            let title = match ids.len() {
                1 => " Delete this run? ".to_owned(),
                n => format!(" Delete these {n} runs? "),
            };
            let listed = usize::from(area.height).saturating_sub(FIXED_ROWS).clamp(1, MAX_LISTED);
            popup(frame, area, &title, &question(ids, listed, view), view.theme.bad(), view);
        }
    }
}

fn draw_help(frame: &mut Frame<'_>, area: Rect, top: usize, view: &BrowserView<'_>, extents: &mut DrawnExtents) {
    let theme = view.theme;
    let mut lines: Vec<Line<'static>> = Vec::new();
    let screen = view.browser.screen;
    for (title, rows) in view.keymap.sections_of(screen) {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::styled(title, theme.title(false)));
        for (keys, help) in rows {
            let keys = Span::styled(format!("  {}", left(&keys, KEYS)), theme.key());
            lines.push(Line::from(vec![keys, Span::styled(help, theme.text())]));
        }
    }
    let (name, place) = match screen {
        BrowserScreen::List => ("saved runs", Place::Runs),
        BrowserScreen::Comparison => ("comparison", Place::Comparison),
    };
    lines.extend([Line::default(), Line::styled("Signs", theme.title(false))]);
    let text_columns = usize::from(area.width.min(MAX_COLUMNS + 4)).saturating_sub(KEYS + 6).max(1);
    for term in terms_of(place) {
        let meaning = wrap(&[Span::styled(term.meaning, theme.text())], text_columns);
        for (at, spans) in meaning.into_iter().enumerate() {
            let sign = Span::styled(format!("  {}", left(if at == 0 { term.term } else { "" }, KEYS)), theme.value());
            lines.push(std::iter::once(sign).chain(spans).collect());
        }
    }
    let rows = usize::from(area.height.saturating_sub(2));
    extents.help_limit = lines.len().saturating_sub(rows);
    let top = top.min(extents.help_limit);
    let below = lines.len().saturating_sub(top + rows);
    let shown = lines.get(top..).unwrap_or_default();
    let title = if below > 0 {
        let key = view.keymap.key_of(BrowserAction::Down, BrowserContext::Help);
        format!(" Keys · {name} · {key} scrolls, {below} more ")
    } else {
        format!(" Keys · {name} ")
    };
    popup(frame, area, &title, shown, theme.border(true), view);
}

/// Lines of the question: the runs that would be deleted (at most `listed` of them), and a warning that this is final.
fn question(ids: &[String], listed: usize, view: &BrowserView<'_>) -> Vec<Line<'static>> {
    let theme = view.theme;
    let mut lines: Vec<Line<'static>> = match ids {
        [only] => one_run(only, view),
        many => many.iter().take(listed).map(|id| Line::from(in_one_line(id, view))).collect(),
    };
    let more = if ids.len() > 1 { ids.len().saturating_sub(listed) } else { 0 };
    if more > 0 {
        lines.push(Line::styled(format!("and {more} more"), theme.muted()));
    }
    lines.push(Line::default());
    lines.push(Line::styled("No copy is kept. This cannot be undone.", theme.warning()));
    lines.push(Line::default());
    let key = |action| Span::styled(view.keymap.key_of(action, BrowserContext::Delete), theme.key());
    lines.push(Line::from(vec![
        key(BrowserAction::ConfirmDelete),
        Span::raw(" delete    "),
        key(BrowserAction::Close),
        Span::raw(" keep"),
    ]));
    lines
}

fn one_run(id: &str, view: &BrowserView<'_>) -> Vec<Line<'static>> {
    let mut lines = vec![Line::styled(sanitise_line(id), view.theme.value())];
    match view.browser.by_id(id) {
        Some(RunEntry { error: Some(why), .. }) => lines.push(Line::from(format!("cannot be read: {why}"))),
        Some(run) => {
            lines.push(Line::from(format!("{} · {}", known(&run.started), known(&run.model))));
            lines.push(Line::from(format!("{}, {} of {} cases ok", run.state.word(), run.ok, run.cases)));
        }
        None => {}
    }
    lines
}

fn in_one_line(id: &str, view: &BrowserView<'_>) -> String {
    let about = match view.browser.by_id(id) {
        Some(run) if run.error.is_none() => format!("{} · {}", known(&run.started), known(&run.model)),
        _ => "cannot be read".to_owned(),
    };
    format!("{}  {about}", sanitise_line(id))
}

fn known(text: &str) -> String {
    if text.is_empty() { UNKNOWN.to_owned() } else { text.to_owned() }
}

/// Draws lines inside a border in the middle of `area`.
fn popup(
    frame: &mut Frame<'_>,
    area: Rect,
    title: &str,
    lines: &[Line<'static>],
    border: Style,
    view: &BrowserView<'_>,
) {
    let widest = lines.iter().map(Line::width).chain([width(title)]).max().unwrap_or(0);
    let columns = u16::try_from(widest + 4).unwrap_or(u16::MAX).min(MAX_COLUMNS + 4).min(area.width);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(area.height);
    let at =
        Rect { x: area.x + (area.width - columns) / 2, y: area.y + (area.height - height) / 2, width: columns, height };
    Clear.render(at, frame.buffer_mut());
    let block = Block::bordered().border_style(border).title(Span::styled(title.to_owned(), view.theme.title(true)));
    let inner = block.inner(at);
    frame.render_widget(block, at);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    frame.render_widget(Paragraph::new(lines.to_vec()), inner);
}
