//! Which theme a name means in this terminal.

use super::{Depth, Theme, ThemeKind};
use crate::app::state::theme::ThemeName;

/// The themes as this terminal can show them.
#[derive(Clone, Copy, Debug)]
pub struct Themes {
    auto: Theme,
    depth: Depth,
}

impl Themes {
    /// By what the environment tells: `COLORTERM` and `TERM` of the colours, `COLORFGBG` of the ground, `NO_COLOR` of
    /// the wish for none.
    pub fn from_env(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let depth = depth(env);
        let wants_none = env("NO_COLOR").is_some_and(|v| !v.is_empty());
        let auto = match env("COLORFGBG").as_deref().and_then(ground) {
            _ if wants_none => Theme::mono(),
            Some(look) => Theme { look, depth, paints: false },
            // The ground is anyone's guess: only the terminal's own colours go with it.
            None => Theme::ansi(),
        };
        Self { auto, depth }
    }

    /// The theme of this name. One that is named brings its own ground, as it must be legible in any terminal; `auto`
    /// keeps to the terminal's, and alone heeds `NO_COLOR`: whoever names a theme has the last word.
    pub const fn theme(self, name: ThemeName) -> Theme {
        let look = match name {
            ThemeName::Auto => return self.auto,
            ThemeName::Mono => return Theme::mono(),
            ThemeName::Dark => ThemeKind::Dark,
            ThemeName::Light => ThemeKind::Light,
            ThemeName::HighContrast => ThemeKind::HighContrast,
        };
        Theme { look, depth: self.depth, paints: true }
    }
}

fn depth(env: &dyn Fn(&str) -> Option<String>) -> Depth {
    let told = env("COLORTERM").is_some_and(|v| ["truecolor", "24bit"].contains(&v.as_str()));
    let is_direct = env("TERM").is_some_and(|v| v.ends_with("-direct"));
    if told || is_direct { Depth::TrueColour } else { Depth::Sixteen }
}

/// What goes with the ground that `COLORFGBG` tells (`15;0`, `0;default;15`: the last of its fields); `None` where that
/// is no colour.
fn ground(value: &str) -> Option<ThemeKind> {
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
        (theme.look, theme.depth, theme.paints)
    }

    #[test]
    fn auto_is_what_the_terminal_tells_and_paints_nothing() {
        use Depth::{Sixteen, TrueColour};
        assert_eq!(auto(&[]), (ThemeKind::Dark, Sixteen, false));
        // All colours, and no word of the ground: the terminal's own.
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
    fn auto_heeds_no_color_and_a_theme_that_is_named_does_not() {
        let variables = [("NO_COLOR", "1"), ("COLORFGBG", "0;15"), ("COLORTERM", "truecolor")];
        assert_eq!(themes(&variables).theme(ThemeName::Auto), Theme::mono());
        assert_eq!(themes(&[("NO_COLOR", "")]).theme(ThemeName::Auto), Theme::ansi());
        let light = themes(&variables).theme(ThemeName::Light);
        assert_eq!((light.look, light.depth, light.paints), (ThemeKind::Light, Depth::TrueColour, true));
        assert_eq!(themes(&[]).theme(ThemeName::Mono), Theme::mono());
    }
}
