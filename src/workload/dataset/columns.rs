//! The user's own names of columns: `prompt=question`.

use std::fmt;
use std::str::FromStr;

use super::bad_row::shown;

/// Part of a row that a column supplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColumnKey {
    /// Text of the user message.
    Prompt,
    /// List of messages.
    Messages,
    /// System prompt.
    System,
    /// Reference answer.
    Expected,
    /// Maximum tokens to generate.
    MaxTokens,
    /// Tag by which results are grouped.
    Tag,
    /// Checks of the answer, as in a suite.
    Check,
}

impl ColumnKey {
    /// All keys, in the order that messages list them.
    pub const ALL: [Self; 7] =
        [Self::Prompt, Self::Messages, Self::System, Self::Expected, Self::MaxTokens, Self::Tag, Self::Check];

    /// Name in `--column NAME=…`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Messages => "messages",
            Self::System => "system",
            Self::Expected => "expected",
            Self::MaxTokens => "max_tokens",
            Self::Tag => "tag",
            Self::Check => "check",
        }
    }
}

impl fmt::Display for ColumnKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One mapping: the key and the name of its column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Part of the row.
    pub key: ColumnKey,
    /// Name of the column in the file. Dots lead into nested objects: `body.messages`.
    pub name: String,
}

/// Reason why a mapping is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    /// A key or a name is missing.
    #[error("'{0}' is not KEY=NAME, like prompt=question")]
    NotAPair(String),
    /// No such key.
    #[error("unknown key '{0}'; the keys are {keys}", keys = key_names())]
    UnknownKey(String),
    /// A key has two columns.
    #[error("two columns for '{0}'; name one")]
    Twice(ColumnKey),
    /// The prompt comes from two columns.
    #[error("'prompt' and 'messages' exclude each other; map one of them")]
    TwoPrompts,
}

fn key_names() -> String {
    ColumnKey::ALL.map(ColumnKey::name).join(", ")
}

impl FromStr for Column {
    type Err = ColumnError;

    fn from_str(text: &str) -> Result<Self, ColumnError> {
        let pair = text.split_once('=').map(|(key, name)| (key.trim(), name.trim()));
        let Some((key, name)) = pair.filter(|(key, name)| !key.is_empty() && !name.is_empty()) else {
            return Err(ColumnError::NotAPair(shown(text)));
        };
        let known = ColumnKey::ALL.into_iter().find(|known| known.name() == key);
        let key = known.ok_or_else(|| ColumnError::UnknownKey(shown(key)))?;
        Ok(Self { key, name: name.to_owned() })
    }
}

/// Columns that the user names. Other keys use the columns of the recognised format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnMapping(Vec<Column>);

impl ColumnMapping {
    /// Creates a mapping.
    ///
    /// # Errors
    ///
    /// If a key has two columns, or both `prompt` and `messages` have one.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Result<Self, ColumnError> {
        let mut mapping = Self::default();
        for column in columns {
            if mapping.get(column.key).is_some() {
                return Err(ColumnError::Twice(column.key));
            }
            mapping.0.push(column);
        }
        if mapping.get(ColumnKey::Prompt).is_some() && mapping.get(ColumnKey::Messages).is_some() {
            return Err(ColumnError::TwoPrompts);
        }
        Ok(mapping)
    }

    /// Name of the column that the user chose for a key.
    pub fn get(&self, key: ColumnKey) -> Option<&str> {
        self.0.iter().find(|column| column.key == key).map(|column| column.name.as_str())
    }

    /// The chosen column of the prompt: its key and its name.
    pub(super) fn prompt(&self) -> Option<&Column> {
        self.0.iter().find(|column| matches!(column.key, ColumnKey::Prompt | ColumnKey::Messages))
    }

    /// All chosen columns.
    pub fn iter(&self) -> impl Iterator<Item = &Column> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(rules: &[&str]) -> Result<ColumnMapping, String> {
        let columns: Result<Vec<Column>, _> = rules.iter().map(|rule| rule.parse()).collect();
        columns.and_then(ColumnMapping::new).map_err(|e| e.to_string())
    }

    #[test]
    fn rules_name_a_key_and_a_column() {
        let mapping = mapping(&["prompt=data.question", " tag = topic=1 "]).unwrap();
        assert_eq!(mapping.get(ColumnKey::Prompt), Some("data.question"));
        assert_eq!(mapping.get(ColumnKey::Tag), Some("topic=1"));
        assert_eq!(mapping.get(ColumnKey::System), None);
    }

    #[test]
    fn invalid_rules_are_refused_with_advice() {
        let error = |rules: &[&str]| mapping(rules).unwrap_err();
        assert_eq!(error(&["question"]), "'question' is not KEY=NAME, like prompt=question");
        assert_eq!(error(&["prompt="]), "'prompt=' is not KEY=NAME, like prompt=question");
        assert_eq!(
            error(&["promt=q"]),
            "unknown key 'promt'; the keys are prompt, messages, system, expected, max_tokens, tag, check"
        );
        assert_eq!(error(&["tag=a", "tag=b"]), "two columns for 'tag'; name one");
        assert_eq!(error(&["prompt=a", "messages=b"]), "'prompt' and 'messages' exclude each other; map one of them");
    }
}
