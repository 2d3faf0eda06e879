//! A key of a binding, and its names.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_width::UnicodeWidthChar;

/// A key with or without Ctrl. Shift is part of the character: `R`, not shift-r.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub(super) code: KeyCode,
    pub(super) ctrl: bool,
}

impl Key {
    /// A key without Ctrl.
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, ctrl: false }
    }

    /// A letter with Ctrl.
    pub const fn ctrl(letter: char) -> Self {
        Self { code: KeyCode::Char(letter), ctrl: true }
    }

    /// Whether the key types a character into a text field.
    pub(in crate::ui) const fn is_typed(self) -> bool {
        !self.ctrl && matches!(self.code, KeyCode::Char(_))
    }

    /// The key of an event; `None` with a modifier that no binding has. Terminals report Shift in the character, in the
    /// modifier, or in both.
    pub fn from_event(event: &KeyEvent) -> Option<Self> {
        let known = KeyModifiers::SHIFT.union(KeyModifiers::CONTROL);
        if !known.contains(event.modifiers) {
            return None;
        }
        let shift = event.modifiers.contains(KeyModifiers::SHIFT);
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let code = match event.code {
            KeyCode::Char(c) if ctrl => KeyCode::Char(c.to_ascii_lowercase()),
            KeyCode::Char(c) if shift => KeyCode::Char(c.to_ascii_uppercase()),
            KeyCode::Tab if shift => KeyCode::BackTab,
            code => code,
        };
        Some(Self { code, ctrl })
    }
}

/// Keys that are not a single visible character, with their names in the config file and on the screen.
const NAMED: &[(KeyCode, &str, &str)] = &[
    (KeyCode::Char(' '), "space", "space"),
    (KeyCode::Enter, "enter", "enter"),
    (KeyCode::Esc, "esc", "esc"),
    (KeyCode::Tab, "tab", "tab"),
    (KeyCode::BackTab, "shift-tab", "shift-tab"),
    (KeyCode::Backspace, "backspace", "backspace"),
    (KeyCode::Delete, "delete", "delete"),
    (KeyCode::Insert, "insert", "insert"),
    (KeyCode::Up, "up", "↑"),
    (KeyCode::Down, "down", "↓"),
    (KeyCode::Left, "left", "←"),
    (KeyCode::Right, "right", "→"),
    (KeyCode::Home, "home", "home"),
    (KeyCode::End, "end", "end"),
    (KeyCode::PageUp, "pgup", "pgup"),
    (KeyCode::PageDown, "pgdn", "pgdn"),
];

/// Letters which, pressed with Ctrl, terminals send as another key; a binding of them would never trigger.
const SENT_AS: &[(char, &str)] = &[('i', "tab"), ('m', "enter"), ('[', "esc")];

impl Key {
    /// Name in the config file.
    pub fn config_name(self) -> String {
        self.named(|(_, typed, _)| typed)
    }

    fn named(self, name: impl Fn(&'static (KeyCode, &'static str, &'static str)) -> &'static str) -> String {
        let ctrl = if self.ctrl { "ctrl-" } else { "" };
        let key = match (NAMED.iter().find(|(code, ..)| *code == self.code), self.code) {
            (Some(row), _) => name(row).to_owned(),
            (None, KeyCode::Char(c)) => c.to_string(),
            (None, KeyCode::F(n)) => format!("f{n}"),
            (None, code) => code.to_string().to_lowercase(),
        };
        format!("{ctrl}{key}")
    }
}

/// Writes the name on the screen: `ctrl-u`, `↑`, `space`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.named(|(_, _, shown)| shown))
    }
}

/// Parses a key by its name in the config file or on the screen. The error message continues a sentence that starts
/// with the quoted text.
impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (ctrl, rest) = match text.split_at_checked(5) {
            Some((ctrl, rest)) if ctrl.eq_ignore_ascii_case("ctrl-") => (true, rest),
            _ => (false, text),
        };
        let mut characters = rest.chars();
        let code = match (characters.next(), characters.next()) {
            (Some(' '), None) => return Err("is a space character; write 'space'".to_owned()),
            (Some(c), None) if !c.is_control() && c.width() == Some(1) => match arrow(rest) {
                Some(code) => code,
                None => KeyCode::Char(if ctrl { c.to_ascii_lowercase() } else { c }),
            },
            _ => from_name(rest)?,
        };
        if let (true, KeyCode::Char(c)) = (ctrl, code)
            && let Some((_, sent)) = SENT_AS.iter().find(|(letter, _)| *letter == c)
        {
            return Err(format!("is sent as '{sent}' by terminals; choose another key"));
        }
        Ok(Self { code, ctrl })
    }
}

