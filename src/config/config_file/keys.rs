//! `[keys]` and `[keys.runs]`: the user's own keys for actions of the dashboard and the run browser.

use toml::de::DeValue;

use super::Located;
use crate::config::toml_file::{Mistakes, Section, advice, shown};
use crate::ui::browser::keymap::{BROWSER_BINDINGS, BrowserBinding, BrowserKeymap};
use crate::ui::keymap::{BINDINGS, Binding, Conflicts, Key, KeyAction, KeyBinding, Keymap, Override};

/// Section of the run browser within `[keys]`.
pub(super) const BROWSER: &str = "runs";
/// Full name of that section.
pub(super) const BROWSER_HEADER: &str = "keys.runs";

/// Keys that the file sets, in the order of the file, and the keymap with these keys if no two conflict.
#[derive(Debug)]
pub(in crate::config) struct UserKeys<A, K> {
    pub(in crate::config) overrides: Vec<Located<Override<A>>>,
    pub(in crate::config) keymap: Option<K>,
}

impl<A, K> Default for UserKeys<A, K> {
    fn default() -> Self {
        Self { overrides: Vec::new(), keymap: None }
    }
}

/// Keys of the dashboard.
pub(in crate::config) type DashboardKeys = UserKeys<<Binding as KeyBinding>::Action, Keymap>;
/// Keys of the run browser.
pub(in crate::config) type BrowserKeys = UserKeys<<BrowserBinding as KeyBinding>::Action, BrowserKeymap>;

/// Function that creates a keymap with the user's keys.
type KeymapWith<B, K> = fn(&[Override<<B as KeyBinding>::Action>]) -> Result<K, Conflicts<B>>;

/// Reads the keys of the dashboard.
pub(super) fn dashboard(section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> DashboardKeys {
    read(section, &BINDINGS, &[BROWSER], "--print-keys describes them", Keymap::with, mistakes)
}

/// Reads the keys of the run browser.
pub(super) fn browser(section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> BrowserKeys {
    let describes = "tokscope runs --print-keys describes them";
    read(section, BROWSER_BINDINGS, &[], describes, BrowserKeymap::with, mistakes)
}

/// Reads the keys of the actions in a table. `ignored` lists TOML keys of the section that are not actions. `describes`
/// names the command that describes the actions, for errors.
fn read<B: KeyBinding, K>(
    section: &Section<'_, '_>,
    table: &[B],
    ignored: &[&str],
    describes: &str,
    keymap_with: KeymapWith<B, K>,
    mistakes: &mut Mistakes<'_>,
) -> UserKeys<B::Action, K> {
    let mut chosen = Vec::new();
    // Byte offsets of each action and of each of its keys.
    let mut places: Vec<(usize, Vec<usize>)> = Vec::new();
    for (key, _) in section.table {
        let (name, at): (&str, usize) = (key.get_ref(), key.span().start);
        if ignored.contains(&name) {
            continue;
        }
        let Some(action) = table.iter().map(KeyBinding::action).find(|action| action.name() == name) else {
            let advice = advice(name, &names(table), &format!("; {describes}"));
            mistakes.add(at, format!("there is no action '{}'; {advice}", shown(name)));
            continue;
        };
        if let Some((keys, keys_at)) = read_keys(section, name, mistakes) {
            chosen.push((Override { action, keys }, at));
            places.push((at, keys_at));
        }
    }
    // Restores the order of the file, which the TOML table does not preserve.
    let mut order: Vec<usize> = (0..chosen.len()).collect();
    order.sort_by_key(|&i| chosen[i].1);
    let overrides: Vec<Override<B::Action>> = chosen.iter().map(|(chosen, _)| chosen.clone()).collect();
    let keymap = match keymap_with(&overrides) {
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
    let overrides = order.into_iter().map(|i| Located::new(chosen[i].clone(), mistakes)).collect();
    UserKeys { overrides, keymap }
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

/// Returns the names of all actions, each once, in the order of the table.
fn names<B: KeyBinding>(table: &[B]) -> Vec<&'static str> {
    let mut names = Vec::new();
    for name in table.iter().map(|binding| binding.action().name()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
