//! Settings in effect, as a config file.

use std::fmt::Write as _;
use std::path::Path;

use super::Settings;
use crate::app::state::preset::LayoutPreset;
use crate::config::config_file::{AsciiWhen, Located};
use crate::config::defaults::{SETTINGS, Value};
use crate::domain::text::sanitise_line;
use crate::ui::keymap::{Key, KeyAction, KeyBinding, Override, Row};
use crate::ui::terminal::NotifyBy;

/// Column of the comments after the values.
const COLUMN: usize = 40;

impl Settings {
    /// Lists the settings in effect as a config file that would set the same values. Each value has its source as a
    /// comment, and unset values are comments. Secrets in URLs are removed.
    pub fn listing(&self) -> String {
        let mut out = String::from("# The configuration that tokscope uses here, and the source of each value.\n");
        let _infallible = match &self.file {
            Some((path, true)) => writeln!(out, "# Line numbers refer to {}", shown(path)),
            Some((path, false)) => writeln!(out, "# There is no {}; this is what it could contain.", shown(path)),
            None => writeln!(out, "# This user has no home folder; --config names a file."),
        };
        out.push('\n');
        self.list_screen(&mut out);
        out.push_str("\n[defaults]\n");
        self.list_defaults(&mut out);
        out.push_str("\n[keys]\n# Described by tokscope --print-keys. ctrl-c always quits; [] unbinds an action.\n");
        list_keys(&mut out, self.keymap.rows(), &self.keys);
        out.push_str("\n[keys.runs]\n# The run browser. Described by tokscope runs --print-keys.\n");
        list_keys(&mut out, self.browser_keymap.rows(), &self.browser_keys);
        out
    }

    fn list_screen(&self, out: &mut String) {
        let names = self.offered.iter().filter(|theme| theme.mistake.is_none()).map(|theme| theme.name.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        let theme = quoted(self.theme.value.as_str());
        line(out, &format!("theme = {theme}"), &format!("{}; {names}", self.theme.from));
        let ascii = match self.ascii.value {
            AsciiWhen::Auto => "\"auto\"",
            AsciiWhen::Always => "true",
            AsciiWhen::Never => "false",
        };
        let here = if self.is_ascii() { "here: only ASCII" } else { "here: all characters" };
        line(out, &format!("ascii = {ascii}"), &format!("{}; {here}", self.ascii.from));
        let reduced = &self.reduced_motion;
        line(out, &format!("reduced_motion = {}", reduced.value), &reduced.from.to_string());
        line(out, &format!("title = {}", self.title.value), &self.title.from.to_string());
        let (notify, ways) = (&self.notify, NotifyBy::ALL.map(NotifyBy::as_str).join(", "));
        line(out, &format!("notify = {}", quoted(notify.value.as_str())), &format!("{}; {ways}", notify.from));
        let layouts = LayoutPreset::NAMES.join(", ");
        match &self.layout {
            Some(layout) => {
                let value = quoted(layout.value.name());
                line(out, &format!("layout = {value}"), &format!("{}; {layouts}", layout.from));
            }
            None => line(out, "# layout", &format!("by the run; {layouts}")),
        }
    }

    fn list_defaults(&self, out: &mut String) {
        for (setting, held) in SETTINGS.iter().zip(&self.options) {
            let held = held.as_ref().and_then(|held| Some(((setting.printed)(&held.value)?, held.from.to_string())));
            match held {
                Some((value, from)) => line(out, &format!("{} = {}", setting.key, toml(&value)), &from),
                None => line(out, &format!("# {}", setting.key), setting.unset),
            }
        }
    }
}

/// Lists the actions: those with the user's own keys as settings, all others as comments.
fn list_keys<B: KeyBinding>(out: &mut String, rows: &[Row<B>], chosen: &[Located<Override<B::Action>>]) {
    let mut listed: Vec<B::Action> = Vec::new();
    for row in rows {
        let action = row.binding.action();
        if listed.contains(&action) {
            continue;
        }
        listed.push(action);
        let assigned = |keys: &[Key]| {
            let keys: Vec<_> = keys.iter().map(|key| quoted(&key.config_name())).collect();
            format!("{} = [{}]", action.name(), keys.join(", "))
        };
        match chosen.iter().find(|at| at.value.action == action) {
            Some(at) => line(out, &assigned(&at.value.keys), &format!("line {}", at.line)),
            None => line(out, &format!("# {}", assigned(&row.keys)), ""),
        }
    }
}

fn toml(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(text),
        Value::Count(count) => count.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Paths(paths) => {
            let paths: Vec<_> = paths.iter().map(|path| quoted(&path.to_string_lossy())).collect();
            format!("[{}]", paths.join(", "))
        }
    }
}

fn line(out: &mut String, text: &str, comment: &str) {
    let comment = sanitise_line(comment);
    let _infallible =
        if comment.is_empty() { writeln!(out, "{text}") } else { writeln!(out, "{text:<COLUMN$} # {comment}") };
}

fn shown(path: &Path) -> String {
    sanitise_line(&path.to_string_lossy())
}

/// Quotes a text for TOML; special characters become escapes.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() || sanitise_line(c.encode_utf8(&mut [0; 4])).is_empty() => {
                let _infallible = write!(out, "\\U{:08X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
