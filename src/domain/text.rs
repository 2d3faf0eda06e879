//! Makes untrusted text safe to show.

#[cfg(any(test, fuzzing))]
pub mod oracle;

use std::iter::Peekable;

use unicode_width::UnicodeWidthChar;

/// Maximum combining marks on one character. No script and no emoji needs more.
const MAX_MARKS: usize = 8;

/// The first `max_chars` characters of `text`, followed by the ellipsis if characters were dropped.
pub fn truncate(text: &str, max_chars: usize, ellipsis: &str) -> String {
    match text.char_indices().nth(max_chars) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}{ellipsis}", text.split_at(end).0),
    }
}

/// Starts an escape sequence.
pub const ESCAPE: char = '\u{1b}';
/// Control sequence introducer in one character, equivalent to [`ESCAPE`] and `[`.
pub const CSI: char = '\u{9b}';

/// Removes everything that could control a terminal, reorder a line or hide text: escape sequences (CSI, OSC and
/// similar), C0 and C1 controls except line feed and tab, changes of text direction, invisible characters except the
/// joiner and the emoji selectors, and floods of combining marks.
pub fn sanitise(text: &str) -> String {
    if text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n' | b'\t')) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((_, c)) = chars.next() {
        match c {
            ESCAPE | CSI => skip_escape_sequence(c, &mut chars),
            '\n' | '\t' => {
                marks = 0;
                out.push(c);
            }
            c if c.is_control() || is_hidden(c) => {}
            c => {
                marks = if c >= '\u{300}' && c.width() == Some(0) { marks + 1 } else { 0 };
                if marks <= MAX_MARKS {
                    out.push(c);
                }
            }
        }
    }
    out
}

/// Returns whether a character is invisible and only controls the layout or has no meaning, so that its removal loses
/// no visible text.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{200c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}'
        // Tag characters, and variation selectors other than those of emoji, can encode hidden messages.
        | '\u{e0000}'..='\u{e0fff}'
    )
}

/// [`sanitise`] for a single line: line feeds and tabs become spaces.
pub fn sanitise_line(text: &str) -> String {
    sanitise(text).replace(['\n', '\t'], " ")
}

/// Returns whether a terminal shows nothing for this character: controls, marks, joiners, and characters that only
/// direct the layout.
pub fn is_invisible(c: char) -> bool {
    // Hangul fillers and the blank Braille cell have a width but no ink.
    let is_filler = matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}');
    c.is_control() || is_hidden(c) || is_filler || c.width() == Some(0)
}

/// Advances `chars` past the escape sequence that starts with `first`, which is [`ESCAPE`] or [`CSI`].
pub fn skip_escape_sequence(first: char, chars: &mut Peekable<impl Iterator<Item = (usize, char)>>) {
    if first == CSI {
        return skip_csi(chars);
    }
    match chars.peek().map(|(_, c)| *c) {
        Some('[') => {
            chars.next();
            skip_csi(chars);
        }
        // OSC, DCS, SOS, PM, APC: until BEL or ST.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some((_, c)) = chars.next() {
                if c == '\u{7}' || c == '\u{9c}' {
                    break;
                }
                if c == ESCAPE {
                    chars.next_if(|(_, c)| *c == '\\');
                    break;
                }
            }
        }
        Some(' '..='~') => {
            chars.next();
        }
        _ => {}
    }
}

fn skip_csi(chars: &mut Peekable<impl Iterator<Item = (usize, char)>>) {
    while let Some((_, c)) = chars.next_if(|(_, c)| (' '..='~').contains(c)) {
        if ('@'..='~').contains(&c) {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escape_sequences_are_removed_and_text_stays() {
        assert_eq!(sanitise("a\u{1b}[31mb\u{1b}]0;title\u{7}c\u{202e}d\r\n\te"), "abcd\n\te");
        assert_eq!(sanitise("\u{9b}2Jx\u{1b}]8;;http://x\u{1b}\\y"), "xy");
        assert_eq!(sanitise_line("a\nb"), "a b");
    }

    /// Covers Unicode's direction controls: marks, embeddings, overrides and isolates.
    #[test]
    fn direction_controls_are_removed() {
        let controls =
            "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        assert_eq!(sanitise(&format!("a{controls}שלום{controls}b")), "aשלוםb");
    }

    #[test]
    fn hidden_characters_are_removed_and_visible_ones_stay() {
        let tags: String = "hidden".chars().map(|c| char::from_u32(0xe0000 + c as u32).unwrap()).collect();
        assert_eq!(sanitise(&format!("a{tags}b\u{ad}c\u{e0101}d\u{180e}e")), "abcde");
        for written in ["👩🏽‍👩‍👧‍👦 ❤️", "क्षत्रिय", "ที่นี่", "e\u{301}\u{323}", "한국어", "שָׁלוֹם"]
        {
            assert_eq!(sanitise(written), written);
        }
        let flood = "\u{301}".repeat(1000);
        assert_eq!(sanitise(&format!("Z{flood}algo")), format!("Z{}algo", "\u{301}".repeat(MAX_MARKS)));
        // A removed character does not reset the count of marks.
        assert_eq!(sanitise(&"\u{301}\u{200b}".repeat(99)), "\u{301}".repeat(MAX_MARKS));
    }

    proptest! {
        #[test]
        fn nothing_hostile_survives(text in oracle::hostile()) {
            prop_assert_eq!(oracle::check(&text), Ok(()));
        }

        #[test]
        fn nothing_forbidden_survives(text in any::<String>()) {
            prop_assert_eq!(oracle::check(&text), Ok(()));
        }
    }
}
