//! Options of the dashboard and its config file.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::app::state::theme::ThemeName;

/// Look of the dashboard, and the file that holds it.
#[derive(Args, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
#[command(next_help_heading = "Dashboard")]
pub struct ScreenArgs {
    /// Colours.
    #[arg(long, value_name = "NAME", value_parser = theme_name(), hide_possible_values = true, help = theme_help())]
    pub theme: Option<ThemeName>,
    /// Draw with ASCII only [default: if the locale is not UTF-8]
    #[arg(long)]
    pub ascii: bool,
    /// Update the screen at most twice a second
    #[arg(long)]
    pub reduced_motion: bool,
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

fn theme_name() -> impl TypedValueParser<Value = ThemeName> {
    let names = PossibleValuesParser::new(ThemeName::ALL.map(ThemeName::as_str));
    names.map(|name| ThemeName::by_name(&name).unwrap_or_default())
}

fn config_help() -> String {
    let place = if cfg!(windows) { r"%APPDATA%\tokscope\config.toml" } else { "~/.config/tokscope/config.toml" };
    format!("Theme, keys and default options [default: {place}]")
}

fn theme_help() -> String {
    format!("Colours: {} [default: auto]", ThemeName::ALL.map(ThemeName::as_str).join(", "))
}
