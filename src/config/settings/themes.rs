//! The user's own themes, and the file that a theme name means.

use std::path::{Path, PathBuf};

use crate::app::state::theme::{OfferedTheme, ThemeName};
use crate::cli::ScreenArgs;
use crate::config::ConfigError;
use crate::config::config_file::ConfigFile;
use crate::config::theme_file::{self, Loaded};
use crate::config::toml_file::{FileError, advice};
use crate::domain::text::sanitise_line;
use crate::ui::theme::CustomTheme;

/// A user's theme that a setting names.
#[derive(Debug)]
pub(super) struct ChosenTheme<'a> {
    name: &'a str,
    /// Folder to which a relative path refers.
    folder: PathBuf,
    /// Config file and line that name the theme; `None` for the command line.
    place: Option<(&'a Path, usize)>,
}

/// Returns the theme in effect if it is one of the user's own.
pub(super) fn custom_theme<'a>(
    screen: &'a ScreenArgs,
    content: &'a ConfigFile,
    file: Option<&'a Path>,
) -> Option<ChosenTheme<'a>> {
    let in_file = || {
        let located = content.theme.as_ref()?;
        Some((&located.value, Some((file?, located.line))))
    };
    let (theme, place) = screen.theme.as_ref().map(|theme| (theme, None)).or_else(in_file)?;
    let ThemeName::Custom(name) = theme else { return None };
    let folder = place.and_then(|(path, _)| path.parent()).map(Path::to_owned).unwrap_or_default();
    Some(ChosenTheme { name, folder, place })
}

impl ChosenTheme<'_> {
    /// Adds the theme to the loaded ones if necessary. Returns an error if its file is missing or has a mistake.
    pub(super) fn load_into(&self, custom: &mut Vec<Loaded>, themes: Option<&Path>) -> Result<(), ConfigError> {
        if theme_file::is_path(self.name) {
            let theme = theme_file::load(&self.folder.join(self.name))?;
            custom.push((self.name.to_owned(), Ok(theme)));
            return Ok(());
        }
        match custom.iter().find(|(name, _)| name == self.name) {
            Some((_, Ok(_))) => Ok(()),
            Some((_, Err(mistakes))) => Err(mistakes.clone().into()),
            None => Err(self.unknown(custom, themes)),
        }
    }

    fn unknown(&self, custom: &[Loaded], themes: Option<&Path>) -> ConfigError {
        let mut known: Vec<&str> = ThemeName::NAMES.to_vec();
        known.extend(custom.iter().map(|(name, _)| name.as_str()));
        let file = themes.map(|folder| folder.join(format!("{}.toml", self.name)).display().to_string());
        let hint = file.map_or_else(String::new, |file| format!("; there is no {file}"));
        let why = format!("'{}'; {}", sanitise_line(self.name), advice(self.name, &known, &hint));
        match self.place {
            Some((path, line)) => {
                FileError::at_line(&path.display().to_string(), line, format!("'theme' is {why}")).into()
            }
            None => ConfigError(format!("--theme {why}")),
        }
    }
}

/// Returns the themes to offer on the screen, and the user's themes without mistakes.
pub(super) fn themes_of(custom: Vec<Loaded>) -> (Vec<OfferedTheme>, Vec<(String, CustomTheme)>) {
    let mut offered = OfferedTheme::built_in();
    let mut usable = Vec::new();
    for (name, theme) in custom {
        let mistake = theme.as_ref().err().map(|error| error.to_string().lines().next().unwrap_or_default().to_owned());
        offered.push(OfferedTheme { name: ThemeName::Custom(name.clone()), mistake });
        if let Ok(theme) = theme {
            usable.push((name, theme));
        }
    }
    (offered, usable)
}
