//! Options of the dashboard and its config file.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::{NonEmptyStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Args, Command};

use crate::app::state::preset::LayoutPreset;
use crate::app::state::theme::ThemeName;

/// Appearance of the dashboard, and the config file.
#[derive(Args, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
#[command(next_help_heading = "Dashboard")]
pub struct ScreenArgs {
    /// Colours.
    #[arg(long, value_name = "NAME", value_parser = ThemeParser, hide_possible_values = true, help = theme_help())]
    pub theme: Option<ThemeName>,
    /// Draw with ASCII only [default: if the locale is not UTF-8]
    #[arg(long)]
    pub ascii: bool,
    /// Update the screen at most twice a second
    #[arg(long)]
    pub reduced_motion: bool,
    /// Layout of the panes.
    #[arg(long, value_name = "NAME", value_parser = layout_parser(), hide_possible_values = true, help = layout_help())]
    pub layout: Option<LayoutPreset>,
    /// Config file.
    #[arg(long, value_name = "FILE", help = config_help())]
    pub config: Option<PathBuf>,
    /// Print the settings in effect as a config file, with the source of each
    #[arg(long)]
    pub print_config: bool,
    /// Print all keys with the action names for the config file
    #[arg(long)]
    pub print_keys: bool,
}

/// Parser that accepts any theme name, because the user's own themes are loaded later. Shells complete only the names
/// of built-in themes.
#[derive(Clone, Copy)]
struct ThemeParser;

impl TypedValueParser for ThemeParser {
    type Value = ThemeName;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<ThemeName, clap::Error> {
        let name = NonEmptyStringValueParser::new().parse_ref(command, arg, value)?;
        Ok(ThemeName::from_name(&name))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(ThemeName::NAMES.into_iter().map(PossibleValue::new)))
    }
}

fn config_help() -> String {
    let place = if cfg!(windows) { r"%APPDATA%\tokscope\config.toml" } else { "~/.config/tokscope/config.toml" };
    format!("Theme, keys and default options [default: {place}]")
}

fn layout_parser() -> impl TypedValueParser<Value = LayoutPreset> {
    PossibleValuesParser::new(LayoutPreset::NAMES)
        .try_map(|name| LayoutPreset::from_name(&name).ok_or("there is no such layout"))
}

fn layout_help() -> String {
    format!("Layout: {} [default: by the run]", LayoutPreset::NAMES.join(", "))
}

fn theme_help() -> String {
    format!("Colours: {}, or a theme file [default: auto]", ThemeName::NAMES.join(", "))
}
