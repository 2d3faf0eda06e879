//! Themes by name. Their colours belong to the screen (`ui::theme`).

/// Name of a theme.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
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
    /// A theme of the user, by the name of its file without the extension.
    Custom(String),
}

/// A theme that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedTheme {
    /// The theme.
    pub name: ThemeName,
    /// First mistake in the file of the theme, which prevents its use; `None` if the theme can be used.
    pub mistake: Option<String>,
}

impl OfferedTheme {
    /// The built-in themes.
    pub fn built_in() -> Vec<Self> {
        ThemeName::BUILT_IN.map(|name| Self { name, mistake: None }).to_vec()
    }
}

/// The choice of a theme. The highlighted theme is already on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThemeChoice {
    /// Index of the highlighted theme.
    pub highlighted: usize,
    /// The theme in use before the list was opened.
    pub before: ThemeName,
}

impl ThemeName {
    /// The built-in themes, in the order of the list.
    pub const BUILT_IN: [Self; 5] = [Self::Auto, Self::Dark, Self::Light, Self::HighContrast, Self::Mono];

    /// Names of the built-in themes, in the order of [`Self::BUILT_IN`].
    pub const NAMES: [&'static str; 5] = ["auto", "dark", "light", "high-contrast", "mono"];

    /// Name in the config file, on the command line and on the screen.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::Mono => "mono",
            Self::Custom(name) => name,
        }
    }

    /// The built-in theme with this name, or else a theme of the user.
    pub fn from_name(name: &str) -> Self {
        Self::by_name(name).unwrap_or_else(|| Self::Custom(name.to_owned()))
    }

    /// The built-in theme with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::BUILT_IN.into_iter().find(|theme| theme.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_built_in_themes_are_unique() {
        assert_eq!(ThemeName::BUILT_IN.each_ref().map(ThemeName::as_str), ThemeName::NAMES);
        for theme in ThemeName::BUILT_IN {
            assert_eq!(ThemeName::by_name(theme.as_str()), Some(theme));
        }
        assert_eq!(ThemeName::by_name("Dark"), None);
    }
}
