//! Characters as a reader sees them, each with its position in the source.

/// A character and its position in the source.
#[derive(Clone, Copy, Debug)]
pub struct VisibleChar {
    /// The character.
    pub c: char,
    /// Position in the source.
    pub place: Place,
}

/// Position of a character in the source, in bytes. No searched text reaches 4 GiB, so 32 bits suffice.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// First byte.
    pub from: u32,
    /// End of the last byte, exclusive.
    pub to: u32,
    /// Whether a visible blank or line break precedes this character.
    pub is_after_blank: bool,
}

impl Place {
    /// Extends this position to the end of `last`, for a character that the source writes as several.
    pub const fn with(self, last: Self) -> Self {
        Self { to: last.to, ..self }
    }
}
