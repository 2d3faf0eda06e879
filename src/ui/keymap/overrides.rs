//! Key bindings from the config file, which replace those of the table.

use std::fmt;

use super::binding::{KeyAction, KeyBinding, KeyContext, Row, default_rows};
use super::{BINDINGS, Binding, Context, Key, Keymap};
use crate::app::action::Action;

/// The key that always quits or closes. It cannot be rebound or unbound.
const QUIT_KEY: Key = Key::ctrl('c');

/// Keys that replace an action's default keys in every context; an empty list unbinds the action.
///
/// In overlays and text fields, an action keeps its default keys if none of the new ones can be used there, so that
/// every dialog can be closed and every letter typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override<A = Action> {
    /// The action to rebind.
    pub action: A,
    /// The new keys; footer and hints show the first.
    pub keys: Vec<Key>,
}

/// Why a key cannot be bound to an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConflictReason<A = Action, C = Context> {
    /// The key always quits.
    AlwaysQuits,
    /// The key already triggers this action in this context.
    Means(A, C),
}

/// A key that cannot be bound as requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict<A = Action, C = Context> {
    /// Index of the override that has the key.
    pub at: usize,
    /// The key.
    pub key: Key,
    /// The reason.
    pub why: ConflictReason<A, C>,
}

/// Conflicts in a table of bindings.
pub type Conflicts<B> = Vec<Conflict<<B as KeyBinding>::Action, <B as KeyBinding>::Context>>;

impl<A: KeyAction, C: KeyContext> fmt::Display for ConflictReason<A, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlwaysQuits => f.write_str("always quits; choose another key"),
            Self::Means(action, context) => {
                let (name, place) = (action.name(), context.place());
                write!(f, "is already bound to '{name}' ({place}); rebind that action, or unbind it: {name} = []")
            }
        }
    }
}

impl Keymap {
    /// The default keymap with these overrides.
    ///
    /// # Errors
    ///
    /// Returns the conflicts as `rebound` does.
    pub fn with(overrides: &[Override]) -> Result<Self, Conflicts<Binding>> {
        rebound(&BINDINGS, overrides).map(Self::from_rows)
    }
}

/// The rows of a table with these overrides.
///
/// # Errors
///
/// Returns every key that would have two meanings in one context. A default key may take precedence over a key of an
/// enclosing context; that is no conflict.
pub fn rebound<B: KeyBinding>(
    table: &'static [B],
    overrides: &[Override<B::Action>],
) -> Result<Vec<Row<B>>, Conflicts<B>> {
    let rows: Vec<Row<B>> = default_rows(table).into_iter().map(|row| overridden(row, overrides)).collect();
    let mut conflicts: Conflicts<B> = Vec::new();
    for (at, chosen) in overrides.iter().enumerate() {
        for &key in &chosen.keys {
            let why = match (key == QUIT_KEY, chosen.action.is_quit()) {
                (true, true) => None,
                (true, false) => Some(ConflictReason::AlwaysQuits),
                (false, _) => other_meaning(chosen.action, key, &rows),
            };
            conflicts.extend(why.map(|why| Conflict { at, key, why }));
        }
    }
    if conflicts.is_empty() { Ok(rows) } else { Err(conflicts) }
}

fn overridden<B: KeyBinding>(row: Row<B>, overrides: &[Override<B::Action>]) -> Row<B> {
    let (action, on) = (row.binding.action(), row.binding.context());
    let Some(chosen) = overrides.iter().find(|o| o.action == action) else { return row };
    if row.keys == [QUIT_KEY] {
        return row;
    }
    let mut keys: Vec<Key> = chosen.keys.iter().copied().filter(|key| !(on.is_typed() && key.is_typed())).collect();
    if keys.is_empty() && on.is_dialog() && action.is_needed_in_dialog() {
        keys.clone_from(&row.keys);
    }
    Row { keys, ..row }
}

