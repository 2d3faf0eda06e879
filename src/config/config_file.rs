//! `config.toml`: theme, keys and defaults for options, read and checked.

pub(super) mod keys;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy, choose_base_strategy};
use toml::de::DeValue;

use self::keys::{BrowserKeys, DashboardKeys};
use super::defaults::{self, SETTINGS, Value};
use super::toml_file::{self, FileError, Mistakes, Section, kind};
use crate::app::state::preset::LayoutPreset;
use crate::app::state::theme::ThemeName;
use crate::store::input::Kind;
use crate::ui::terminal::NotifyBy;

/// Name of the config file in the usual folder.
const FILE_NAME: &str = "config.toml";
const CONFIG: Kind = Kind { file_name: Some(FILE_NAME), what: "a configuration", max_bytes: 1024 * 1024 };

/// A value of the file and its line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) line: usize,
}

impl<T> Located<T> {
    /// Creates a located value from a value and its byte offset.
    fn new((value, at): (T, usize), mistakes: &Mistakes<'_>) -> Self {
        Self { value, line: mistakes.line(at) }
    }
}

/// When to draw with ASCII only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum AsciiWhen {
    /// If the locale is not UTF-8.
    #[default]
    Auto,
    Always,
    Never,
}

/// Content of the file; `None` for values that the file does not set.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    pub(super) theme: Option<Located<ThemeName>>,
    pub(super) ascii: Option<Located<AsciiWhen>>,
    pub(super) reduced_motion: Option<Located<bool>>,
    pub(super) title: Option<Located<bool>>,
    pub(super) notify: Option<Located<NotifyBy>>,
    pub(super) layout: Option<Located<LayoutPreset>>,
    /// Values of `[defaults]` in the order of [`SETTINGS`]; empty without that section.
    pub(super) defaults: Vec<Option<Located<Value>>>,
    /// Keys of the dashboard.
    pub(super) keys: DashboardKeys,
    /// Keys of the run browser.
    pub(super) browser_keys: BrowserKeys,
}

/// Default path of the file, if this user has a home folder: `$XDG_CONFIG_HOME/tokscope/config.toml` or
/// `~/.config/tokscope/config.toml`; on Windows in the roaming data.
pub(super) fn usual_place() -> Option<PathBuf> {
    Some(choose_base_strategy().ok()?.config_dir().join("tokscope").join(FILE_NAME))
}

/// Reads a file that must exist.
pub(super) fn load(path: &Path) -> Result<ConfigFile, FileError> {
    let name = path.display().to_string();
    parse(&toml_file::text_of(path, &name, &CONFIG)?, &name)
}

/// Parses the text of a file; errors name it `name`.
pub(super) fn parse(text: &str, name: &str) -> Result<ConfigFile, FileError> {
    toml_file::parse(text, name, &CONFIG, |root, mistakes| Some(read(root, mistakes)))
}

fn read(root: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> ConfigFile {
    root.check_keys(
        &["theme", "ascii", "reduced_motion", "title", "notify", "layout", "defaults", "keys"],
        "",
        mistakes,
    );
    let theme = root.name("theme", mistakes).map(|(name, at)| (ThemeName::from_name(&name), at));
    let ascii = read_ascii(root, mistakes);
    let reduced_motion = root.boolean("reduced_motion", mistakes);
    let title = root.boolean("title", mistakes);
    let notify = root.word("notify", &NotifyBy::ALL.map(NotifyBy::as_str), mistakes);
    let notify = notify.and_then(|(name, at)| Some((NotifyBy::by_name(name)?, at)));
    let layout = root.word("layout", &LayoutPreset::NAMES, mistakes);
    let layout = layout.and_then(|(name, at)| Some((LayoutPreset::from_name(name)?, at)));
    let defaults = root.section("defaults", mistakes).map(|section| read_defaults(&section, mistakes));
    let keys_section = root.section("keys", mistakes);
    let browser_section =
        keys_section.as_ref().and_then(|section| section.section_as(keys::BROWSER, keys::BROWSER_HEADER, mistakes));
    let keys = keys_section.map(|section| keys::dashboard(&section, mistakes)).unwrap_or_default();
    let browser_keys = browser_section.map(|section| keys::browser(&section, mistakes)).unwrap_or_default();
    ConfigFile {
        theme: theme.map(|theme| Located::new(theme, mistakes)),
        ascii: ascii.map(|ascii| Located::new(ascii, mistakes)),
        reduced_motion: reduced_motion.map(|reduced| Located::new(reduced, mistakes)),
        title: title.map(|title| Located::new(title, mistakes)),
        notify: notify.map(|notify| Located::new(notify, mistakes)),
        layout: layout.map(|layout| Located::new(layout, mistakes)),
        defaults: defaults.unwrap_or_default(),
        keys,
        browser_keys,
    }
}

fn read_defaults(section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Vec<Option<Located<Value>>> {
    section.check_keys(&defaults::keys(), "", mistakes);
    let values: Vec<_> = SETTINGS.iter().map(|setting| (setting.read)(section, setting.key, mistakes)).collect();
    values.into_iter().map(|value| value.map(|value| Located::new(value, mistakes))).collect()
}

fn read_ascii(root: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Option<(AsciiWhen, usize)> {
    let (value, at) = root.value("ascii")?;
    let when = match value {
        DeValue::Boolean(true) => AsciiWhen::Always,
        DeValue::Boolean(false) => AsciiWhen::Never,
        DeValue::String(text) if text == "auto" => AsciiWhen::Auto,
        other => {
            mistakes.add(at, format!("'ascii' is {}; it must be true, false or \"auto\"", kind(other)));
            return None;
        }
    };
    Some((when, at))
}
