//! Resolves theme names for this terminal.

use super::{Depth, Theme, ThemeKind};
use crate::app::state::theme::ThemeName;

/// The themes as this terminal can show them.
#[derive(Clone, Copy, Debug)]
pub struct Themes {
    auto: Theme,
    depth: Depth,
}

impl Themes {
    /// Reads the environment: `COLORTERM` and `TERM` for the colours, `COLORFGBG` for the background, `NO_COLOR` to turn
    /// colours off.
    pub fn from_env(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let depth = depth(env);
        let wants_none = env("NO_COLOR").is_some_and(|v| !v.is_empty());
        let auto = match env("COLORFGBG").as_deref().and_then(kind_for_background) {
            _ if wants_none => Theme::mono(),
            Some(kind) => Theme { kind, depth, paints: false },
            // The background is unknown: only the terminal's own colours are sure to suit it.
            None => Theme::ansi(),
        };
        Self { auto, depth }
    }

    /// The theme of this name. A named theme sets its own background, so that it is legible in any terminal. `auto` uses the
    /// terminal's background, and is the only one that respects `NO_COLOR`: naming a theme overrides it.
    pub const fn theme(self, name: ThemeName) -> Theme {
        let kind = match name {
            ThemeName::Auto => return self.auto,
            ThemeName::Mono => return Theme::mono(),
            ThemeName::Dark => ThemeKind::Dark,
            ThemeName::Light => ThemeKind::Light,
            ThemeName::HighContrast => ThemeKind::HighContrast,
        };
        Theme { kind, depth: self.depth, paints: true }
    }
}

fn depth(env: &dyn Fn(&str) -> Option<String>) -> Depth {
    let is_true_colour = env("COLORTERM").is_some_and(|v| ["truecolor", "24bit"].contains(&v.as_str()));
    let is_direct = env("TERM").is_some_and(|v| v.ends_with("-direct"));
    if is_true_colour || is_direct { Depth::TrueColour } else { Depth::Sixteen }
}

/// The kind of theme that suits the background in `COLORFGBG`, which is its last field (`15;0`, `0;default;15`); `None` if
/// that is no colour.
fn kind_for_background(value: &str) -> Option<ThemeKind> {
    match value.rsplit(';').next()?.trim().parse().ok()? {
        0..=6 | 8 => Some(ThemeKind::Dark),
        7 | 9..=15 => Some(ThemeKind::Light),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn themes(variables: &[(&str, &str)]) -> Themes {
        Themes::from_env(&|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    fn auto(variables: &[(&str, &str)]) -> (ThemeKind, Depth, bool) {
        let theme = themes(variables).theme(ThemeName::Auto);
        (theme.kind, theme.depth, theme.paints)
    }

    #[test]
    fn auto_suits_the_terminal_and_sets_no_background() {
        use Depth::{Sixteen, TrueColour};
        assert_eq!(auto(&[]), (ThemeKind::Dark, Sixteen, false));
        // True colour but an unknown background: the terminal's own colours.
        assert_eq!(auto(&[("COLORTERM", "truecolor")]), (ThemeKind::Dark, Sixteen, false));
        assert_eq!(auto(&[("COLORFGBG", "0;15")]), (ThemeKind::Light, Sixteen, false));
        assert_eq!(
            auto(&[("COLORFGBG", "15;default;0"), ("TERM", "xterm-direct")]),
            (ThemeKind::Dark, TrueColour, false)
        );
        assert_eq!(auto(&[("COLORFGBG", "0;7"), ("COLORTERM", "24bit")]), (ThemeKind::Light, TrueColour, false));
        for unknown in ["", "0;default", "15;231", "white"] {
            assert_eq!(auto(&[("COLORFGBG", unknown)]), (ThemeKind::Dark, Sixteen, false), "{unknown}");
        }
    }

    #[test]
    fn auto_respects_no_color_and_a_named_theme_overrides_it() {
        let variables = [("NO_COLOR", "1"), ("COLORFGBG", "0;15"), ("COLORTERM", "truecolor")];
        assert_eq!(themes(&variables).theme(ThemeName::Auto), Theme::mono());
        assert_eq!(themes(&[("NO_COLOR", "")]).theme(ThemeName::Auto), Theme::ansi());
        let light = themes(&variables).theme(ThemeName::Light);
        assert_eq!((light.kind, light.depth, light.paints), (ThemeKind::Light, Depth::TrueColour, true));
        assert_eq!(themes(&[]).theme(ThemeName::Mono), Theme::mono());
    }
}
