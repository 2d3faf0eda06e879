//! The roles of the screen by name, for theme files.

use ratatui::style::Style;

use super::styles::Styles;

/// A role that a theme file can set.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    /// Key in a theme file.
    pub name: &'static str,
    /// The role whose colour this one gets if the file does not set this one.
    pub follows: Option<&'static str>,
    /// The part of the screen that has the role.
    pub help: &'static str,
    /// Whether the style is for letters; otherwise only for lines or marks, which need less contrast.
    #[cfg_attr(not(test), expect(dead_code, reason = "decides the contrast that tests require"))]
    pub(super) is_text: bool,
    pub(super) slot: fn(&mut Styles) -> &mut Style,
}

impl Role {
    /// The role's style.
    #[cfg(test)]
    pub(super) fn style(&self, styles: &Styles) -> Style {
        *(self.slot)(&mut { *styles })
    }
}

macro_rules! role {
    ($name:literal, $slot:ident, $help:literal $(, follows $other:literal)?) => {
        Role { name: $name, follows: role!(@ $($other)?), help: $help, is_text: true, slot: |styles| &mut styles.$slot }
    };
    (@ $other:literal) => { Some($other) };
    (@) => { None };
}

/// All roles with a style. The background, plain text and the lines of charts have keys of their own.
pub const ROLES: &[Role] = &[
    role!("muted", muted, "labels, units, unavailable commands"),
    Role { is_text: false, ..role!("border", border, "borders of panes", follows "muted") },
    Role { is_text: false, ..role!("border_focused", border_focused, "border of the focused pane", follows "accent") },
    role!("title", title, "titles of panes"),
    role!("title_focused", title_focused, "title of the focused pane", follows "accent"),
    role!("accent", accent, "the most important text"),
    role!("value", value, "important figures"),
    role!("good", good, "success"),
    role!("warning", warning, "needs attention: held, paused, stalls"),
    role!("bad", bad, "failures"),
    role!("badge", badge, "badges: simulated, frozen", follows "warning"),
    role!("selected", selected, "the selected row of a menu"),
    role!("reasoning", reasoning, "reasoning before an answer"),
    role!("heading", heading, "headings in an answer", follows "accent"),
    role!("key", key, "keys in footer and help", follows "accent"),
    role!("quote", quote, "quotations in an answer"),
    role!("link", link, "links in an answer"),
    role!("code", code, "code in an answer"),
    role!("keyword", keyword, "keywords in code", follows "code"),
    role!("string", string, "strings in code", follows "good"),
    role!("comment", comment, "comments in code", follows "muted"),
    role!("number", number, "numbers in code", follows "accent"),
];
