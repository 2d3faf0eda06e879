//! The keymap in use: the table of bindings with the user's keys, and the message of a key press.

use std::sync::LazyLock;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::binding::KeyContext;
use super::{BINDINGS, Binding, Context, Key, binding};
use crate::app::action::Action;
use crate::app::message::Msg;
use crate::app::state::UiState;
use crate::app::state::palette::Command;
use crate::app::state::text_field::Edit;
use crate::domain::time::Nanos;

/// A binding of the dashboard and its keys in this keymap.
pub type DashboardRow = binding::Row<Binding>;

/// All bindings, in the order of the table.
#[derive(Clone, Debug)]
pub struct Keymap {
    rows: Vec<DashboardRow>,
}

impl Keymap {
    /// The default keymap.
    pub fn standard() -> &'static Self {
        static STANDARD: LazyLock<Keymap> = LazyLock::new(|| Keymap::from_rows(binding::default_rows(&BINDINGS)));
        &STANDARD
    }

    /// A keymap of these rows.
    pub(super) const fn from_rows(rows: Vec<DashboardRow>) -> Self {
        Self { rows }
    }

    /// All rows, in the order of the table.
    pub fn rows(&self) -> &[DashboardRow] {
        &self.rows
    }

    /// The palette's commands: every action of the panes, in the order of the table.
    pub fn commands(&self) -> Vec<Command> {
        let command = |row: &DashboardRow| {
            let binding = row.binding;
            let pane = match binding.on {
                Context::In(pane) => Some(pane),
                Context::Panes | Context::Anywhere => None,
                _ => return None,
            };
            let title = pane.map_or_else(String::new, |pane| format!("{}: ", pane.title()));
            // Leave out Ctrl-C, since the quit action of the panes is listed already.
            if binding.on == Context::Anywhere && binding.action == Action::Quit {
                return None;
            }
            let labels = [binding.footer, binding.undo].into_iter().flatten();
            let search_text = labels.fold(format!("{title}{}", binding.help), |text, label| format!("{text} {label}"));
            Some(Command { action: binding.action, pane, search_text })
        };
        self.rows.iter().filter(|r| r.binding.action != Action::Palette).filter_map(command).collect()
    }

    /// The row of a palette command.
    pub fn row_of(&self, command: &Command) -> Option<&DashboardRow> {
        let on = |context| match command.pane {
            Some(pane) => context == Context::In(pane),
            None => matches!(context, Context::Panes | Context::Anywhere),
        };
        self.rows.iter().find(|r| r.binding.action == command.action && on(r.binding.on))
    }

    /// The rows that apply in a context, the context's own rows first.
    pub fn rows_in(&self, context: Context) -> impl Iterator<Item = &DashboardRow> {
        let rows_of = move |wanted: Context| self.rows.iter().filter(move |r| r.binding.on == wanted);
        let enclosing = Context::ENCLOSING.iter().filter(move |outer| outer.encloses(context));
        rows_of(context).chain(enclosing.flat_map(move |outer| rows_of(*outer)))
    }

    /// The first key of an action in a context or in one that encloses it; `None` if it has no key.
    pub fn key_of(&self, action: Action, context: Context) -> Option<&Key> {
        self.rows_in(context).filter(|r| r.binding.action == action).find_map(|r| r.keys.first())
    }

    /// The message for a key pressed at `now`; `None` for unbound keys and releases.
    pub fn resolve(&self, ui: &UiState, event: &KeyEvent, now: Nanos) -> Option<Msg> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let context = Context::from_state(ui);
        let pressed = Key::from_event(event);
        let bound = pressed.and_then(|key| {
            // A text field takes letters, even those bound to an action of the whole screen.
            let is_text = |row: &DashboardRow| context.is_typed() && key.is_typed() && row.binding.on != context;
            self.rows_in(context).find(|r| r.keys.contains(&key) && !is_text(r))
        });
        match bound {
            Some(row) => Some(Msg::Action(now, row.binding.action)),
            None if context.is_typed() => edit_of(event).map(Msg::Edit),
            None => None,
        }
    }
}

/// The edit that a key makes in a text field; `None` if it makes none.
pub(in crate::ui) fn edit_of(event: &KeyEvent) -> Option<Edit> {
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    let plain = event.modifiers.difference(KeyModifiers::SHIFT).is_empty();
    Some(match event.code {
        KeyCode::Char('w') if ctrl => Edit::DeleteWord,
        KeyCode::Char('u') if ctrl => Edit::Clear,
        KeyCode::Char('a') if ctrl => Edit::Home,
        KeyCode::Char('e') if ctrl => Edit::End,
        KeyCode::Char(c) if plain => Edit::Insert(c),
        KeyCode::Backspace => Edit::Backspace,
        KeyCode::Delete => Edit::Delete,
        KeyCode::Left => Edit::Left,
        KeyCode::Right => Edit::Right,
        KeyCode::Home => Edit::Home,
        KeyCode::End => Edit::End,
        _ => return None,
    })
}
