//! Making hostile text safe to show.

/// `text` without what could steer a terminal or reorder a line: escape sequences (CSI, OSC and their like), C0 and C1
/// controls except line feed and tab, bidirectional overrides and zero-width characters other than the joiner.
pub fn sanitise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_csi(&mut chars),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {}
            '\u{061c}'
            | '\u{200b}'
            | '\u{200c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => {}
            c => out.push(c),
        }
    }
    out
}

/// [`sanitise`], and on one line: line feeds and tabs become blanks.
pub fn sanitise_line(text: &str) -> String {
    sanitise(text).replace(['\n', '\t'], " ")
}

fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_csi(chars);
        }
        // OSC, DCS, SOS, PM, APC: until BEL or ST.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || c == '\u{9c}' {
                    break;
                }
                if c == '\u{1b}' {
                    chars.next_if_eq(&'\\');
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

fn skip_csi(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = chars.next_if(|c| (' '..='~').contains(c)) {
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
    fn escapes_go_and_text_stays() {
        assert_eq!(sanitise("a\u{1b}[31mb\u{1b}]0;title\u{7}c\u{202e}d\r\n\te"), "abcd\n\te");
        assert_eq!(sanitise("\u{9b}2Jx\u{1b}]8;;http://x\u{1b}\\y"), "xy");
        assert_eq!(sanitise_line("a\nb"), "a b");
    }

    /// What Unicode has for turning the direction of text: marks, embeddings, overrides, isolates.
    #[test]
    fn nothing_turns_the_direction_of_text() {
        let controls =
            "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        assert_eq!(sanitise(&format!("a{controls}שלום{controls}b")), "aשלוםb");
    }

    proptest! {
        #[test]
        fn no_control_survives(text in any::<String>()) {
            let clean = sanitise(&text);
            prop_assert!(clean.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
        }
    }
}
