//! The rows of the browser's key table, in the order of the footer.

use crossterm::event::KeyCode;

use super::BrowserContext::{self, Anywhere, Comparison, Delete, Filter, Help, List, Screens};
use super::{A, BrowserBinding};
use crate::ui::keymap::Key;

const fn c(letter: char) -> Key {
    Key::plain(KeyCode::Char(letter))
}

const fn k(code: KeyCode) -> Key {
    Key::plain(code)
}

const fn row(
    keys: &'static [Key],
    action: A,
    on: BrowserContext,
    footer: Option<&'static str>,
    help: &'static str,
) -> BrowserBinding {
    BrowserBinding { keys, action, on, footer, help }
}

/// All keys of the browser. The footer shows those with a label in this order.
pub const BROWSER_BINDINGS: &[BrowserBinding] = &[
    row(&[k(KeyCode::Enter)], A::Open, List, Some("open"), "Open the run in the dashboard (`q` returns)"),
    row(&[c('/')], A::Filter, List, Some("filter"), "Filter: every word must occur in the run"),
    row(&[c(' ')], A::Mark, List, Some("mark"), "Mark the run, or unmark it"),
    row(&[c('a')], A::MarkAll, List, None, "Mark all listed runs, or unmark them"),
    row(&[c('c')], A::Compare, List, Some("compare"), "Compare the two marked runs; the older one is A"),
    row(&[c('s')], A::SortNext, List, Some("sort"), "Sort by the next column"),
    row(&[c('S')], A::SortReverse, List, None, "Reverse the sort order"),
    row(&[c('e')], A::ExportMarkdown, List, Some("export"), "Export the Markdown report to the current folder"),
    row(&[c('E')], A::ExportJson, List, None, "Export results.json to the current folder"),
    row(
        &[c('d'), k(KeyCode::Delete)],
        A::Delete,
        List,
        Some("delete"),
        "Delete the marked runs, or the selected one (asks first)",
    ),
    row(
        &[k(KeyCode::Tab)],
        A::SwitchPane,
        List,
        Some("report/trend"),
        "Show report or trend, if there is room for one",
    ),
    row(&[c('J'), k(KeyCode::Right)], A::PreviewDown, List, None, "Scroll the report down"),
    row(&[c('K'), k(KeyCode::Left)], A::PreviewUp, List, None, "Scroll the report up"),
    row(&[c('r')], A::Refresh, List, Some("refresh"), "Read the folder again"),
    row(&[c('j'), k(KeyCode::Down)], A::Down, List, None, "Next run"),
    row(&[c('k'), k(KeyCode::Up)], A::Up, List, None, "Previous run"),
    row(&[k(KeyCode::Esc)], A::Back, List, None, "Clear the filter, or quit"),
    row(&[c('q')], A::Quit, List, Some("quit"), "Quit"),
    row(
        &[k(KeyCode::Tab), k(KeyCode::Right)],
        A::NextMetric,
        Comparison,
        Some("next chart"),
        "Chart of the next metric",
    ),
    row(&[k(KeyCode::BackTab), k(KeyCode::Left)], A::PreviousMetric, Comparison, None, "Chart of the previous metric"),
    row(&[c('j'), k(KeyCode::Down)], A::Down, Comparison, Some("scroll"), "Scroll the figures down one line"),
    row(&[c('k'), k(KeyCode::Up)], A::Up, Comparison, None, "Scroll the figures up one line"),
    row(&[k(KeyCode::Esc)], A::Back, Comparison, None, "Return to the list, or quit"),
    row(&[c('q')], A::Quit, Comparison, Some("back or quit"), "Return to the list, or quit"),
    row(&[k(KeyCode::PageDown), Key::ctrl('d')], A::PageDown, Screens, None, "One page down"),
    row(&[k(KeyCode::PageUp), Key::ctrl('u')], A::PageUp, Screens, None, "One page up"),
    row(&[c('g'), k(KeyCode::Home)], A::First, Screens, None, "Go to the top"),
    row(&[c('G'), k(KeyCode::End)], A::Last, Screens, None, "Go to the end"),
    row(&[c('t')], A::NextTheme, Screens, None, "Next theme"),
    row(&[Key::ctrl('c')], A::Interrupt, Anywhere, None, "Close the dialog, or quit"),
    row(&[Key::ctrl('l')], A::Redraw, Anywhere, None, "Redraw the screen"),
    row(&[Key::ctrl('z')], A::Suspend, Anywhere, None, "Suspend (resume with `fg` in the shell)"),
    row(&[c('?')], A::Help, Screens, Some("help"), "Show the keys and signs of this screen"),
    row(&[k(KeyCode::Enter)], A::KeepFilter, Filter, Some("keep"), "Keep the filter"),
    row(&[k(KeyCode::Esc)], A::ClearFilter, Filter, Some("clear"), "Clear the filter"),
    row(&[k(KeyCode::Down)], A::Down, Filter, None, "Next run"),
    row(&[k(KeyCode::Up)], A::Up, Filter, None, "Previous run"),
    row(&[c('y'), c('d')], A::ConfirmDelete, Delete, Some("delete"), "Delete the runs"),
    row(&[c('n'), k(KeyCode::Esc), c('q')], A::Close, Delete, Some("keep"), "Keep the runs"),
    row(&[c('j'), k(KeyCode::Down)], A::Down, Help, None, "Scroll down"),
    row(&[c('k'), k(KeyCode::Up)], A::Up, Help, None, "Scroll up"),
    row(&[k(KeyCode::Esc), c('q'), c('?')], A::Close, Help, Some("close"), "Close the help"),
];