/// Another action that `key` triggers in a context in which it also triggers `action`.
fn other_meaning<B: KeyBinding>(
    action: B::Action,
    key: Key,
    rows: &[Row<B>],
) -> Option<ConflictReason<B::Action, B::Context>> {
    let bound = rows.iter().filter(|row| row.binding.action() == action && row.keys.contains(&key));
    let mut others = bound.flat_map(|row| {
        let on = row.binding.context();
        let is_other = move |other: &&Row<B>| {
            other.binding.action() != action && other.binding.context().overlaps(on) && other.keys.contains(&key)
        };
        let reason = |other: &Row<B>| ConflictReason::Means(other.binding.action(), other.binding.context());
        rows.iter().filter(is_other).map(reason)
    });
    others.next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::keymap::BINDINGS;

    fn chosen(action: Action, keys: &[&str]) -> Override {
        Override { action, keys: keys.iter().map(|key| key.parse().unwrap()).collect() }
    }

    fn keys(map: &Keymap, action: Action, on: Context) -> Vec<String> {
        let row = map.rows().iter().find(|row| row.binding.action == action && row.binding.on == on).unwrap();
        row.keys.iter().map(Key::to_string).collect()
    }

    #[test]
    fn without_overrides_the_keymap_is_the_default() {
        let map = Keymap::with(&[]).unwrap();
        assert_eq!(map.rows().len(), BINDINGS.len());
        for (row, binding) in map.rows().iter().zip(BINDINGS.iter()) {
            assert_eq!(row.keys, binding.keys);
        }
    }

    #[test]
    fn overrides_replace_default_keys_and_an_empty_list_unbinds() {
        let map = Keymap::with(&[
            chosen(Action::ToggleHold, &["ctrl-h", "B"]),
            chosen(Action::Export, &[]),
            chosen(Action::ChooseExport, &["e"]),
        ])
        .unwrap();
        assert_eq!(keys(&map, Action::ToggleHold, Context::Panes), ["ctrl-h", "B"]);
        assert_eq!(map.key_of(Action::Export, Context::Panes), None);
        assert_eq!(keys(&map, Action::ChooseExport, Context::Panes), ["e"]);
        assert_eq!(keys(&map, Action::Rerun, Context::Panes), ["r"]);
    }

    #[test]
    fn a_key_with_two_meanings_in_one_context_is_refused_and_the_error_names_the_other_action() {
        let refused = |overrides: &[Override]| Keymap::with(overrides).map(drop).unwrap_err();
        let why = |action, on| ConflictReason::Means(action, on);
        let conflicts = refused(&[chosen(Action::Copy, &["C"]), chosen(Action::ToggleHold, &["space", "j"])]);
        let key = "j".parse().unwrap();
        assert_eq!(conflicts, [Conflict { at: 1, key, why: why(Action::SelectNext, Context::Panes) }]);
        assert_eq!(
            conflicts[0].why.to_string(),
            "is already bound to 'next' (panes); rebind that action, or unbind it: next = []"
        );
        // Conflicts with an enclosing context and with an enclosed one.
        assert_eq!(refused(&[chosen(Action::Rerun, &["ctrl-l"])])[0].why, why(Action::Redraw, Context::Anywhere));
        assert_eq!(refused(&[chosen(Action::Redraw, &["q"])])[0].why, why(Action::Quit, Context::Panes));
        // One key may have different meanings in contexts that do not overlap.
        assert!(Keymap::with(&[chosen(Action::Filter, &["y"]), chosen(Action::Copy, &["ctrl-y"])]).is_ok());
    }

    #[test]
    fn one_key_in_two_overrides_is_a_conflict_of_both() {
        let overrides = [chosen(Action::Copy, &["C"]), chosen(Action::Cancel, &["C"])];
        let at: Vec<_> = Keymap::with(&overrides).map(drop).unwrap_err().iter().map(|c| c.at).collect();
        assert_eq!(at, [0, 1]);
    }

    #[test]
    fn ctrl_c_always_quits() {
        for (i, binding) in BINDINGS.iter().enumerate() {
            let map = Keymap::with(&[chosen(binding.action, &[])]).unwrap();
            let has_quit_key = binding.keys.contains(&QUIT_KEY);
            assert_eq!(map.rows()[i].keys.contains(&QUIT_KEY), has_quit_key, "{binding:?}");
        }
        assert!(Keymap::with(&[chosen(Action::Quit, &["Q", "ctrl-c"])]).is_ok());
        let conflicts = Keymap::with(&[chosen(Action::Copy, &["ctrl-c"])]).map(drop).unwrap_err();
        assert_eq!(conflicts[0].why, ConflictReason::AlwaysQuits);
    }

    #[test]
    fn overlays_keep_a_key_to_close_them_and_text_fields_their_letters() {
        let map = Keymap::with(&[chosen(Action::Back, &[])]).unwrap();
        assert_eq!(keys(&map, Action::Back, Context::ConfirmQuit), ["n", "esc"]);
        assert!(keys(&map, Action::Back, Context::Panes).is_empty());
        let map = Keymap::with(&[chosen(Action::Back, &["B"])]).unwrap();
        assert_eq!(keys(&map, Action::Back, Context::FilterInput), ["esc"]);
        assert_eq!(keys(&map, Action::Back, Context::Report), ["B"]);
    }
}
