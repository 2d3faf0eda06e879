//! `[keys]`: other keys for actions, by the actions' names.

use toml::de::DeValue;

use super::Located;
use crate::app::action::Action;
use crate::config::toml_file::{Mistakes, Section, advice, shown};
use crate::ui::keymap::{BINDINGS, Key, Keymap, Override};

/// Reads the user's keys, and the table of all keys with them if no two keys conflict.
pub(super) fn read(section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> (Vec<Located<Override>>, Option<Keymap>) {
    let mut chosen = Vec::new();
    // Byte offsets of each action and of each of its keys.
    let mut places: Vec<(usize, Vec<usize>)> = Vec::new();
    for (key, _) in section.table {
        let (name, at): (&str, usize) = (key.get_ref(), key.span().start);
        let Some(action) = action_of(name) else {
            let advice = advice(name, &names(), "; --print-keys describes them");
            mistakes.add(at, format!("there is no action '{}'; {advice}", shown(name)));
            continue;
        };
        if let Some((keys, keys_at)) = read_keys(section, name, mistakes) {
            chosen.push((Override { action, keys }, at));
            places.push((at, keys_at));
        }
    }
    // Restores the order of the file, which the TOML table does not keep.
    let mut order: Vec<usize> = (0..chosen.len()).collect();
    order.sort_by_key(|&i| chosen[i].1);
    let overrides: Vec<Override> = chosen.iter().map(|(chosen, _)| chosen.clone()).collect();
    let keymap = match Keymap::with(&overrides) {
        Ok(keymap) => Some(keymap),
        Err(conflicts) => {
            for conflict in conflicts {
                let Override { action, keys } = &overrides[conflict.at];
                let (row_at, keys_at) = &places[conflict.at];
                let at = keys.iter().position(|key| *key == conflict.key).and_then(|i| keys_at.get(i));
                let message = format!("'{}' of '{}' {}", conflict.key, action.name(), conflict.why);
                mistakes.add(*at.unwrap_or(row_at), message);
            }
            None
        }
    };
    let in_order = order.into_iter().map(|i| Located::new(chosen[i].clone(), mistakes)).collect();
    (in_order, keymap)
}

/// Reads the keys of one action, a list or a single key, with their byte offsets.
fn read_keys(section: &Section<'_, '_>, name: &str, mistakes: &mut Mistakes<'_>) -> Option<(Vec<Key>, Vec<usize>)> {
    let texts = match section.value(name)? {
        (DeValue::String(text), at) => vec![(&**text, at)],
        _ => section.texts(name, "[\"space\", \"ctrl-h\"]", mistakes)?,
    };
    let (mut keys, mut places) = (Vec::new(), Vec::new());
    for (text, at) in texts {
        match text.parse::<Key>() {
            Ok(key) if keys.contains(&key) => {}
            Ok(key) => {
                keys.push(key);
                places.push(at);
            }
            Err(why) => mistakes.add(at, format!("'{}' {why}", shown(text))),
        }
    }
    Some((keys, places))
}

fn action_of(name: &str) -> Option<Action> {
    BINDINGS.iter().map(|binding| binding.action).find(|action| action.name() == name)
}

/// Returns the names of all actions, each once, in the order of the table.
fn names() -> Vec<&'static str> {
    let mut names = Vec::new();
    for name in BINDINGS.iter().map(|binding| binding.action.name()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
