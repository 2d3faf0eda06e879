//! Keys of the browser: action and context of each, its texts in footer and help, and the message of a key press.

mod table;

use crossterm::event::{KeyEvent, KeyEventKind};

use self::BrowserContext::{Anywhere, Comparison, Delete, Filter, Help, List, Screens};
pub use self::table::BROWSER_BINDINGS;
use crate::app::browser::action::BrowserAction as A;
use crate::app::browser::message::BrowserMsg;
use crate::app::browser::state::{Browser, BrowserScreen, Dialog};
use crate::ui::keymap::binding::{KeyContext, Row, default_rows};
use crate::ui::keymap::{Conflicts, Key, KeyAction, KeyBinding, Override, edit_of, keys_label, listing, rebound};

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
    /// Everywhere, dialogs included.
    Anywhere,
}

impl BrowserContext {
    /// The context that receives key presses now.
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
            Self::Anywhere => "Everywhere",
        }
    }
}

impl KeyContext for BrowserContext {
    fn place(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Comparison => "comparison",
            Self::Screens => "screens",
            Self::Filter => "filter",
            Self::Delete => "delete dialog",
            Self::Help => "help",
            Self::Anywhere => "anywhere",
        }
    }

    fn is_typed(self) -> bool {
        self == Self::Filter
    }

    fn is_dialog(self) -> bool {
        matches!(self, Self::Filter | Self::Delete | Self::Help)
    }

    fn encloses(self, inner: Self) -> bool {
        match self {
            Self::Anywhere => inner != Self::Anywhere,
            Self::Screens => matches!(inner, Self::List | Self::Comparison),
            _ => false,
        }
    }
}

impl KeyAction for A {
    fn name(self) -> &'static str {
        Self::name(self)
    }

    fn is_quit(self) -> bool {
        self == Self::Interrupt
    }

    fn is_needed_in_dialog(self) -> bool {
        true
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

impl KeyBinding for BrowserBinding {
    type Action = A;
    type Context = BrowserContext;

    fn keys(&self) -> &'static [Key] {
        self.keys
    }

    fn action(&self) -> A {
        self.action
    }

    fn context(&self) -> BrowserContext {
        self.on
    }

    fn help(&self) -> &'static str {
        self.help
    }
}

/// A binding of the browser and its keys.
pub type BrowserRow = Row<BrowserBinding>;

/// All bindings of the browser with the keys in use, in the order of the table.
#[derive(Clone, Debug)]
pub struct BrowserKeymap {
    rows: Vec<BrowserRow>,
}

impl Default for BrowserKeymap {
    fn default() -> Self {
        Self { rows: default_rows(BROWSER_BINDINGS) }
    }
}

impl BrowserKeymap {
    /// The default keymap with these overrides.
    ///
    /// # Errors
    ///
    /// Returns the keys that would have two meanings in one context.
    pub fn with(overrides: &[Override<A>]) -> Result<Self, Conflicts<BrowserBinding>> {
        Ok(Self { rows: rebound(BROWSER_BINDINGS, overrides)? })
    }

    /// All rows, in the order of the table.
    pub fn rows(&self) -> &[BrowserRow] {
        &self.rows
    }

    /// The rows that apply in a context, its own rows first.
    pub fn rows_in(&self, context: BrowserContext) -> impl Iterator<Item = &BrowserRow> {
        let own = self.rows.iter().filter(move |row| row.binding.on == context);
        own.chain(self.rows.iter().filter(move |row| row.binding.on.encloses(context)))
    }

    /// The first key of an action in a context, as the screen shows it; the name of the action if it is unbound.
    pub fn key_of(&self, action: A, context: BrowserContext) -> String {
        let mut keys =
            self.rows_in(context).filter(|row| row.binding.action == action).filter_map(|row| row.keys.first());
        keys.next().map_or_else(|| action.name().to_owned(), Key::to_string)
    }

