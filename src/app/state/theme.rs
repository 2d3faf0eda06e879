//! Themes by name. Their colours belong to the screen (`ui::theme`).

/// Name of a theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ThemeName {
    /// Dark or light, to suit the background that the terminal reports.
    #[default]
    Auto,
    /// Bright on black.
    Dark,
    /// Dark on white.
    Light,
    /// Few colours with the highest contrast to the background.
    HighContrast,
    /// No colours.
    Mono,
}

impl ThemeName {
    /// All themes, in the order of the theme key.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Dark, Self::Light, Self::HighContrast, Self::Mono];

    /// Name in the config file, on the command line and on the screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::Mono => "mono",
        }
    }

    /// The theme with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == name)
    }

    /// The theme after this one; after the last, the first.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|&theme| theme == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_theme_key_reaches_every_theme_and_names_are_unique() {
        let reached: Vec<_> =
            std::iter::successors(Some(ThemeName::Auto), |theme| Some(theme.next())).take(6).collect();
        assert_eq!(reached[..5], ThemeName::ALL);
        assert_eq!(reached[5], ThemeName::Auto);
        for theme in ThemeName::ALL {
            assert_eq!(ThemeName::by_name(theme.as_str()), Some(theme));
        }
        assert_eq!(ThemeName::by_name("Dark"), None);
    }
}
