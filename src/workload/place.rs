//! Places of rows, as messages name them.

use std::fmt;

/// Place of a row in its data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// First line of a row, from 1.
    Line(u64),
    /// Number of an element in a JSON array, from 1.
    Element(u64),
    /// Name of a file in a folder.
    File(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Element(number) => write!(f, "element {number} of the array"),
            Self::File(name) => f.write_str(name),
        }
    }
}
