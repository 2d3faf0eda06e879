//! Kinds of rows, recognised by the names of their fields.

use super::columns::ColumnKey;

/// Kind of the rows of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// Columns that the user named.
    Mapped,
    /// Lines of a file for `OpenAI`'s batch API: the request in `body`.
    Batch,
    /// `messages`, as in requests and in files for fine-tuning.
    Messages,
    /// `conversations` with `from` and `value`.
    ShareGpt,
    /// `prompt`: a string, a list of user turns, or a list of messages.
    Prompt,
    /// `instruction`, `input` and `output`, as in Stanford's Alpaca.
    Alpaca,
    /// A text file, which is the prompt.
    TextFile,
}

/// Field by which a kind is recognised, in order of precedence. Requests of a batch may carry other fields.
const SIGNS: &[(&str, RowKind)] = &[
    ("body.messages", RowKind::Batch),
    ("messages", RowKind::Messages),
    ("conversations", RowKind::ShareGpt),
    ("prompt", RowKind::Prompt),
    ("instruction", RowKind::Alpaca),
];

impl RowKind {
    /// Recognises a kind by its field. Dots in a name lead into nested objects.
    pub fn from_fields(has_field: impl Fn(&str) -> bool) -> Option<Self> {
        SIGNS.iter().find(|(sign, _)| has_field(sign)).map(|(_, kind)| *kind)
    }

    /// Field that the kind requires.
    pub fn sign(self) -> &'static str {
        SIGNS.iter().find(|(_, kind)| *kind == self).map_or("", |(sign, _)| sign)
    }

    /// Fields that are recognised, for messages.
    pub fn known_fields() -> String {
        SIGNS.iter().map(|(sign, _)| *sign).collect::<Vec<_>>().join(", ")
    }

    /// Name for a description.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mapped => "mapped columns",
            Self::Batch => "OpenAI batch requests",
            Self::Messages => "OpenAI messages",
            Self::ShareGpt => "ShareGPT conversations",
            Self::Prompt => "prompts",
            Self::Alpaca => "Alpaca instructions",
            Self::TextFile => "text files",
        }
    }

    /// Fields that supply a key if the user mapped none, the first that a row has.
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
