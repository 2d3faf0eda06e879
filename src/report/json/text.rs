//! Writes a JSON document in one pass, because a large document must not be in memory twice.

use std::io::{self, Write};

use serde::Serialize;

use crate::domain::text::sanitise;

/// Returns an indented document. Control and invisible characters are written as `\uXXXX`, so that they have no effect when
/// the file is printed.
pub fn pretty(document: &(impl Serialize + ?Sized)) -> String {
    let mut out = Escaped(String::new());
    // Serialisation fails only for maps whose keys are not strings, and there are none.
    if serde_json::to_writer_pretty(&mut out, document).is_err() {
        out.0.clear();
    }
    out.0.push('\n');
    out.0
}

/// Escapes the pieces of a document. A piece never ends within a character. Escaped characters occur only inside strings,
/// where JSON allows escapes.
struct Escaped(String);

impl Write for Escaped {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let text = str::from_utf8(piece).map_err(io::Error::other)?;
        let plain = |c: &u8| *c == b'\n' || (b' '..=b'~').contains(c);
        if piece.iter().all(plain) {
            self.0.push_str(text);
        } else {
            text.chars().for_each(|c| push(&mut self.0, c));
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn push(out: &mut String, c: char) {
    if c == '\n' || !sanitise(c.encode_utf8(&mut [0; 4])).is_empty() {
        out.push(c);
    } else {
        out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_escaped_and_read_back_unchanged() {
        let text = "a\u{1b}[31m\u{9b}2J\u{202e}\u{7f}é漢🦀\u{feff}\n\"";
        let written = pretty(&[text]);
        assert_eq!(written, "[\n  \"a\\u001b[31m\\u009b2J\\u202e\\u007fé漢🦀\\ufeff\\n\\\"\"\n]\n");
        assert_eq!(serde_json::from_str::<[String; 1]>(&written).unwrap(), [text]);
    }
}
