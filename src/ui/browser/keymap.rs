//! The table of the browser's keys: action, context, and the texts in footer and help.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};

use crate::app::browser::action::BrowserAction as A;
use crate::app::browser::message::BrowserMsg;
use crate::app::browser::state::{Browser, BrowserScreen, Dialog};
use crate::ui::keymap::{Key, edit_of, keys_label};

/// Part of the browser in which a key applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrowserContext {
    /// The list of runs.
    List,
    /// The comparison of two runs.
    Comparison,
    /// List and comparison.
    Screens,
    /// The text field of the filter.
    Filter,
    /// The question before a run is deleted.
    Delete,
    /// The help.
    Help,
}

impl BrowserContext {
    /// The context that receives keys now.
    pub const fn from_state(browser: &Browser) -> Self {
        match (&browser.dialog, browser.screen) {
            (Dialog::Help(_), _) => Self::Help,
            (Dialog::Filter, _) => Self::Filter,
            (Dialog::Delete(_), _) => Self::Delete,
            (Dialog::None, BrowserScreen::List) => Self::List,
            (Dialog::None, BrowserScreen::Comparison) => Self::Comparison,
        }
    }

    /// Heading in help and documentation.
    const fn title(self) -> &'static str {
        match self {
            Self::List => "List of runs",
            Self::Comparison => "Comparison",
            Self::Screens => "List and comparison",
            Self::Filter => "Filter input",
            Self::Delete => "Delete dialog",
            Self::Help => "Help",
        }
    }

    fn encloses(self, inner: Self) -> bool {
        self == Self::Screens && matches!(inner, Self::List | Self::Comparison)
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct BrowserBinding {
    /// Keys; footer and hints show the first.
    pub keys: &'static [Key],
    /// The action that the keys trigger.
    pub action: A,
    /// Context of the binding.
    pub on: BrowserContext,
    /// Label in the footer; `None` keeps the binding out of it.
    pub footer: Option<&'static str>,
    /// Description in help and documentation.
    pub help: &'static str,
}

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

use BrowserContext::{Comparison, Delete, Filter, Help, List, Screens};

/// All keys of the browser. The footer shows those with a label in this order.
pub const BROWSER_BINDINGS: &[BrowserBinding] = &[
    row(&[k(KeyCode::Enter)], A::Open, List, Some("open"), "Open the run in the dashboard (`q` returns)"),
    row(&[c('/')], A::Filter, List, Some("filter"), "Filter: every word must occur in the run"),
    row(&[c(' ')], A::Mark, List, Some("mark"), "Mark the run, or unmark it"),
    row(&[c('c')], A::Compare, List, Some("compare"), "Compare the two marked runs; the older one is A"),
    row(&[c('s')], A::SortNext, List, Some("sort"), "Sort by the next column"),
    row(&[c('S')], A::SortReverse, List, None, "Reverse the sort order"),
    row(&[c('e')], A::ExportMarkdown, List, Some("export"), "Export the Markdown report to the current folder"),
    row(&[c('E')], A::ExportJson, List, None, "Export results.json to the current folder"),
    row(&[c('d'), k(KeyCode::Delete)], A::Delete, List, Some("delete"), "Delete the run (asks first)"),
    row(
        &[k(KeyCode::Tab)],
        A::SwitchPane,
        List,
        Some("report/trend"),
        "Show report or trend, if there is room for one",
    ),
    row(&[c('J'), k(KeyCode::Right)], A::PreviewDown, List, None, "Scroll the report down"),
    row(&[c('K'), k(KeyCode::Left)], A::PreviewUp, List, None, "Scroll the report up"),
    row(&[c('r')], A::Refresh, List, None, "Read the folder again"),
    row(
        &[k(KeyCode::Tab), k(KeyCode::Right)],
        A::NextMetric,
        Comparison,
        Some("next chart"),
        "Chart of the next metric",
    ),
    row(&[k(KeyCode::BackTab), k(KeyCode::Left)], A::PreviousMetric, Comparison, None, "Chart of the previous metric"),
    row(&[c('j'), k(KeyCode::Down)], A::Down, Screens, None, "Next run, or one line down"),
    row(&[c('k'), k(KeyCode::Up)], A::Up, Screens, None, "Previous run, or one line up"),
    row(&[k(KeyCode::PageDown), Key::ctrl('d')], A::PageDown, Screens, None, "One page down"),
    row(&[k(KeyCode::PageUp), Key::ctrl('u')], A::PageUp, Screens, None, "One page up"),
    row(&[c('g'), k(KeyCode::Home)], A::First, Screens, None, "Go to the top"),
    row(&[c('G'), k(KeyCode::End)], A::Last, Screens, None, "Go to the end"),
    row(&[c('t')], A::NextTheme, Screens, None, "Next theme"),
    row(&[Key::ctrl('l')], A::Redraw, Screens, None, "Redraw the screen"),
    row(&[Key::ctrl('z')], A::Suspend, Screens, None, "Suspend (resume with `fg` in the shell)"),
    row(&[k(KeyCode::Esc)], A::Back, Screens, None, "Go back: leave the comparison, clear the filter, quit"),
    row(&[c('q'), Key::ctrl('c')], A::Quit, Screens, Some("quit"), "Leave the comparison, or quit"),
    row(&[c('?')], A::Help, Screens, Some("help"), "Show these keys"),
    row(&[k(KeyCode::Enter)], A::KeepFilter, Filter, Some("keep"), "Keep the filter"),
    row(&[k(KeyCode::Esc), Key::ctrl('c')], A::ClearFilter, Filter, Some("clear"), "Clear the filter"),
    row(&[k(KeyCode::Down)], A::Down, Filter, None, "Next run"),
    row(&[k(KeyCode::Up)], A::Up, Filter, None, "Previous run"),
    row(&[c('y'), c('d')], A::ConfirmDelete, Delete, Some("delete"), "Delete the run"),
    row(&[c('n'), k(KeyCode::Esc), c('q'), Key::ctrl('c')], A::Close, Delete, Some("keep"), "Keep the run"),
    row(&[c('j'), k(KeyCode::Down)], A::Down, Help, None, "Scroll down"),
    row(&[c('k'), k(KeyCode::Up)], A::Up, Help, None, "Scroll up"),
    row(&[k(KeyCode::Esc), c('q'), c('?'), Key::ctrl('c')], A::Close, Help, Some("close"), "Close the help"),
];

/// The rows that apply in a context, its own rows first.
pub fn rows_in(context: BrowserContext) -> impl Iterator<Item = &'static BrowserBinding> {
    let own = BROWSER_BINDINGS.iter().filter(move |row| row.on == context);
    own.chain(BROWSER_BINDINGS.iter().filter(move |row| row.on.encloses(context)))
}

