//! Control sequences for the terminal's title and for desktop notifications.

use crate::domain::text::sanitise_line;

/// Saves the terminal's title (XTWINOPS 22).
pub(super) const PUSH_TITLE: &str = "\x1b[22;0t";
/// Restores the saved title (XTWINOPS 23).
pub(super) const POP_TITLE: &str = "\x1b[23;0t";

/// Maximum length of a title or a notification, characters. Terminals cut longer ones anywhere.
const MAX_CHARS: usize = 120;

/// How to announce the end of a long run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotifyBy {
    /// A desktop notification, by both sequences in use (OSC 9 and OSC 777).
    #[default]
    Osc,
    /// The terminal's bell.
    Bell,
    /// No announcement.
    None,
}

impl NotifyBy {
    /// All values, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Osc, Self::Bell, Self::None];

    /// Name in the config file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Osc => "osc",
            Self::Bell => "bell",
            Self::None => "none",
        }
    }

    /// The value with this name in the config file.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == name)
    }
}

/// The sequence that sets the title (OSC 2).
pub(super) fn title(text: &str) -> String {
    format!("\x1b]2;{}\x07", safe(text))
}

/// The sequence of a notification; `None` if the user wants none.
pub(super) fn notification(how: NotifyBy, text: &str) -> Option<String> {
    let text = safe(text);
    match how {
        // OSC 9 begins with a name, because a number at its start would be another command. OSC 777 separates its
        // fields by semicolons.
        NotifyBy::Osc => {
            Some(format!("\x1b]9;tokscope: {text}\x07\x1b]777;notify;tokscope;{}\x07", text.replace(';', ",")))
        }
        NotifyBy::Bell => Some("\x07".to_owned()),
        NotifyBy::None => None,
    }
}

/// Removes control characters, which could end the sequence and begin another, and cuts the text.
fn safe(text: &str) -> String {
    sanitise_line(text).chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_text_cannot_leave_its_sequence() {
        for hostile in ["a\x07\x1b]0;b", "a\x1b\\b", "a\u{9c}b\u{9d}0;c", &"x".repeat(1000)] {
            for sequence in [title(hostile), notification(NotifyBy::Osc, hostile).unwrap()] {
                let ends = sequence.matches('\x07').count();
                let begins = sequence.matches("\x1b]").count();
                assert_eq!((ends, sequence.matches('\x1b').count()), (begins, begins), "{sequence:?}");
                assert!(sequence.chars().count() < 300 && !sequence.contains('\u{9c}') && !sequence.contains('\u{9d}'));
            }
        }
    }

    #[test]
    fn the_user_chooses_between_notification_bell_and_nothing() {
        let all = NotifyBy::ALL.map(|how| notification(how, "Run finished; 1 failed"));
        let osc = "\x1b]9;tokscope: Run finished; 1 failed\x07\x1b]777;notify;tokscope;Run finished, 1 failed\x07";
        assert_eq!(all, [Some(osc.to_owned()), Some("\x07".to_owned()), None]);
        assert_eq!(NotifyBy::ALL.map(|how| NotifyBy::by_name(how.as_str())), NotifyBy::ALL.map(Some));
    }
}
