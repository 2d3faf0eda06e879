//! Converts the fields of a row to the messages and parameters of a request.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::bad_row::{BadRow, Fault, listed, shown};
use super::columns::{ColumnKey, ColumnMapping};
use super::json::{self, Object};
use super::messages::{self, Conversation};
use super::record::{Record, Value};
use super::row::{ASSISTANT, DEVELOPER, DataRow, SYSTEM, TOOL, USER};
use super::row_kind::RowKind;
use crate::domain::check::CheckSpec;
use crate::domain::suite::{DOCUMENT, Message, QUERY};
use crate::domain::text::sanitise_line;

/// Maximum length of a tag. A longer value is text from the wrong column.
const MAX_TAG_CHARS: usize = 200;

/// Parser of a data set's rows.
#[derive(Clone, Debug)]
pub struct RowParser {
    columns: ColumnMapping,
    kind: Option<RowKind>,
}

impl RowParser {
    /// Creates a parser. If the user mapped no prompt, the first row with a known field decides the kind of all rows.
    pub fn new(columns: &ColumnMapping) -> Self {
        let kind = columns.prompt().map(|_| RowKind::Mapped);
        Self { columns: columns.clone(), kind }
    }

    /// Returns the kind of the rows; `None` until a row has decided it.
    pub const fn kind(&self) -> Option<RowKind> {
        self.kind
    }

    /// Sets the kind of the rows, for rows without fields.
    pub const fn set_kind(&mut self, kind: RowKind) {
        self.kind = Some(kind);
    }

    /// Returns the mapped columns.
    pub const fn columns(&self) -> &ColumnMapping {
        &self.columns
    }

    /// Sets the kind of all rows from the fields of this row, if the kind is not known yet.
    pub fn decide_kind(&mut self, record: &Record<'_>) {
        self.kind = self.kind.or_else(|| RowKind::from_fields(|field| record.find(field).is_some()));
    }

    /// Builds the request of a row; fails if no field holds a prompt.
    pub fn parse(&self, record: &Record<'_>) -> Result<DataRow, BadRow> {
        let Some(kind) = self.kind else {
            let message = format!(
                "no prompt: none of the fields {}; the row has {}; name the prompt's field with --column prompt=NAME",
                RowKind::known_fields(),
                listed(record.names())
            );
            return Err(BadRow::new(Fault::NoPrompt, message));
        };
        // The parameters of a batch request are in its body.
        let body = if kind == RowKind::Batch { body(record)? } else { None };
        let fields = Fields { columns: &self.columns, kind, row: record, defaults: body.as_ref().unwrap_or(record) };
        if kind == RowKind::Rerank {
            let messages = fields.query_and_documents()?;
            let (tag, expected, checks) = (fields.tag()?, None, Vec::new());
            return Ok(DataRow { messages, later_messages: Vec::new(), max_tokens: None, expected, checks, tag });
        }
        let (mut conversation, is_single_turn) = fields.conversation()?;
        if is_single_turn {
            drop_leading_answers(&mut conversation.messages);
        }
        let mut row = split(conversation.messages, is_single_turn)?;
        if let Some(system) = fields.text(ColumnKey::System)?.filter(|text| !text.trim().is_empty()) {
            let has_system = row.messages.iter().any(|message| [SYSTEM, DEVELOPER].contains(&message.role.as_str()));
            if !has_system {
                row.messages.insert(0, Message::new(SYSTEM, &system));
            }
        }
        let reply = || row.later_messages.first().filter(|m| m.role == ASSISTANT).map(|m| m.content.clone());
        row.expected = fields.label(ColumnKey::Expected)?.or_else(reply);
        row.max_tokens = fields.max_tokens()?;
        row.tag = fields.tag()?;
        row.checks = fields.checks()?;
        Ok(row)
    }
}

/// Drops assistant messages before the first user message. Keeps a system prompt.
fn drop_leading_answers(messages: &mut Vec<Message>) {
    let mut is_before_user = true;
    messages.retain(|message| {
        is_before_user &= message.role != USER;
        !(is_before_user && message.role == ASSISTANT)
    });
}

/// Returns the request in a line of a batch file. In a table, the fields of the request are separate columns, so there
/// is no such request.
fn body<'a>(record: &Record<'a>) -> Result<Option<Record<'a>>, BadRow> {
    match record.get("body") {
        Some(Value::Json(value)) => {
            Object::read(value.get(), "the field 'body'").map(|body| Some(Record::Object(body)))
        }
        Some(Value::Text(_)) | None => Ok(None),
    }
}