fn arrow(shown: &str) -> Option<KeyCode> {
    NAMED.iter().find(|(_, _, name)| *name == shown).map(|(code, ..)| *code)
}

fn from_name(name: &str) -> Result<KeyCode, String> {
    let lower = name.to_lowercase();
    if let Some((code, ..)) = NAMED.iter().find(|(_, typed, _)| *typed == lower) {
        return Ok(*code);
    }
    let function = lower.strip_prefix('f').and_then(|n| n.parse().ok()).filter(|n| (1..=12).contains(n));
    if let Some(n) = function {
        return Ok(KeyCode::F(n));
    }
    if let Some(letter) = lower.strip_prefix("shift-").filter(|rest| rest.chars().count() == 1) {
        return Err(format!("is not a key; write the character that Shift produces, like '{}'", letter.to_uppercase()));
    }
    let names: Vec<_> = NAMED.iter().map(|(_, typed, _)| *typed).collect();
    Err(format!(
        "is not a key; a key is one character, f1 to f12, or one of {}, with or without 'ctrl-' before it",
        names.join(" ")
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every key that an event can produce, except those that terminals send as another key.
    fn keys() -> impl Strategy<Value = Key> {
        let named = proptest::sample::select(NAMED).prop_map(|(code, ..)| code);
        let function = (1_u8..=12).prop_map(KeyCode::F);
        let character =
            any::<char>().prop_filter("shown in one cell", |c| c.width() == Some(1)).prop_map(KeyCode::Char);
        let code = prop_oneof![named, function, proptest::char::range('!', '~').prop_map(KeyCode::Char), character];
        let to_key = |(code, ctrl, shift)| {
            let ctrl = if ctrl { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
            let shift = if shift { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
            Key::from_event(&KeyEvent::new(code, ctrl | shift))
        };
        let sent = |key: &Key| !(key.ctrl && SENT_AS.iter().any(|(c, _)| key.code == KeyCode::Char(*c)));
        let is_arrow = |key: &Key| matches!(key.code, KeyCode::Char('↑' | '↓' | '←' | '→'));
        (code, any::<bool>(), any::<bool>())
            .prop_filter_map("known", to_key)
            .prop_filter("sent as itself", move |key| sent(key) && !is_arrow(key))
    }

    proptest! {
        #[test]
        fn both_names_of_a_key_parse_to_it(key in keys()) {
            prop_assert_eq!(key.to_string().parse(), Ok(key));
            prop_assert_eq!(key.config_name().parse(), Ok(key));
        }

        #[test]
        fn parsing_any_text_does_not_panic(text in "\\PC{0,12}") {
            let _either = text.parse::<Key>();
        }
    }

    #[test]
    fn names_ignore_letter_case_and_single_letters_keep_it() {
        for (text, expected) in [
            ("space", Key::plain(KeyCode::Char(' '))),
            ("Ctrl-H", Key::ctrl('h')),
            ("ctrl--", Key::ctrl('-')),
            ("-", Key::plain(KeyCode::Char('-'))),
            ("R", Key::plain(KeyCode::Char('R'))),
            ("PgUp", Key::plain(KeyCode::PageUp)),
            ("↑", Key::plain(KeyCode::Up)),
            ("up", Key::plain(KeyCode::Up)),
            ("F5", Key::plain(KeyCode::F(5))),
            ("f", Key::plain(KeyCode::Char('f'))),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn the_error_for_an_unknown_key_lists_valid_ones() {
        let why = |text: &str| text.parse::<Key>().unwrap_err();
        assert_eq!(why("shift-r"), "is not a key; write the character that Shift produces, like 'R'");
        assert_eq!(why("ctrl-i"), "is sent as 'tab' by terminals; choose another key");
        assert_eq!(why(" "), "is a space character; write 'space'");
        for text in ["", "alt-x", "ctrl-", "f13", "f0", "jj", "你", "\u{1b}", "ctrl-ctrl-x"] {
            assert!(why(text).starts_with("is not a key; a key is one character"), "{text}");
        }
    }
}
