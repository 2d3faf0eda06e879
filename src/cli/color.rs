//! The option for colours outside the dashboard.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::runtime::color::ColorWhen;

/// Colour of everything that is printed outside the dashboard.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct ColorArgs {
    /// Colour outside the dashboard: auto, always, never [default: auto]
    #[arg(long = "color", value_name = "WHEN", value_parser = when(), hide_possible_values = true)]
    #[arg(help_heading = "Output")]
    when: Option<ColorWhen>,
}

impl ColorArgs {
    /// When to use colour.
    pub fn when(self) -> ColorWhen {
        self.when.unwrap_or_default()
    }
}

fn when() -> impl TypedValueParser<Value = ColorWhen> {
    PossibleValuesParser::new(["auto", "always", "never"]).map(|when| match when.as_str() {
        "always" => ColorWhen::Always,
        "never" => ColorWhen::Never,
        _ => ColorWhen::Auto,
    })
}
