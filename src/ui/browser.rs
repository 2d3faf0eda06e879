//! Draws the browser of saved runs and the comparison of two runs.

mod comparison;
mod dialog;
mod distribution;
mod footer;
pub mod keymap;
mod list;
mod plot;
mod report;
#[cfg(test)]
mod tests;
mod trend;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use self::keymap::{BrowserContext, BrowserKeymap};
use super::cache::RenderCache;
use super::fit::{cut, cut_long_graphemes, spans_width, width};
use super::theme::Theme;
use super::too_small;
use crate::app::browser::action::BrowserAction;
use crate::app::browser::message::DrawnExtents;
use crate::app::browser::state::{Browser, BrowserScreen, LowerPane};
use crate::ui::number::grouped;

/// Minimum size of the screen: columns, rows.
const SMALLEST: (u16, u16) = (50, 12);
/// Width of the screen from which the list is beside the other panes, columns.
const BESIDE: u16 = 150;
/// Width of the screen from which report and trend are side by side, columns.
const TWO_PANES: u16 = 100;
/// Height of the screen from which two panes are beside the list, rows.
const TALL: u16 = 28;
/// Maximum width of the list beside the other panes, columns.
const LIST_WIDTH: u16 = 112;
const MIB: f64 = 1_048_576.0;

/// State of the browser, and how to draw it.
#[derive(Clone, Copy, Debug)]
pub struct BrowserView<'a> {
    /// The state.
    pub browser: &'a Browser,
    /// The theme.
    pub theme: Theme,
    /// The keymap in use.
    pub keymap: &'a BrowserKeymap,
    /// Layouts of earlier frames.
    pub cache: &'a RenderCache,
}

/// Draws a frame. Returns how far its texts can be scrolled.
pub fn draw(frame: &mut Frame<'_>, view: &BrowserView<'_>) -> DrawnExtents {
    let area = frame.area();
    let mut extents = DrawnExtents::default();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small::draw(frame, SMALLEST, &quit_hint(view), view.theme);
        return extents;
    }
    let [top, body, bottom] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(1)]).areas(area);
    header(frame, top, view);
    match view.browser.screen {
        BrowserScreen::List => draw_list(frame, body, view, &mut extents),
        BrowserScreen::Comparison => comparison::draw(frame, body, view, &mut extents),
    }
    footer::draw(frame, bottom, view);
    dialog::draw(frame, body, view, &mut extents);
    cut_long_graphemes(frame.buffer_mut());
    extents
}

/// Text on a too small screen that names the key to quit.
fn quit_hint(view: &BrowserView<'_>) -> String {
    let context = BrowserContext::from_state(view.browser);
    let action = match context {
        BrowserContext::List | BrowserContext::Comparison => BrowserAction::Quit,
        _ => BrowserAction::Interrupt,
    };
    format!("{} quits", view.keymap.key_of(action, context))
}

fn draw_list(frame: &mut Frame<'_>, area: Rect, view: &BrowserView<'_>, extents: &mut DrawnExtents) {
    let halves = |area: Rect, first: Constraint| Layout::vertical([first, Constraint::Min(0)]).areas::<2>(area);
    if area.width >= BESIDE && area.height >= TALL {
        let list_width = LIST_WIDTH.min(area.width * 11 / 20);
        let [left, _, right] =
            Layout::horizontal([Constraint::Length(list_width), Constraint::Length(2), Constraint::Min(0)]).areas(area);
        let [above, below] = halves(right, Constraint::Percentage(58));
        list::draw(frame, left, view, extents);
        report::draw(frame, above, view, extents);
        trend::draw(frame, below, view);
        return;
    }
    let [above, below] = halves(area, Constraint::Percentage(47));
    list::draw(frame, above, view, extents);
    if area.width >= TWO_PANES {
        let [left, _, right] =
            Layout::horizontal([Constraint::Percentage(58), Constraint::Length(2), Constraint::Min(0)]).areas(below);
        report::draw(frame, left, view, extents);
        trend::draw(frame, right, view);
        return;
    }
    match view.browser.lower {
        LowerPane::Report => report::draw(frame, below, view, extents),
        LowerPane::Trend => trend::draw(frame, below, view),
    }
}

