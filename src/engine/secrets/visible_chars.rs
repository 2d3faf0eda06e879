//! Characters as a reader sees them, each with its position in the source.

/// A character and its source bytes.
#[derive(Clone, Copy, Debug)]
pub struct VisibleChar {
    /// The character.
    pub c: char,
    /// Position in the source.
    pub place: Place,
}

/// Position of a character in the source, in bytes. No searched text has 4 GiB.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// First byte.
    pub from: u32,
    /// The byte after the last one.
    pub to: u32,
    /// Whether a visible blank or line break precedes this character.
    pub is_after_blank: bool,
}

impl Place {
    /// Position of a character that is written as several.
    pub const fn with(self, last: Self) -> Self {
        Self { to: last.to, ..self }
    }
}