/// The message for a key press; `None` for unbound keys and releases.
pub fn resolve(browser: &Browser, event: &KeyEvent) -> Option<BrowserMsg> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let context = BrowserContext::from_state(browser);
    let bound = Key::from_event(event).and_then(|key| rows_in(context).find(|row| row.keys.contains(&key)));
    match bound {
        Some(row) => Some(BrowserMsg::Action(row.action)),
        None if context == Filter => edit_of(event).map(BrowserMsg::Edit),
        None => None,
    }
}

/// Whether pasted text goes into a text field.
pub fn takes_text(browser: &Browser) -> bool {
    BrowserContext::from_state(browser) == Filter
}

/// Contexts in the order of help and documentation.
const SECTIONS: [BrowserContext; 6] = [List, Comparison, Screens, Filter, Delete, Help];

/// The sections of the help: heading, and keys with their descriptions.
pub fn sections() -> impl Iterator<Item = (&'static str, Vec<(String, &'static str)>)> {
    let rows = |on| BROWSER_BINDINGS.iter().filter(move |row| row.on == on);
    SECTIONS.into_iter().map(move |on| (on.title(), rows(on).map(|row| (keys_label(row.keys), row.help)).collect()))
}

/// The keys as a Markdown table, for the documentation.
pub fn browser_key_table_markdown() -> String {
    let keys = |row: &BrowserBinding| row.keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" ");
    let section = |on: BrowserContext| {
        let line = |row: &BrowserBinding| format!("| {} | {} |\n", keys(row), row.help);
        let rows: String = BROWSER_BINDINGS.iter().filter(|row| row.on == on).map(line).collect();
        format!("| **{}** | |\n{rows}", on.title())
    };
    format!("| Key | What it does |\n|---|---|\n{}", SECTIONS.map(section).concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_has_two_meanings_in_one_context() {
        for context in SECTIONS {
            let keys: Vec<Key> = rows_in(context).flat_map(|row| row.keys.iter().copied()).collect();
            for (at, key) in keys.iter().enumerate() {
                assert!(!keys[..at].contains(key), "{key} has two meanings in {context:?}");
            }
        }
    }

    #[test]
    fn every_context_can_be_left_with_ctrl_c() {
        for context in [List, Comparison, Filter, Delete, Help] {
            assert!(rows_in(context).any(|row| row.keys.contains(&Key::ctrl('c'))), "{context:?}");
        }
    }
}