    /// The message for a key press; `None` for unbound keys and releases.
    pub fn resolve(&self, browser: &Browser, event: &KeyEvent) -> Option<BrowserMsg> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let context = BrowserContext::from_state(browser);
        let bound = Key::from_event(event).and_then(|key| {
            // A text field takes letters, even those bound to an action of the whole screen.
            let is_text = |row: &BrowserRow| context.is_typed() && key.is_typed() && row.binding.on != context;
            self.rows_in(context).find(|row| row.keys.contains(&key) && !is_text(row))
        });
        match bound {
            Some(row) => Some(BrowserMsg::Action(row.binding.action)),
            None if context.is_typed() => edit_of(event).map(BrowserMsg::Edit),
            None => None,
        }
    }

    /// The sections of the help of a screen: heading, and keys with their descriptions. The screen's own keys come
    /// first; keys of another screen are left out.
    pub fn sections_of(
        &self,
        screen: BrowserScreen,
    ) -> impl Iterator<Item = (&'static str, Vec<(String, &'static str)>)> {
        let rows = |on| self.rows.iter().filter(move |row| row.binding.on == on);
        let row = |row: &BrowserRow| (keys_label(&row.keys), row.binding.help);
        let contexts: &[BrowserContext] = match screen {
            BrowserScreen::List => &[List, Screens, Anywhere, Filter, Delete],
            BrowserScreen::Comparison => &[Comparison, Screens, Anywhere],
        };
        contexts.iter().map(move |on| (on.title(), rows(*on).map(row).collect()))
    }

    /// One line for each binding: action name, context, keys, description.
    pub fn listing(&self) -> String {
        listing(&self.rows)
    }
}

/// Whether a text field is open, which takes pasted text.
pub fn takes_text(browser: &Browser) -> bool {
    BrowserContext::from_state(browser).is_typed()
}

/// Contexts in the order of help and documentation.
const SECTIONS: [BrowserContext; 7] = [List, Comparison, Screens, Anywhere, Filter, Delete, Help];

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
    use crossterm::event::{KeyCode, KeyModifiers};

    use super::*;
    use crate::app::browser::update::update;
    use crate::app::state::theme::ThemeName;

    fn chosen(action: A, keys: &[&str]) -> Override<A> {
        Override { action, keys: keys.iter().map(|key| key.parse().unwrap()).collect() }
    }

    fn action_of(keymap: &BrowserKeymap, browser: &Browser, letter: char) -> Option<A> {
        match keymap.resolve(browser, &KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE)) {
            Some(BrowserMsg::Action(action)) => Some(action),
            _ => None,
        }
    }

    #[test]
    fn no_key_has_two_meanings_in_one_context() {
        let keymap = BrowserKeymap::default();
        for context in SECTIONS {
            let keys: Vec<Key> = keymap.rows_in(context).flat_map(|row| row.keys.iter().copied()).collect();
            for (at, key) in keys.iter().enumerate() {
                assert!(!keys[..at].contains(key), "{key} has two meanings in {context:?}");
            }
        }
    }

    #[test]
    fn no_two_actions_share_a_name() {
        for (at, row) in BROWSER_BINDINGS.iter().enumerate() {
            for other in &BROWSER_BINDINGS[at + 1..] {
                assert_eq!(row.action == other.action, row.action.name() == other.action.name());
            }
        }
    }

    #[test]
    fn ctrl_c_works_in_every_context_and_cannot_be_rebound() {
        let keymap = BrowserKeymap::with(&[chosen(A::Interrupt, &["Z"])]).unwrap();
        for context in [List, Comparison, Filter, Delete, Help] {
            assert!(keymap.rows_in(context).any(|row| row.keys.contains(&Key::ctrl('c'))), "{context:?}");
        }
        let conflicts = BrowserKeymap::with(&[chosen(A::Mark, &["ctrl-c"])]).map(drop).unwrap_err();
        assert_eq!(conflicts[0].why.to_string(), "always quits; choose another key");
    }

    #[test]
    fn an_action_has_the_keys_of_the_user_in_the_screens_and_its_own_in_a_dialog() {
        let keymap =
            BrowserKeymap::with(&[chosen(A::Down, &["n"]), chosen(A::Close, &[]), chosen(A::Redraw, &["L"])]).unwrap();
        let mut browser = Browser::new(ThemeName::Auto);
        assert_eq!(action_of(&keymap, &browser, 'n'), Some(A::Down));
        assert_eq!(action_of(&keymap, &browser, 'j'), None);
        assert_eq!(action_of(&keymap, &browser, 'L'), Some(A::Redraw));
        update(&mut browser, BrowserMsg::Action(A::Filter));
        // A letter goes into the text field.
        assert_eq!(action_of(&keymap, &browser, 'n'), None);
        assert_eq!(action_of(&keymap, &browser, 'L'), None);
        update(&mut browser, BrowserMsg::Action(A::KeepFilter));
        update(&mut browser, BrowserMsg::Action(A::Help));
        assert_eq!(action_of(&keymap, &browser, 'q'), Some(A::Close));
    }

    #[test]
    fn a_key_with_two_meanings_is_refused_and_the_error_names_the_other_action() {
        let conflicts = BrowserKeymap::with(&[chosen(A::Open, &["d"])]).map(drop).unwrap_err();
        assert_eq!(
            conflicts[0].why.to_string(),
            "is already bound to 'delete' (list); rebind that action, or unbind it: delete = []"
        );
    }
}