/// Splits a conversation into the messages of a single request and the later messages.
fn split(mut messages: Vec<Message>, is_single_turn: bool) -> Result<DataRow, BadRow> {
    let asks = |message: &Message| message.role == USER || (message.role == TOOL && !is_single_turn);
    let last = if is_single_turn { messages.iter().position(asks) } else { messages.iter().rposition(asks) };
    let Some(last) = last.filter(|_| messages.iter().any(|message| message.role == USER)) else {
        return Err(BadRow::new(Fault::NoPrompt, "no user message"));
    };
    let is_blank = |message: &Message| message.content.trim().is_empty() && message.media.is_empty();
    if messages.get(last).is_some_and(is_blank) {
        return Err(BadRow::new(Fault::NoPrompt, format!("message {} is empty", last + 1)));
    }
    let later_messages = messages.split_off(last + 1);
    Ok(DataRow { messages, later_messages, max_tokens: None, expected: None, checks: Vec::new(), tag: None })
}

/// Fields of a row, by key.
struct Fields<'a> {
    columns: &'a ColumnMapping,
    kind: RowKind,
    /// The row, for looking up mapped columns.
    row: &'a Record<'a>,
    /// The record for looking up the default fields of the kind.
    defaults: &'a Record<'a>,
}

impl<'a> Fields<'a> {
    /// Returns the conversation, and whether a single request sends only its first user turn.
    fn conversation(&self) -> Result<(Conversation, bool), BadRow> {
        match self.kind {
            RowKind::Mapped => match self.columns.prompt() {
                Some(column) if column.key == ColumnKey::Messages => list(self.required(&column.name)?, &column.name),
                Some(column) => prompt(self.required(&column.name)?, &column.name),
                None => Err(BadRow::new(Fault::NoPrompt, "no prompt")),
            },
            RowKind::Batch | RowKind::Messages | RowKind::ShareGpt => {
                list(self.required(self.kind.sign())?, self.kind.sign())
            }
            RowKind::Prompt => prompt(self.required_default("prompt")?, "prompt"),
            RowKind::Alpaca => {
                let instruction = user_text(self.required_default("instruction")?, "instruction")?;
                let input = self.defaults.get("input").map(|value| value.text("input")).transpose()?.flatten();
                let input = input.filter(|text| !text.trim().is_empty());
                Ok(user_turns([input.map_or_else(|| instruction.clone(), |input| format!("{instruction}\n\n{input}"))]))
            }
            RowKind::Rerank | RowKind::TextFile => Err(BadRow::new(Fault::NoPrompt, "no fields")),
        }
    }

    /// Returns the query and the documents of a row. A document is a text, or an object with `text`.
    fn query_and_documents(&self) -> Result<Vec<Message>, BadRow> {
        let query = user_text(self.required_default("query")?, "query")?;
        let invalid = |why: &str| BadRow::new(Fault::InvalidField, format!("the field 'documents' {why}"));
        let raw = match self.required_default("documents")? {
            Value::Json(raw) => raw.get(),
            Value::Text(text) => text,
        };
        let documents: Vec<serde_json::Value> =
            serde_json::from_str(raw).map_err(|_other| invalid("is no list of texts"))?;
        if documents.is_empty() {
            return Err(BadRow::new(Fault::NoPrompt, "the field 'documents' is empty"));
        }
        let mut messages = vec![Message::new(QUERY, &query)];
        for (at, document) in documents.iter().enumerate() {
            let text = document.as_str().or_else(|| document.get("text")?.as_str());
            let text = text.ok_or_else(|| invalid(&format!("has an entry that is no text: number {}", at + 1)))?;
            messages.push(Message::new(DOCUMENT, text));
        }
        Ok(messages)
    }

