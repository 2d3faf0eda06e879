//! Writes a JSON document in one pass, so that a large document is not in memory twice.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use crate::domain::text::sanitise;

/// Returns an indented document. Control and invisible characters are written as `\uXXXX`, so that they have no effect
/// in a terminal.
pub fn pretty(document: &(impl Serialize + ?Sized)) -> String {
    let mut out = Vec::new();
    // Serialisation fails only for maps whose keys are not strings, and the documents have none.
    if write_pretty(document, &mut out).is_err() {
        return "\n".to_owned();
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Writes an indented document to `to`, like [`pretty`].
///
/// # Errors
///
/// Returns the error of `to`.
pub fn write_pretty(document: &(impl Serialize + ?Sized), to: &mut dyn Write) -> io::Result<()> {
    let mut out = Escaped(BufWriter::new(to));
    serde_json::to_writer_pretty(&mut out, document)?;
    out.0.write_all(b"\n")?;
    out.0.flush()
}

/// Writer that escapes control and invisible characters. Pieces never end within a character. These characters occur
/// only inside strings, where JSON allows escapes.
struct Escaped<'a>(BufWriter<&'a mut dyn Write>);

impl Write for Escaped<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let text = str::from_utf8(piece).map_err(io::Error::other)?;
        let plain = |c: &u8| *c == b'\n' || (b' '..=b'~').contains(c);
        if piece.iter().all(plain) {
            self.0.write_all(piece)?;
        } else {
            let mut escaped = String::with_capacity(piece.len());
            text.chars().for_each(|c| push(&mut escaped, c));
            self.0.write_all(escaped.as_bytes())?;
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
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
