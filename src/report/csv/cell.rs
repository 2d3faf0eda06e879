//! Cells of a CSV file. Text from a server or a suite never becomes a formula or a second cell.

use std::fmt;

use crate::domain::text::sanitise_line;

/// Text of a cell as it is written to the file.
pub(super) struct Cell(String);

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Numbers and booleans need no escaping: a number with a minus sign is not a formula.
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

/// Returns a cell with text on one line, quoted if necessary.
pub(super) fn text(text: &str) -> Cell {
    let plain = harmless(text);
    let quoted = plain.contains([',', ';', '"']) || plain.starts_with(' ') || plain.ends_with(' ');
    Cell(if quoted { format!("\"{}\"", plain.replace('"', "\"\"")) } else { plain })
}

/// Changes text so that no part of it begins a formula. This also holds where semicolons separate cells, as in many
/// European locales.
pub(in crate::report) fn harmless(text: &str) -> String {
    let line = sanitise_line(text);
    let parts: Vec<String> =
        line.split(';').map(|part| if begins_formula(part) { format!("'{part}") } else { part.to_owned() }).collect();
    parts.join(";")
}

/// Returns whether a spreadsheet could read text as a formula: spaces and quotes, followed by a sign, which may be
/// full-width.
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

    /// Parses CSV into rows of cells.
    pub fn parsed(csv: &str) -> Vec<Vec<String>> {
        read_csv(csv, ',')
    }

    #[test]
    fn text_never_becomes_a_formula() {
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
        fn any_text_is_read_back_as_one_cell_without_a_formula(a in hostile(), b in hostile()) {
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