/// Draws the first line of the screen: title, and number and size of the runs.
fn header(frame: &mut Frame<'_>, area: Rect, view: &BrowserView<'_>) {
    let (browser, theme) = (view.browser, view.theme);
    let what = match browser.screen {
        BrowserScreen::List => "saved runs",
        BrowserScreen::Comparison => "compare",
    };
    let left = vec![
        Span::styled("tokscope", theme.accent().add_modifier(ratatui::style::Modifier::BOLD)),
        Span::styled(format!(" {what}"), theme.value()),
    ];
    let right = if browser.screen == BrowserScreen::List { counts(browser) } else { String::new() };
    let room = usize::from(area.width).saturating_sub(spans_width(&left) + 2);
    let right = cut(&right, room);
    let blanks = usize::from(area.width).saturating_sub(spans_width(&left) + width(&right));
    let spans = left.into_iter().chain([Span::raw(" ".repeat(blanks)), Span::styled(right, theme.muted())]);
    frame.buffer_mut().set_line(area.x, area.y, &spans.collect::<Line<'_>>(), area.width);
}

/// Number and size of the runs, and the progress of reading them.
fn counts(browser: &Browser) -> String {
    let read = browser.runs.len();
    let runs = |n: usize| format!("{} {}", grouped(n as u64), if n == 1 { "run" } else { "runs" });
    if browser.is_reading() {
        let total = browser.reading.total.map_or_else(|| "…".to_owned(), runs);
        return format!("reading {} of {total}", grouped(read as u64));
    }
    let filtered = !browser.filter.is_empty();
    let shown = if filtered { format!("{} of ", grouped(browser.visible.len() as u64)) } else { String::new() };
    let mib = browser.runs.iter().map(|run| run.bytes).sum::<u64>() as f64 / MIB;
    format!("{shown}{} · {mib:.1} MiB · {}", runs(read), browser.folder)
}

/// Draws a pane's title rule, `━ Title · about ──── figures ─`, and returns the area below it.
fn rule(frame: &mut Frame<'_>, area: Rect, (title, about): (&str, &str), figures: &str, theme: Theme) -> Rect {
    if area.is_empty() {
        return area;
    }
    let columns = usize::from(area.width);
    let figures = if figures.is_empty() { String::new() } else { format!(" {figures} ─") };
    let about = if about.is_empty() { String::new() } else { format!(" · {about}") };
    let room = columns.saturating_sub(width(title) + width(&figures) + 4);
    let about = cut(&about, room);
    let line = "─".repeat(columns.saturating_sub(width(title) + width(&about) + width(&figures) + 3));
    let spans = [
        Span::styled("─ ", theme.muted()),
        Span::styled(title.to_owned(), theme.title(false)),
        Span::styled(about, theme.muted()),
        Span::styled(format!(" {line}{figures}"), theme.muted()),
    ];
    frame.buffer_mut().set_line(area.x, area.y, &spans.into_iter().collect::<Line<'_>>(), area.width);
    Rect { y: area.y + 1, height: area.height - 1, ..area }
}

/// Draws text in row `row` of an area. Does nothing below the area.
fn text(frame: &mut Frame<'_>, area: Rect, row: u16, text: &str, style: Style) {
    line(frame, area, row, &Line::styled(cut(text, usize::from(area.width)), style));
}

/// Draws a line in row `row` of an area. Does nothing below the area.
fn line(frame: &mut Frame<'_>, area: Rect, row: u16, line: &Line<'_>) {
    if row < area.height {
        frame.buffer_mut().set_line(area.x, area.y + row, line, area.width);
    }
}
