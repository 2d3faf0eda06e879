//! Kinds of rows, recognised from the names of their fields.

use super::columns::ColumnKey;

/// Kind of the rows of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// Rows with columns that the user named.
    Mapped,
    /// Lines of a file for `OpenAI`'s batch API, with the request in `body`.
    Batch,
    /// Rows with `messages`, as in requests and in files for fine-tuning.
    Messages,
    /// Rows with `conversations`, whose messages have `from` and `value`.
    ShareGpt,
    /// Rows with `prompt`: a string, a list of user turns, or a list of messages.
    Prompt,
    /// Rows with `instruction`, `input` and `output`, as in Stanford's Alpaca.
    Alpaca,
    /// Rows with `query` and `documents`, to rank the documents.
    Rerank,
    /// A text file, which is the prompt.
    TextFile,
}

/// Fields that identify a kind. The first match counts, because batch requests may also have the other fields.
const SIGNS: &[(&str, RowKind)] = &[
    ("body.messages", RowKind::Batch),
    ("messages", RowKind::Messages),
    ("conversations", RowKind::ShareGpt),
    ("prompt", RowKind::Prompt),
    ("instruction", RowKind::Alpaca),
    ("documents", RowKind::Rerank),
];

impl RowKind {
    /// Recognises the kind of a row from its fields. Dots in a name lead to nested objects.
    pub fn from_fields(has_field: impl Fn(&str) -> bool) -> Option<Self> {
        SIGNS.iter().find(|(sign, _)| has_field(sign)).map(|(_, kind)| *kind)
    }

    /// Returns the field that identifies this kind.
    pub fn sign(self) -> &'static str {
        SIGNS.iter().find(|(_, kind)| *kind == self).map_or("", |(sign, _)| sign)
    }

    /// Returns the fields that identify a kind, for messages.
    pub fn known_fields() -> String {
        SIGNS.iter().map(|(sign, _)| *sign).collect::<Vec<_>>().join(", ")
    }

    /// Returns the name of this kind for the description of a data set.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mapped => "mapped columns",
            Self::Batch => "OpenAI batch requests",
            Self::Messages => "OpenAI messages",
            Self::ShareGpt => "ShareGPT conversations",
            Self::Prompt => "prompts",
            Self::Alpaca => "Alpaca instructions",
            Self::Rerank => "queries with documents",
            Self::TextFile => "text files",
        }
    }

    /// Returns the fields that may provide a key if the user mapped none. The first one that a row has is used.
    pub const fn default_fields(self, key: ColumnKey) -> &'static [&'static str] {
        match (self, key) {
            (Self::Alpaca, ColumnKey::Expected) => &["expected", "output"],
            (_, ColumnKey::Expected) => &["expected"],
            (_, ColumnKey::System) => &["system"],
            (_, ColumnKey::MaxTokens) => &["max_tokens", "max_completion_tokens", "output_tokens"],
            (_, ColumnKey::Tag) => &["tag"],
            (_, ColumnKey::Check) => &["check"],
            (_, ColumnKey::Prompt | ColumnKey::Messages) => &[],
        }
    }
}
