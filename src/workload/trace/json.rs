//! Parts that the JSON formats of traces share.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::domain::suite::Message;

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// Roles of messages that can be replayed as text. A `tool` message would need the tool call to which it belongs.
const ROLES: [&str; 4] = ["system", "developer", "user", "assistant"];

/// Reads one line. The error gives the column but no line, because the parser counts lines from the start of the row.
pub(super) fn parse<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string();
        let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
        let column = error.column();
        if column == 0 { reason.to_owned() } else { format!("{reason} (column {column})") }
    })
}

/// A logged message. Its content is a string, a list of parts, or missing if the message calls a tool.
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

/// Removes the first of these fields that is not null, and returns its value.
pub(super) fn take(object: &mut Object, names: &[&str]) -> Option<Value> {
    names.iter().find_map(|name| object.remove(*name).filter(|value| !value.is_null()))
}

/// Returns a conversation with one user message.
pub(super) fn user_message(content: String) -> Vec<Message> {
    vec![Message { content, ..Message::user("") }]
}

/// Reads messages that can be replayed as text.
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
