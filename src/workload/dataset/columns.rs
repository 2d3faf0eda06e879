//! Names of columns that the user gives, like `prompt=question`.

use std::fmt;
use std::str::FromStr;

use super::bad_row::shown;

/// Part of a row that a column provides.
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
    /// All keys, in the order in which messages list them.
    pub const ALL: [Self; 7] =
        [Self::Prompt, Self::Messages, Self::System, Self::Expected, Self::MaxTokens, Self::Tag, Self::Check];

    /// Name of the key in `--column NAME=…`.
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

/// Mapping of one key to a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Part of the row.
    pub key: ColumnKey,
    /// Name of the column in the file. Dots lead to nested objects: `body.messages`.
    pub name: String,
}

/// Reason why a mapping is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    /// A key or a name is missing.
    #[error("'{0}' is not KEY=NAME, like prompt=question")]
    NotAPair(String),
    /// The key does not exist.
    #[error("unknown key '{0}'; the keys are {keys}", keys = key_names())]
    UnknownKey(String),
    /// A key has two columns.
    #[error("two columns for '{0}'; name one")]
    Twice(ColumnKey),
    /// Two columns provide the prompt.
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

/// Columns that the user names. For all other keys, the format's default columns are used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnMapping(Vec<Column>);

impl ColumnMapping {
    /// Creates a mapping from these columns.
    ///
    /// # Errors
    ///
    /// A key has two columns, or both `prompt` and `messages` have a column.
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

    /// Returns the name of the column that the user chose for a key.
    pub fn get(&self, key: ColumnKey) -> Option<&str> {
        self.0.iter().find(|column| column.key == key).map(|column| column.name.as_str())
    }

    /// Returns the column that the user chose for the prompt, with its key.
    pub(super) fn prompt(&self) -> Option<&Column> {
        self.0.iter().find(|column| matches!(column.key, ColumnKey::Prompt | ColumnKey::Messages))
    }

    /// Returns all columns that the user chose.
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
