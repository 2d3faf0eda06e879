//! The keys of this program as it runs: the table, each row with its keys.

use std::sync::LazyLock;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{BINDINGS, Binding, Context, Key};
use crate::app::action::Action;
use crate::app::message::Msg;
use crate::app::state::UiState;
use crate::app::state::palette::Command;
use crate::app::state::text_field::Edit;
use crate::domain::time::Nanos;

/// A row of the table and the keys it has now.
#[derive(Clone, Debug)]
pub struct Row {
    /// What they mean.
    pub binding: &'static Binding,
    /// The keys, the one to show first.
    pub keys: Vec<Key>,
}

/// All rows, in the order of the table.
#[derive(Clone, Debug)]
pub struct Keymap {
    rows: Vec<Row>,
}

impl Keymap {
    /// The keys as the program comes.
    pub fn standard() -> &'static Self {
        static STANDARD: LazyLock<Keymap> = LazyLock::new(|| {
            let row = |binding: &'static Binding| Row { binding, keys: binding.keys.to_vec() };
            Keymap::from_rows(BINDINGS.iter().map(row).collect())
        });
        &STANDARD
    }

    /// These rows.
    pub(super) const fn from_rows(rows: Vec<Row>) -> Self {
        Self { rows }
    }

    /// All rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// All that can be done from the panes, in the order of the table.
    pub fn commands(&self) -> Vec<Command> {
        let command = |row: &Row| {
            let binding = row.binding;
            let pane = match binding.on {
                Context::In(pane) => Some(pane),
                Context::Panes | Context::Anywhere => None,
                _ => return None,
            };
            let title = pane.map_or_else(String::new, |pane| format!("{}: ", pane.title()));
            let short = [binding.footer, binding.undo].into_iter().flatten();
            let words = short.fold(format!("{title}{}", binding.help), |words, word| format!("{words} {word}"));
            Some(Command { action: binding.action, pane, words })
        };
        self.rows.iter().filter(|r| r.binding.action != Action::Palette).filter_map(command).collect()
    }

    /// The row of a command.
    pub fn row_of(&self, command: &Command) -> Option<&Row> {
        let on = |context| match command.pane {
            Some(pane) => context == Context::In(pane),
            None => matches!(context, Context::Panes | Context::Anywhere),
        };
        self.rows.iter().find(|r| r.binding.action == command.action && on(r.binding.on))
    }

    /// The rows that mean something there, those of the place itself first.
    pub fn rows_in(&self, context: Context) -> impl Iterator<Item = &Row> {
        let of = move |wanted: Context| self.rows.iter().filter(move |r| r.binding.on == wanted);
        let beside = Context::AROUND.iter().filter(move |around| around.hold(context));
        of(context).chain(beside.flat_map(move |around| of(*around)))
    }

    /// The first key of an action, there or around it; `None` where it has none.
    pub fn key_of(&self, action: Action, context: Context) -> Option<&Key> {
        self.rows_in(context).find(|r| r.binding.action == action)?.keys.first()
    }

    /// What a key pressed at `now` means; `None` when nothing. Releases mean nothing.
    pub fn resolve(&self, ui: &UiState, event: &KeyEvent, now: Nanos) -> Option<Msg> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let context = Context::from_state(ui);
        let pressed = Key::from_event(event);
        let bound = pressed.and_then(|key| self.rows_in(context).find(|r| r.keys.contains(&key)));
        match bound {
            Some(row) => Some(Msg::Action(now, row.binding.action)),
            None if context.is_typed() => edit_of(event).map(Msg::Edit),
            None => None,
        }
    }
}

/// What a key does to a text that is typed.
fn edit_of(event: &KeyEvent) -> Option<Edit> {
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
