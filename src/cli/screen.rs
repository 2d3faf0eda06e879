//! The options of the dashboard, and of the file that holds them.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::app::state::theme::ThemeName;

/// What the dashboard looks like, and where that is written down.
#[derive(Args, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
#[command(next_help_heading = "Dashboard")]
pub struct ScreenArgs {
    /// Its colours.
    #[arg(long, value_name = "NAME", value_parser = theme_name(), hide_possible_values = true, help = theme_help())]
    pub theme: Option<ThemeName>,
    /// Only ASCII on the screen; by itself where the locale is not UTF-8
    #[arg(long)]
    pub ascii: bool,
    /// The screen changes by itself at most twice a second
    #[arg(long)]
    pub reduced_motion: bool,
    /// The config file.
    #[arg(long, value_name = "FILE", help = config_help())]
    pub config: Option<PathBuf>,
    /// Print what is in force as such a file, and where each value comes from
    #[arg(long)]
    pub print_config: bool,
    /// Print all keys, and the names that such a file gives to what they do
    #[arg(long)]
    pub print_keys: bool,
}

fn theme_name() -> impl TypedValueParser<Value = ThemeName> {
    let names = PossibleValuesParser::new(ThemeName::ALL.map(ThemeName::as_str));
    names.map(|name| ThemeName::by_name(&name).unwrap_or_default())
}

fn config_help() -> String {
    let place = if cfg!(windows) { r"%APPDATA%\tokscope\config.toml" } else { "~/.config/tokscope/config.toml" };
    format!("Theme, keys, defaults of options [default: {place}]")
}

fn theme_help() -> String {
    format!("Colours: {} [default: auto]", ThemeName::ALL.map(ThemeName::as_str).join(", "))
}
