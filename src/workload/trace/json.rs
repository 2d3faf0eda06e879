//! Pieces that the JSON formats share.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::domain::suite::Message;

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// Roles that a request can replay with text alone. A `tool` message needs the call that it answers.
const ROLES: [&str; 4] = ["system", "developer", "user", "assistant"];

/// Reads one line. The error has the column, but no line, because the parser counts from the start of the row.
pub(super) fn parse<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string();
        let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
        let column = error.column();
        if column == 0 { reason.to_owned() } else { format!("{reason} (column {column})") }
    })
}

/// A message as logged: its content is a text, a list of parts, or missing where a tool is called.
#[derive(Deserialize)]
struct LoggedMessage {
    role: String,
    content: Option<LoggedContent>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum LoggedContent {
    Text(String),
    Parts(Vec<LoggedPart>),
}

#[derive(Deserialize)]
struct LoggedPart {
    #[serde(rename = "type")]
    kind: Option<String>,
    text: Option<String>,
}

/// Removes the first of several fields that is not null.
pub(super) fn take(object: &mut Object, names: &[&str]) -> Option<Value> {
    names.iter().find_map(|name| object.remove(*name).filter(|value| !value.is_null()))
}

/// A conversation of one message.
pub(super) fn user_message(content: String) -> Vec<Message> {
    vec![Message { content, ..Message::user("") }]
}

/// Reads messages that a text-only request can replay.
pub(super) fn messages(logged: Value) -> Result<Vec<Message>, String> {
    let logged: Vec<LoggedMessage> =
        serde_json::from_value(logged).map_err(|error| format!("in 'messages': {error}"))?;
    if logged.is_empty() {
        return Err("'messages' is empty".to_owned());
    }
    logged.into_iter().map(message).collect()
}

fn message(logged: LoggedMessage) -> Result<Message, String> {
    let LoggedMessage { role, content } = logged;
    if !ROLES.contains(&role.as_str()) {
        return Err(format!("a message has the role '{role}', which cannot be replayed as text"));
    }
    let content = match content {
        None => String::new(),
        Some(LoggedContent::Text(text)) => text,
        Some(LoggedContent::Parts(parts)) => parts.into_iter().map(part).collect::<Result<Vec<_>, _>>()?.join("\n"),
    };
    Ok(Message { role, content, media: Vec::new() })
}

fn part(part: LoggedPart) -> Result<String, String> {
    part.text.ok_or_else(|| {
        let kind = part.kind.unwrap_or_else(|| "unknown".to_owned());
        format!("a message has a part of type '{kind}', which cannot be replayed as text")
    })
}
