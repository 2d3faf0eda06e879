//! Decodes keys that were typed before the terminal library reads the input.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

const ESC: u8 = 0x1b;

/// The keys of these bytes. Keys with several modifiers and function keys are ignored.
pub(super) fn keys(mut bytes: &[u8]) -> Vec<KeyEvent> {
    let mut keys = Vec::new();
    while let Some((key, rest)) = first(bytes) {
        keys.extend(key);
        bytes = rest;
    }
    keys
}

/// The first key, if it is known, and the bytes after it; `None` at the end.
fn first(bytes: &[u8]) -> Option<(Option<KeyEvent>, &[u8])> {
    let plain = |code| Some(KeyEvent::new(code, KeyModifiers::NONE));
    Some(match bytes {
        [] => return None,
        [ESC, b'[', rest @ ..] => {
            let end = rest.iter().position(|byte| (0x40..=0x7e).contains(byte)).unwrap_or(rest.len());
            let (parameters, rest) = rest.split_at(end);
            let Some((last, rest)) = rest.split_first() else { return Some((None, rest)) };
            (cursor_key(parameters, *last).and_then(plain), rest)
        }
        [ESC, b'O', last, rest @ ..] => (cursor_key(b"", *last).and_then(plain), rest),
        [ESC] | [ESC, ESC, ..] => (plain(KeyCode::Esc), bytes.get(1..).unwrap_or_default()),
        [ESC, rest @ ..] => {
            let (key, rest) = character(rest);
            (key.map(|key| KeyEvent { modifiers: key.modifiers | KeyModifiers::ALT, ..key }), rest)
        }
        _ => character(bytes),
    })
}

/// The key of a CSI or SS3 sequence without modifiers.
fn cursor_key(parameters: &[u8], last: u8) -> Option<KeyCode> {
    Some(match (parameters, last) {
        (b"", b'A') => KeyCode::Up,
        (b"", b'B') => KeyCode::Down,
        (b"", b'C') => KeyCode::Right,
        (b"", b'D') => KeyCode::Left,
        (b"", b'H') | (b"1" | b"7", b'~') => KeyCode::Home,
        (b"", b'F') | (b"4" | b"8", b'~') => KeyCode::End,
        (b"", b'Z') => KeyCode::BackTab,
        (b"3", b'~') => KeyCode::Delete,
        (b"5", b'~') => KeyCode::PageUp,
        (b"6", b'~') => KeyCode::PageDown,
        _ => return None,
    })
}

/// The key of a character or a control character.
fn character(bytes: &[u8]) -> (Option<KeyEvent>, &[u8]) {
    let (plain, ctrl) = (KeyModifiers::NONE, KeyModifiers::CONTROL);
    let length = (1..=4.min(bytes.len())).find(|n| bytes.get(..*n).is_some_and(|c| std::str::from_utf8(c).is_ok()));
    let (first, rest) = bytes.split_at(length.unwrap_or(1).min(bytes.len()));
    let Some(c) = std::str::from_utf8(first).ok().and_then(|text| text.chars().next()) else { return (None, rest) };
    let key = match c {
        // Keys typed before raw mode have line feeds instead of carriage returns.
        '\r' | '\n' => KeyEvent::new(KeyCode::Enter, plain),
        '\t' => KeyEvent::new(KeyCode::Tab, plain),
        '\x7f' => KeyEvent::new(KeyCode::Backspace, plain),
        '\x01'..='\x1a' => KeyEvent::new(KeyCode::Char(char::from(c as u8 - 1 + b'a')), ctrl),
        c if c.is_control() => return (None, rest),
        c if c.is_uppercase() => KeyEvent::new(KeyCode::Char(c), KeyModifiers::SHIFT),
        c => KeyEvent::new(KeyCode::Char(c), plain),
    };
    (Some(key), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_as_the_terminal_library_does() {
        let key = |code, modifiers| KeyEvent::new(code, modifiers);
        let (plain, ctrl, alt) = (KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::ALT);
        let ch = KeyCode::Char;
        let typed = "aÄ→\r\t\x7f\x03\x1b[A\x1bOB\x1b[5~\x1bx\x1b[Z\x1b";
        assert_eq!(
            keys(typed.as_bytes()),
            [
                key(ch('a'), plain),
                key(ch('Ä'), KeyModifiers::SHIFT),
                key(ch('→'), plain),
                key(KeyCode::Enter, plain),
                key(KeyCode::Tab, plain),
                key(KeyCode::Backspace, plain),
                key(ch('c'), ctrl),
                key(KeyCode::Up, plain),
                key(KeyCode::Down, plain),
                key(KeyCode::PageUp, plain),
                key(ch('x'), alt),
                key(KeyCode::BackTab, plain),
                key(KeyCode::Esc, plain),
            ]
        );
    }

    #[test]
    fn unknown_sequences_and_bytes_are_no_keys() {
        let q = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        for unknown in [&b"\x1b[1;5A"[..], b"\x1b[15~", b"\x1bOP", b"\xff", b"\x1b[I", b"\x00"] {
            assert_eq!(keys(&[unknown, b"q"].concat()), [q], "{unknown:?}");
        }
        assert_eq!(keys(b"\x1b[12"), []);
    }
}
