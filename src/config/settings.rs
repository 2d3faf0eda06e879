//! Settings in effect. The command line takes precedence over the environment, then the config file, then the defaults.

mod listing;
mod locale;
#[cfg(test)]
mod tests;
mod themes;

use std::fmt;
use std::path::{Path, PathBuf};

use self::themes::{custom_theme, themes_of};
use super::ConfigError;
use super::config_file::{self, AsciiWhen, ConfigFile, Located};
use super::defaults::{SETTINGS, Setting, Value};
use super::theme_file::{self, Loaded};
use crate::app::browser::action::BrowserAction;
use crate::app::state::preset::LayoutPreset;
use crate::app::state::theme::{OfferedTheme, ThemeName};
use crate::cli::{RunArgs, ScreenArgs};
use crate::runtime::spec::ScreenSpec;
use crate::ui::browser::keymap::BrowserKeymap;
use crate::ui::keymap::{Keymap, Override};
use crate::ui::terminal::NotifyBy;
use crate::ui::theme::Themes;

/// Variable that names the config file.
const FILE_VARIABLE: &str = "TOKSCOPE_CONFIG";

/// Source of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// Option of the command line.
    Flag(&'static str),
    /// Environment variable.
    Variable(&'static str),
    /// Line of the config file.
    Line(usize),
    /// Default, because nothing sets the value.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::Line(line) => write!(f, "line {line}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and its source.
#[derive(Clone, Debug, PartialEq)]
struct Sourced<T> {
    value: T,
    from: Source,
}

impl<T> Sourced<T> {
    const fn by_default(value: T) -> Self {
        Self { value, from: Source::Default }
    }
}

/// Returns the value of the option, or else that of the file.
fn given_or_file<T: Clone>(flag: &'static str, given: Option<&T>, file: Option<&Located<T>>) -> Option<Sourced<T>> {
    let given = given.map(|value| Sourced { value: value.clone(), from: Source::Flag(flag) });
    given.or_else(|| file.map(|at| Sourced { value: at.value.clone(), from: Source::Line(at.line) }))
}

/// Returns the value of an environment variable; `None` if it is unset or blank.
fn from_variable(name: &'static str, env: &dyn Fn(&str) -> Option<String>) -> Option<Sourced<Value>> {
    let value = env(name).filter(|v| !v.trim().is_empty())?;
    Some(Sourced { value: Value::Text(value), from: Source::Variable(name) })
}

/// The settings in effect, of those that a config file can have.
#[derive(Debug)]
pub struct Settings {
    /// Config file, and whether it exists.
    file: Option<(PathBuf, bool)>,
    theme: Sourced<ThemeName>,
    ascii: Sourced<AsciiWhen>,
    reduced_motion: Sourced<bool>,
    title: Sourced<bool>,
    notify: Sourced<NotifyBy>,
    /// Initial layout; `None` if it depends on the run.
    layout: Option<Sourced<LayoutPreset>>,
    /// Values of the options in the order of [`SETTINGS`].
    options: Vec<Option<Sourced<Value>>>,
    keymap: Keymap,
    /// Keys of the dashboard that the file sets.
    keys: Vec<Located<Override>>,
    browser_keymap: BrowserKeymap,
    /// Keys of the run browser that the file sets.
    browser_keys: Vec<Located<Override<BrowserAction>>>,
    themes: Themes,
    /// Themes to choose from on the screen.
    offered: Vec<OfferedTheme>,
    /// Whether the locale is not UTF-8.
    ascii_locale: bool,
}

impl Settings {
    /// Reads the config file, if it exists, and combines all sources. `env` looks up a variable.
    pub fn from_args(
        run: &RunArgs,
        screen: &ScreenArgs,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        Self::with(run, screen, env, config_file::usual_place().as_deref())
    }

    /// Reads the settings of the dashboard, for a command that starts no new run.
    pub fn of_screen(screen: &ScreenArgs, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Self::from_args(&RunArgs::default(), screen, env)
    }

    fn with(
        run: &RunArgs,
        screen: &ScreenArgs,
        env: &dyn Fn(&str) -> Option<String>,
        usual_place: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        let named = screen.config.clone().or_else(|| env(FILE_VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from));
        let file = match (named, usual_place) {
            (Some(named), _) => Some((named, true)),
            // A broken link or an unreadable file exists, and is reported as an error when it is read.
            (None, Some(place)) => Some((place.to_owned(), place.symlink_metadata().is_ok())),
            (None, None) => None,
        };
        let content = match &file {
            Some((path, true)) => config_file::load(path)?,
            _ => ConfigFile::default(),
        };
        let folder = usual_place.and_then(theme_file::folder_beside);
        let mut custom = folder.as_deref().map(theme_file::load_folder).unwrap_or_default();
        let chosen = custom_theme(screen, &content, file.as_ref().map(|(path, _)| path.as_path()));
        if let Some(chosen) = chosen {
            chosen.load_into(&mut custom, folder.as_deref())?;
        }
        Ok(Self::put_together(run, screen, env, file, content, custom))
    }

    fn put_together(
        run: &RunArgs,
        screen: &ScreenArgs,
        env: &dyn Fn(&str) -> Option<String>,
        file: Option<(PathBuf, bool)>,
        content: ConfigFile,
        custom: Vec<Loaded>,
    ) -> Self {
        let ConfigFile { theme, ascii, reduced_motion, title, notify, layout, defaults, keys, browser_keys } = content;
        let (offered, usable) = themes_of(custom);
        let always = screen.ascii.then_some(AsciiWhen::Always);
        let reduced = screen.reduced_motion.then_some(true);
        let option = |(at, setting): (usize, &Setting)| {
            let given = (setting.given)(run).map(|value| Sourced { value, from: Source::Flag(setting.flag) });
            let variable = || setting.variables.iter().find_map(|name| from_variable(name, env));
            let file = || given_or_file(setting.flag, None, defaults.get(at)?.as_ref());
            given.or_else(|| variable().or_else(file).filter(|_| (setting.file_applies)(run)))
        };
        let options = SETTINGS.iter().enumerate().map(option).collect();
        Self {
            theme: given_or_file("--theme", screen.theme.as_ref(), theme.as_ref())
                .unwrap_or(Sourced::by_default(ThemeName::default())),
            ascii: given_or_file("--ascii", always.as_ref(), ascii.as_ref())
                .unwrap_or(Sourced::by_default(AsciiWhen::default())),
            reduced_motion: given_or_file("--reduced-motion", reduced.as_ref(), reduced_motion.as_ref())
                .unwrap_or(Sourced::by_default(false)),
            title: given_or_file("title", None, title.as_ref()).unwrap_or(Sourced::by_default(true)),
            notify: given_or_file("notify", None, notify.as_ref()).unwrap_or(Sourced::by_default(NotifyBy::default())),
            layout: given_or_file("--layout", screen.layout.as_ref(), layout.as_ref()),
            options,
            keymap: keys.keymap.unwrap_or_else(|| Keymap::standard().clone()),
            keys: keys.overrides,
            browser_keymap: browser_keys.keymap.unwrap_or_default(),
            browser_keys: browser_keys.overrides,
            themes: Themes::from_env(env, usable),
            offered,
            ascii_locale: locale::is_ascii(env),
            file,
        }
    }

    /// Sets the options of a run that the config file sets and the command line does not.
    pub fn complete(&self, run: &mut RunArgs) {
        for (setting, held) in SETTINGS.iter().zip(&self.options) {
            // Values of environment variables are set elsewhere, so that errors can name the variable.
            let held = held.as_ref().filter(|held| !matches!(held.from, Source::Variable(_)));
            (setting.set)(run, held.map(|held| held.value.clone()));
        }
    }

    /// Settings of the dashboard.
    pub fn screen(&self) -> ScreenSpec {
        ScreenSpec {
            themes: self.themes.clone(),
            offered: self.offered.clone(),
            theme: self.theme.value.clone(),
            ascii: self.is_ascii(),
            reduced_motion: self.reduced_motion.value,
            title: self.title.value,
            notify: self.notify.value,
            layout: self.layout.as_ref().map(|layout| layout.value),
            keymap: self.keymap.clone(),
            browser_keymap: self.browser_keymap.clone(),
        }
    }

    /// Lists all keys of the dashboard, one per line.
    pub fn keys_table(&self) -> String {
        self.keymap.listing()
    }

    /// Lists all keys of the run browser, one per line.
    pub fn browser_keys_table(&self) -> String {
        self.browser_keymap.listing()
    }

    const fn is_ascii(&self) -> bool {
        match self.ascii.value {
            AsciiWhen::Auto => self.ascii_locale,
            AsciiWhen::Always => true,
            AsciiWhen::Never => false,
        }
    }
}
