//! Themes of the user: each changes a built-in theme.

use ratatui::style::{Color, Modifier, Style};

use super::colour::{Depth, to_depth};
use super::roles::ROLES;
use super::styles::Styles;
use crate::app::state::theme::ThemeName;

/// Names of the modifiers in a theme file.
pub const MODIFIERS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
];

/// Changes of a theme file to a built-in theme.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomTheme {
    /// The built-in theme that the file changes.
    pub inherits: ThemeName,
    /// Background.
    pub background: Option<Color>,
    /// Colour of plain text.
    pub text: Option<Color>,
    /// Styles of roles, by name.
    pub roles: Vec<(&'static str, Style)>,
    /// Styles of the lines of charts. A shorter list is repeated.
    pub series: Vec<Style>,
}

impl CustomTheme {
    /// Applies the changes to the styles of the built-in theme.
    pub(super) fn apply(&self, mut styles: Styles, depth: Depth) -> Styles {
        let set = |name: &str| self.roles.iter().find(|(role, _)| *role == name).map(|(_, style)| shown(*style, depth));
        styles.background = self.background.map_or(styles.background, |colour| to_depth(colour, depth));
        styles.text = self.text.map_or(styles.text, |colour| to_depth(colour, depth));
        for role in ROLES {
            let slot = (role.slot)(&mut styles);
            if let Some(style) = set(role.name) {
                *slot = style;
            } else if let Some(followed) = role.follows.and_then(set) {
                slot.fg = followed.fg;
            }
        }
        if !self.series.is_empty() {
            styles.series = std::array::from_fn(|at| shown(self.series[at % self.series.len()], depth));
        }
        styles
    }
}

fn shown(style: Style, depth: Depth) -> Style {
    let colour = |colour: Option<Color>| colour.map(|colour| to_depth(colour, depth));
    Style { fg: colour(style.fg), bg: colour(style.bg), ..style }
}
