//! The themes by name; what they look like is the screen's matter.

/// A theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ThemeName {
    /// What suits the terminal, as far as it tells.
    #[default]
    Auto,
    /// Bright on black.
    Dark,
    /// Dark on white.
    Light,
    /// Few colours, as far from the ground as they can be.
    HighContrast,
    /// No colour at all.
    Mono,
}

impl ThemeName {
    /// All, in the order in which one key goes through them.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Dark, Self::Light, Self::HighContrast, Self::Mono];

    /// The name in files, on the command line and on the screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::Mono => "mono",
        }
    }

    /// The theme of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == name)
    }

    /// The one after it; after the last the first.
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
    fn one_key_reaches_every_theme_and_names_lead_back() {
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
