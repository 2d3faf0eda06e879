//! Places of rows in a data set, as messages name them.

use std::fmt;

/// Place of a row in its data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Number of the row's first line, from 1.
    Line(u64),
    /// An element of a JSON array.
    Element {
        /// Number of the element, from 1.
        number: u64,
        /// Number of its first line, if known. The index of an open data set has only the number of the element.
        line: Option<u64>,
    },
    /// Name of a file in a folder.
    File(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Element { number, line: Some(line) } => write!(f, "line {line} (element {number} of the array)"),
            Self::Element { number, line: None } => write!(f, "element {number} of the array"),
            Self::File(name) => f.write_str(name),
        }
    }
}