    fn required(&self, path: &str) -> Result<Value<'a>, BadRow> {
        self.row.find(path).ok_or_else(|| missing(path, self.row))
    }

    fn required_default(&self, name: &str) -> Result<Value<'a>, BadRow> {
        self.defaults.get(name).ok_or_else(|| missing(name, self.defaults))
    }

    /// Returns the value of a key and the name of its field: the mapped column, otherwise a default field of the kind.
    fn value(&self, key: ColumnKey) -> Option<(Value<'a>, &'a str)> {
        if let Some(path) = self.columns.get(key) {
            return self.row.find(path).map(|value| (value, path));
        }
        self.kind.default_fields(key).iter().find_map(|name| self.defaults.get(name).map(|value| (value, *name)))
    }

    fn text(&self, key: ColumnKey) -> Result<Option<String>, BadRow> {
        self.value(key).map_or(Ok(None), |(value, field)| value.text(field))
    }

    fn label(&self, key: ColumnKey) -> Result<Option<String>, BadRow> {
        self.value(key).map_or(Ok(None), |(value, field)| value.label(field))
    }

    fn max_tokens(&self) -> Result<Option<u32>, BadRow> {
        self.value(ColumnKey::MaxTokens).map_or(Ok(None), |(value, field)| value.count(field))
    }

    /// Returns the checks of the answer. They are JSON as in a suite; in a table, the cell holds the JSON as text.
    fn checks(&self) -> Result<Vec<CheckSpec>, BadRow> {
        let Some((value, field)) = self.value(ColumnKey::Check) else { return Ok(Vec::new()) };
        let text = match value {
            Value::Json(raw) => raw.get(),
            Value::Text(text) if text.trim().is_empty() => return Ok(Vec::new()),
            Value::Text(text) => text,
        };
        let wrong = |why: &dyn std::fmt::Display| {
            let message = format!("the field '{}' is {}", shown(field), sanitise_line(&why.to_string()));
            BadRow::new(Fault::InvalidField, message)
        };
        let checks: serde_json::Value = serde_json::from_str(text).map_err(|e| wrong(&format!("not JSON: {e}")))?;
        CheckSpec::list_from_json(&checks).map_err(|e| wrong(&format!("no list of checks: {e}")))
    }

    fn tag(&self) -> Result<Option<Arc<str>>, BadRow> {
        let tag = self.label(ColumnKey::Tag)?;
        let Some(tag) = tag.as_deref().map(str::trim).filter(|tag| !tag.is_empty()) else { return Ok(None) };
        if tag.chars().count() > MAX_TAG_CHARS {
            let message = format!("the tag '{}' is longer than {MAX_TAG_CHARS} characters", shown(tag));
            return Err(BadRow::new(Fault::InvalidField, message));
        }
        Ok(Some(tag.into()))
    }
}

fn missing(name: &str, record: &Record<'_>) -> BadRow {
    let message = format!("no field '{}'; the row has {}", shown(name), listed(record.names()));
    BadRow::new(Fault::NoPrompt, message)
}

/// Reads a list of messages. In a table, the cell holds the list as JSON text.
fn list(value: Value<'_>, field: &str) -> Result<(Conversation, bool), BadRow> {
    let from = |value: &RawValue| {
        messages::read(value, field).map(|list| {
            let first = list.is_sharegpt;
            (list, first)
        })
    };
    match value {
        Value::Json(value) => from(value),
        Value::Text("") => Err(BadRow::new(Fault::NoPrompt, format!("the field '{}' is empty", shown(field)))),
        Value::Text(text) => match serde_json::from_str::<&RawValue>(text) {
            Ok(value) => from(value),
            Err(e) => {
                let BadRow { fault, message } = json::syntax_fault(&e);
                Err(BadRow::new(fault, format!("the field '{}' is {message}", shown(field))))
            }
        },
    }
}

/// Reads a prompt: a string, a list of strings (user turns), or a list of messages.
fn prompt(value: Value<'_>, field: &str) -> Result<(Conversation, bool), BadRow> {
    if let Value::Json(raw) = value
        && raw.get().starts_with('[')
    {
        let items = messages::items(raw, field)?;
        if items.iter().all(|item| item.get().starts_with('"')) {
            let turns: Result<Vec<_>, _> = items.into_iter().map(|item| user_text(Value::Json(item), field)).collect();
            return Ok(user_turns(turns?));
        }
        if items.iter().all(|item| json::kind(item) == "a number") {
            let message = format!("the field '{}' is a list of token ids; only text can be sent", shown(field));
            return Err(BadRow::new(Fault::NotText, message));
        }
        return list(value, field);
    }
    user_text(value, field).map(|text| user_turns([text]))
}

/// Returns a conversation of user messages. A single request sends only the first.
fn user_turns(texts: impl IntoIterator<Item = String>) -> (Conversation, bool) {
    let messages = texts.into_iter().map(|content| Message { content, ..Message::new(USER, "") }).collect();
    (Conversation { messages, is_sharegpt: false }, true)
}

/// Returns the text of a user message. Fails if the text is blank.
fn user_text(value: Value<'_>, field: &str) -> Result<String, BadRow> {
    let state = match value.text(field)? {
        Some(text) if !text.trim().is_empty() => return Ok(text),
        None if matches!(value, Value::Json(_)) => "null",
        _ => "empty",
    };
    Err(BadRow::new(Fault::NoPrompt, format!("the field '{}' is {state}", shown(field))))
}
