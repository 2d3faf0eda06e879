//! Resolves theme names for this terminal.

use ratatui::style::Color;

use super::Theme;
use super::colour::{Depth, Rgb, is_dark, split};
use super::custom::CustomTheme;
use super::palette::{self, Palette};
use super::styles::Styles;
use crate::app::state::theme::ThemeName;

/// Knowledge about the background of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Background {
    Unknown,
    Dark,
    Light,
    Exact(Rgb),
}

/// The lightest background of the common dark palettes (Nord), for a terminal whose background is known to be dark
/// only.
const LIGHTEST_DARK: Rgb = split(0x2e_34_40);
/// The darkest background of the common light palettes (Gruvbox).
const DARKEST_LIGHT: Rgb = split(0xfb_f1_c7);

/// Values of `TERM` for terminals that do not answer queries, or print them.
const SILENT: [&str; 3] = ["linux", "dumb", "Eterm"];

/// The themes as this terminal can show them.
#[derive(Clone, Debug)]
pub struct Themes {
    depth: Depth,
    wants_no_colour: bool,
    asks: bool,
    background: Background,
    custom: Vec<(String, CustomTheme)>,
    /// Resolved themes, so that no frame computes colours.
    resolved: Vec<(ThemeName, Theme)>,
}

impl Themes {
    /// Reads the environment: `COLORTERM` and `TERM` for the colours, `COLORFGBG` for the background, `NO_COLOR` to
    /// turn colours off. `custom` are the user's own themes by name.
    pub fn from_env(env: &dyn Fn(&str) -> Option<String>, custom: Vec<(String, CustomTheme)>) -> Self {
        let mut themes = Self {
            depth: depth(env),
            wants_no_colour: env("NO_COLOR").is_some_and(|v| !v.is_empty()),
            asks: env("TERM").is_some_and(|term| !SILENT.contains(&term.as_str())),
            background: background(env),
            custom,
            resolved: Vec::new(),
        };
        themes.resolve_all();
        themes
    }

    /// Takes the background that the terminal reports.
    pub fn set_background(&mut self, colour: Rgb) {
        let known = Background::Exact(colour);
        if self.background != known {
            self.background = known;
            self.resolve_all();
        }
    }

    /// The theme of this name. A named theme sets its own background, so that it is legible in any terminal. `auto`
    /// uses the terminal's background, and is the only one that respects `NO_COLOR`: naming a theme overrides it.
    pub fn theme(&self, name: &ThemeName) -> Theme {
        let found = self.resolved.iter().find(|(resolved, _)| resolved == name);
        found.map_or_else(Theme::mono, |(_, theme)| *theme)
    }

    /// Whether to ask the terminal for its background.
    pub const fn asks_for_background(&self) -> bool {
        self.asks && !self.wants_no_colour
    }

    /// Resolves all themes. Leaks them, because every part of a frame refers to a theme; only a change of the
    /// background resolves them again.
    fn resolve_all(&mut self) {
        let builtin = ThemeName::BUILT_IN.map(|name| {
            let styles = self.built_in(&name);
            (name, styles)
        });
        let custom = self.custom.iter().map(|(name, theme)| {
            (ThemeName::Custom(name.clone()), theme.apply(self.built_in(&theme.inherits), self.depth))
        });
        let all: Vec<_> = builtin.into_iter().chain(custom).collect();
        self.resolved = all.into_iter().map(|(name, styles)| (name, Theme(Box::leak(Box::new(styles))))).collect();
    }

    fn built_in(&self, name: &ThemeName) -> Styles {
        let painted = |palette: &Palette, sixteen: Styles| match self.depth {
            Depth::Sixteen => sixteen,
            depth => Styles::from_palette(&palette.on_own_background(depth)),
        };
        match name {
            ThemeName::Mono => Styles::MONO,
            ThemeName::Dark => {
                let sixteen = Styles { background: Color::Black, text: Color::Gray, ..Styles::DARK_16 };
                painted(&palette::DARK, sixteen)
            }
            ThemeName::Light => {
                let sixteen = Styles { background: Color::White, text: Color::Black, ..Styles::LIGHT_16 };
                painted(&palette::LIGHT, sixteen)
            }
            ThemeName::HighContrast => {
                painted(&palette::HIGH_CONTRAST, Styles::from_palette(&palette::HIGH_CONTRAST_16))
            }
            ThemeName::Auto | ThemeName::Custom(_) => self.auto(),
        }
    }

