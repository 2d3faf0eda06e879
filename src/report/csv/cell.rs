//! A cell of the table: foreign text in it is text and nothing else.

use std::fmt;

use crate::domain::text::sanitise_line;

/// A cell as it stands in the file.
pub(super) struct Cell(String);

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Numbers and truth stand as they are: a minus before a number begins no formula.
macro_rules! plain {
    ($($kind:ty),+) => {$(
        impl From<$kind> for Cell {
            fn from(value: $kind) -> Self {
                Self(value.to_string())
            }
        }
    )+};
}
plain!(bool, u16, u32, u64, usize, f64);

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or_else(|| Self(String::new()), Into::into)
    }
}

/// Text on one line, in quotes where the format wants them.
pub(super) fn text(text: &str) -> Cell {
    let plain = harmless(text);
    let quoted = plain.contains([',', ';', '"']) || plain.starts_with(' ') || plain.ends_with(' ');
    Cell(if quoted { format!("\"{}\"", plain.replace('"', "\"\"")) } else { plain })
}

/// What the cell says once it is read: no part of it begins a formula, also where a semicolon parts cells, as it does in
/// spreadsheets of half of Europe.
pub(in crate::report) fn harmless(text: &str) -> String {
    let line = sanitise_line(text);
    let parts: Vec<String> =
        line.split(';').map(|part| if begins_formula(part) { format!("'{part}") } else { part.to_owned() }).collect();
    parts.join(";")
}

/// Whether a spreadsheet could take it for a formula: the signs, those of full width too, behind blanks and quotes.
pub(in crate::report) fn begins_formula(text: &str) -> bool {
    let first = text.trim_start_matches(|c: char| c.is_whitespace() || c == '"').chars().next();
    matches!(first, Some('=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}'))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::text::oracle::{fault, hostile};
    use crate::report::oracle::read_csv;

    /// The table that a reader makes of it.
    pub fn parsed(csv: &str) -> Vec<Vec<String>> {
        read_csv(csv, ',')
    }

    #[test]
    fn text_that_would_be_a_formula_is_text() {
        for (written, read) in [
            ("plain", "plain"),
            ("=1+1", "'=1+1"),
            ("  @SUM(A1)", "'  @SUM(A1)"),
            ("-5", "'-5"),
            ("\t+1", "' +1"),
            ("\r\n=cmd|' /C calc'!A0", "' =cmd|' /C calc'!A0"),
            ("\u{feff}=1", "'=1"),
            ("\"=1", "'\"=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("a;=1", "a;'=1"),
            ("a-b=c", "a-b=c"),
        ] {
            assert_eq!(parsed(&format!("{}\r\n", super::text(written))), [[read]], "{written:?}");
        }
        assert_eq!(Cell::from(-0.5).to_string(), "-0.5");
    }

    proptest! {
        #[test]
        fn a_cell_is_read_as_it_was_meant_and_never_as_a_formula(a in hostile(), b in hostile()) {
            let csv = format!("{},{},1\r\n", super::text(&a), super::text(&b));
            prop_assert_eq!(fault(&csv.replace('\r', "")), None);
            prop_assert_eq!(parsed(&csv), [[harmless(&a), harmless(&b), "1".to_owned()]]);
            for separator in [',', ';'] {
                for cell in read_csv(&csv, separator).concat() {
                    prop_assert!(!begins_formula(&cell), "{cell:?} of {csv:?}");
                }
            }
        }
    }
}
