//! The characters that a reader sees, each with its place in the source.

/// A character and the bytes of the source that it stands for.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The character.
    pub c: char,
    /// Where it comes from.
    pub place: Place,
}

/// Where a character stands in the source, in bytes; no text that is searched has 4 GiB.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its first byte.
    pub from: u32,
    /// The byte behind its last one.
    pub to: u32,
    /// A blank or a line's end that shows is between the character before and this one.
    pub is_after_blank: bool,
}

impl Place {
    /// The place of a character that is written in several.
    pub const fn with(self, last: Self) -> Self {
        Self { to: last.to, ..self }
    }
}
