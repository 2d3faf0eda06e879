//! The keys that a user has chosen in place of the table's.

use std::fmt;

use crossterm::event::KeyCode;

use super::{Context, Key, Keymap, Row};
use crate::app::action::Action;

/// The key that always leads out: it cannot be taken away, and it can mean nothing else.
const WAY_OUT: Key = Key::ctrl('c');

/// Other keys for an action, wherever it has some; none unbinds it.
///
/// A dialog needs a way out, and a text that is typed needs its letters. So where an action has a key in one of these,
/// it keeps the table's if none of the chosen ones will do there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// What they mean.
    pub action: Action,
    /// The keys, the one to show first.
    pub keys: Vec<Key>,
}

/// Why a key cannot mean what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConflictReason {
    /// It always leads out of the program.
    LeadsOut,
    /// It means this, too, there.
    Means(Action, Context),
}

/// A key that cannot mean what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Which of the overrides wants it.
    pub at: usize,
    /// The key.
    pub key: Key,
    /// Why not.
    pub why: ConflictReason,
}

impl fmt::Display for ConflictReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeadsOut => f.write_str("always quits, whatever else does; choose another key"),
            Self::Means(action, context) => {
                let (name, place) = (action.name(), context.place());
                write!(f, "is '{name}', too ({place}); give that other keys, or none: {name} = []")
            }
        }
    }
}

impl Keymap {
    /// The table with these keys in place of its own; or all keys that would mean two things in one place. What the
    /// table itself has twice, as a pane's own keys go before those of all panes, is none.
    pub fn with(overrides: &[Override]) -> Result<Self, Vec<Conflict>> {
        let standard = Self::standard().rows();
        let rows: Vec<Row> = standard.iter().map(|row| overridden(row, overrides)).collect();
        let mut conflicts: Vec<Conflict> = Vec::new();
        for (at, chosen) in overrides.iter().enumerate() {
            for &key in &chosen.keys {
                let leads_out = (key == WAY_OUT && chosen.action != Action::Quit).then_some(ConflictReason::LeadsOut);
                let why = leads_out.or_else(|| other_meaning(chosen.action, key, &rows));
                conflicts.extend(why.map(|why| Conflict { at, key, why }));
            }
        }
        if conflicts.is_empty() { Ok(Self::from_rows(rows)) } else { Err(conflicts) }
    }
}

fn overridden(row: &Row, overrides: &[Override]) -> Row {
    let Some(chosen) = overrides.iter().find(|o| o.action == row.binding.action) else { return row.clone() };
    let on = row.binding.on;
    let mut keys: Vec<Key> = chosen.keys.iter().copied().filter(|key| !(on.is_typed() && key.is_typed())).collect();
    if keys.is_empty() && on.is_dialog() && leads_through(row.binding.action) {
        keys.clone_from(&row.keys);
    }
    if row.keys.contains(&WAY_OUT) && !keys.contains(&WAY_OUT) {
        keys.push(WAY_OUT);
    }
    Row { binding: row.binding, keys }
}

/// What a dialog cannot do without: the ways through it and out of it.
const fn leads_through(action: Action) -> bool {
    !matches!(action, Action::Export | Action::ChooseExport)
}

/// What else `key` means where it would mean `action`.
fn other_meaning(action: Action, key: Key, rows: &[Row]) -> Option<ConflictReason> {
    let wanted = rows.iter().filter(|row| row.binding.action == action && row.keys.contains(&key));
    let mut others = wanted.flat_map(|row| {
        let on = row.binding.on;
        let is_other = move |other: &&Row| {
            other.binding.action != action && other.binding.on.meets(on) && other.keys.contains(&key)
        };
        rows.iter().filter(is_other).map(|other| ConflictReason::Means(other.binding.action, other.binding.on))
    });
    others.next()
}

impl Key {
    /// Whether it puts something into a text that is typed.
    const fn is_typed(self) -> bool {
        !self.ctrl && matches!(self.code, KeyCode::Char(_))
    }
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
    fn without_wishes_it_is_the_table() {
        let map = Keymap::with(&[]).unwrap();
        assert_eq!(map.rows().len(), BINDINGS.len());
        for (row, binding) in map.rows().iter().zip(BINDINGS.iter()) {
            assert_eq!(row.keys, binding.keys);
        }
    }

    #[test]
    fn chosen_keys_stand_in_place_of_the_tables_and_none_unbinds() {
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
    fn a_key_with_two_meanings_in_one_place_is_refused_with_the_other() {
        let refused = |overrides: &[Override]| Keymap::with(overrides).map(drop).unwrap_err();
        let why = |action, on| ConflictReason::Means(action, on);
        let conflicts = refused(&[chosen(Action::Copy, &["C"]), chosen(Action::ToggleHold, &["space", "j"])]);
        let key = "j".parse().unwrap();
        assert_eq!(conflicts, [Conflict { at: 1, key, why: why(Action::SelectNext, Context::Panes) }]);
        assert_eq!(conflicts[0].why.to_string(), "is 'next', too (panes); give that other keys, or none: next = []");
        // Around it as well as in it.
        assert_eq!(refused(&[chosen(Action::Rerun, &["ctrl-l"])])[0].why, why(Action::Redraw, Context::Anywhere));
        assert_eq!(refused(&[chosen(Action::Redraw, &["q"])])[0].why, why(Action::Quit, Context::Panes));
        // In different places one key may mean different things: that is what dialogs are for.
        assert!(Keymap::with(&[chosen(Action::Filter, &["y"]), chosen(Action::Copy, &["ctrl-y"])]).is_ok());
    }

    #[test]
    fn one_key_for_two_wishes_is_told_of_both() {
        let wishes = [chosen(Action::Copy, &["C"]), chosen(Action::Cancel, &["C"])];
        let at: Vec<_> = Keymap::with(&wishes).map(drop).unwrap_err().iter().map(|c| c.at).collect();
        assert_eq!(at, [0, 1]);
    }

    #[test]
    fn ctrl_c_always_quits() {
        for (i, binding) in BINDINGS.iter().enumerate() {
            let map = Keymap::with(&[chosen(binding.action, &[])]).unwrap();
            let kept = binding.keys.contains(&WAY_OUT);
            assert_eq!(map.rows()[i].keys.contains(&WAY_OUT), kept, "{binding:?}");
        }
        assert!(Keymap::with(&[chosen(Action::Quit, &["Q", "ctrl-c"])]).is_ok());
        let conflicts = Keymap::with(&[chosen(Action::Copy, &["ctrl-c"])]).map(drop).unwrap_err();
        assert_eq!(conflicts[0].why, ConflictReason::LeadsOut);
    }

    #[test]
    fn dialogs_keep_a_way_out_and_typing_its_letters() {
        let map = Keymap::with(&[chosen(Action::Back, &[])]).unwrap();
        assert_eq!(keys(&map, Action::Back, Context::ConfirmQuit), ["n", "esc"]);
        assert!(keys(&map, Action::Back, Context::Panes).is_empty());
        let map = Keymap::with(&[chosen(Action::Back, &["B"])]).unwrap();
        assert_eq!(keys(&map, Action::Back, Context::FilterInput), ["esc", "ctrl-c"]);
        assert_eq!(keys(&map, Action::Back, Context::Help), ["B", "ctrl-c"]);
    }
}