    fn auto(&self) -> Styles {
        let on = |background: Rgb| {
            let (palette, sixteen) = if is_dark(background) {
                (&palette::DARK, Styles::DARK_16)
            } else {
                (&palette::LIGHT, Styles::LIGHT_16)
            };
            match self.depth {
                Depth::Sixteen => sixteen,
                depth => Styles::from_palette(&palette.fitted(background, depth)).unpainted(),
            }
        };
        match self.background {
            _ if self.wants_no_colour => Styles::MONO,
            // On an unknown background, only the terminal's own text colour is sure to be legible.
            Background::Unknown => Styles::ANY_16,
            Background::Dark => on(LIGHTEST_DARK),
            Background::Light => on(DARKEST_LIGHT),
            Background::Exact(colour) => on(colour),
        }
    }
}

fn depth(env: &dyn Fn(&str) -> Option<String>) -> Depth {
    let term = env("TERM").unwrap_or_default();
    if env("COLORTERM").is_some_and(|v| ["truecolor", "24bit"].contains(&v.as_str())) || term.ends_with("-direct") {
        Depth::TrueColour
    } else if term.contains("256color") {
        Depth::Indexed
    } else {
        Depth::Sixteen
    }
}

fn background(env: &dyn Fn(&str) -> Option<String>) -> Background {
    let reported = env("COLORFGBG").as_deref().and_then(background_from_colorfgbg);
    // The Linux console answers no query. Its background is black by default.
    let console = env("TERM").filter(|term| term == "linux").map(|_| Background::Dark);
    reported.or(console).unwrap_or(Background::Unknown)
}

/// The background from the last field of `COLORFGBG` (`15;0`, `0;default;15`); `None` if that is no colour.
fn background_from_colorfgbg(value: &str) -> Option<Background> {
    match value.rsplit(';').next()?.trim().parse().ok()? {
        0..=6 | 8 => Some(Background::Dark),
        7 | 9..=15 => Some(Background::Light),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn themes(variables: &[(&str, &str)]) -> Themes {
        let env = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        Themes::from_env(&env, Vec::new())
    }

    fn auto(variables: &[(&str, &str)]) -> Styles {
        *themes(variables).theme(&ThemeName::Auto).0
    }

    #[test]
    fn auto_suits_the_terminal_and_sets_no_background() {
        for unknown in ["", "0;default", "15;231", "white"] {
            assert_eq!(auto(&[("COLORFGBG", unknown), ("COLORTERM", "truecolor")]), Styles::ANY_16, "{unknown}");
        }
        assert_eq!(auto(&[]), Styles::ANY_16);
        assert_eq!(auto(&[("COLORFGBG", "0;15")]), Styles::LIGHT_16);
        assert_eq!(auto(&[("COLORFGBG", "15;default;0")]), Styles::DARK_16);
        assert_eq!(auto(&[("TERM", "linux")]), Styles::DARK_16);
        for (variables, accent) in [
            (&[("COLORFGBG", "15;0"), ("TERM", "xterm-direct")][..], palette::DARK.accent),
            (&[("COLORFGBG", "0;7"), ("COLORTERM", "24bit")], palette::LIGHT.accent),
        ] {
            let styles = auto(variables);
            assert_eq!((styles.accent.fg, styles.background, styles.text), (Some(accent), Color::Reset, Color::Reset));
        }
        let indexed = auto(&[("COLORFGBG", "15;0"), ("TERM", "screen-256color")]);
        assert!(matches!(indexed.accent.fg, Some(Color::Indexed(16..))), "{indexed:?}");
    }

    #[test]
    fn the_reported_background_precedes_the_environment() {
        let mut themes = themes(&[("COLORFGBG", "15;0"), ("COLORTERM", "truecolor")]);
        themes.set_background([0xfd, 0xf6, 0xe3]);
        let light = themes.theme(&ThemeName::Auto);
        assert_eq!(
            light.0.good,
            Styles::from_palette(&palette::LIGHT.fitted([0xfd, 0xf6, 0xe3], Depth::TrueColour)).good
        );
        themes.set_background([0x00, 0x2b, 0x36]);
        assert_eq!(themes.theme(&ThemeName::Auto).0.good.fg, Some(palette::DARK.good));
    }

    #[test]
    fn auto_respects_no_color_and_a_named_theme_overrides_it() {
        let variables = [("NO_COLOR", "1"), ("COLORFGBG", "0;15"), ("COLORTERM", "truecolor")];
        let mut without_colour = themes(&variables);
        without_colour.set_background([255; 3]);
        assert_eq!(without_colour.theme(&ThemeName::Auto), Theme::mono());
        assert!(!without_colour.asks_for_background());
        assert_eq!(auto(&[("NO_COLOR", "")]), Styles::ANY_16);
        let light = without_colour.theme(&ThemeName::Light);
        assert_eq!((light.0.background, light.0.text), (palette::LIGHT.background, palette::LIGHT.text));
        assert_eq!(themes(&[]).theme(&ThemeName::Mono), Theme::mono());
    }
}
