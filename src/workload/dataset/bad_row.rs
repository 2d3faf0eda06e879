//! Rows that cannot be sent, with the reason.

use crate::domain::text::{sanitise_line, truncate};

/// Treatment of rows that cannot be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBadRow {
    /// Refuse the data set; the error gives place and fault of the first bad row.
    #[default]
    Fail,
    /// Skip bad rows, and count them by kind of fault.
    Skip,
}

/// Kind of fault. Skipped rows are counted by these kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "`phrase` describes them")]
pub enum Fault {
    NoPrompt,
    NotJson,
    NotAnObject,
    NotUtf8,
    NulByte,
    UnknownRole,
    NotText,
    InvalidField,
    DuplicateKey,
    FieldCount,
    TooLong,
}

impl Fault {
    /// Returns words that follow a number of rows, like `not JSON` in `10 not JSON`.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::NoPrompt => "without a prompt",
            Self::NotJson => "not JSON",
            Self::NotAnObject => "not an object",
            Self::NotUtf8 => "not UTF-8",
            Self::NulByte => "with NUL bytes",
            Self::UnknownRole => "with an unknown role",
            Self::NotText => "with content that cannot be sent",
            Self::InvalidField => "with an invalid field",
            Self::DuplicateKey => "with a duplicate key",
            Self::FieldCount => "with a wrong number of fields",
            Self::TooLong => "too long",
        }
    }
}

/// Reason why a row cannot be sent: one line, without the place of the row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadRow {
    /// Kind of the fault.
    pub fault: Fault,
    /// Description of the fault.
    pub message: String,
}

impl BadRow {
    /// Creates the reason. Any text of the file in `message` must have passed [`shown`].
    pub(super) fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into() }
    }
}

/// Maximum characters of a name or value in a message.
const MAX_SHOWN_CHARS: usize = 40;
/// Maximum number of names in a list.
const MAX_LISTED: usize = 20;

/// Returns text of the file in a form that is safe and short enough for a message.
pub(super) fn shown(text: &str) -> String {
    truncate(&sanitise_line(&truncate(text, 2 * MAX_SHOWN_CHARS, "")), MAX_SHOWN_CHARS, "…")
}

/// Lists names for a message: `prompt, system, tag`.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let mut list: Vec<String> = names.by_ref().take(MAX_LISTED).map(shown).collect();
    match names.count() {
        0 if list.is_empty() => "none".to_owned(),
        0 => list.join(", "),
        more => {
            list.push(format!("and {more} more"));
            list.join(", ")
        }
    }
}
