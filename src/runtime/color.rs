//! Decides whether to colour output outside the dashboard.

use std::io::IsTerminal;

use crate::report::style::Style;
use crate::ui::terminal::takes_escapes;

/// Condition for using colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Everywhere, even in a pipe or a file.
    Always,
    /// Nowhere.
    Never,
}

impl ColorWhen {
    /// Returns the style for a stream.
    pub fn style_for(self, stream: &impl IsTerminal) -> Style {
        let is_styled = match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => stream.is_terminal() && shows_styles(&|name| std::env::var_os(name)) && takes_escapes(),
        };
        if is_styled { Style::Sgr } else { Style::Plain }
    }
}

/// Returns whether the environment allows styles. `NO_COLOR` turns off bold and dim text, too.
fn shows_styles(env: &dyn Fn(&str) -> Option<std::ffi::OsString>) -> bool {
    env("NO_COLOR").is_none_or(|value| value.is_empty()) && env("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_can_turn_styles_off() {
        let styled = |name: &'static str, value: &'static str| shows_styles(&|n| (n == name).then(|| value.into()));
        assert!(styled("TERM", "xterm") && styled("NO_COLOR", ""));
        assert!(!styled("TERM", "dumb") && !styled("NO_COLOR", "1"));
    }
}
