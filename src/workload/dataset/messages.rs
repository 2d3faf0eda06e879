//! Reads lists of messages, with the keys of `OpenAI` (`role`, `content`) or `ShareGPT` (`from`, `value`).

use serde_json::value::RawValue;

use super::bad_row::{BadRow, Fault, shown};
use super::content::{self, Content};
use super::json::{self, Object};
use super::row::{ASSISTANT, DEVELOPER, SYSTEM, TOOL, USER};
use crate::domain::suite::Message;

/// A list of messages.
pub struct Conversation {
    /// Messages in their original order.
    pub messages: Vec<Message>,
    /// Whether the list uses the keys of `ShareGPT`.
    pub is_sharegpt: bool,
}

/// Names of roles in data sets, each with the role to send.
const ROLES: &[(&str, &str)] = &[
    ("user", USER),
    ("human", USER),
    ("assistant", ASSISTANT),
    ("gpt", ASSISTANT),
    ("chatgpt", ASSISTANT),
    ("model", ASSISTANT),
    ("bing", ASSISTANT),
    ("bard", ASSISTANT),
    ("system", SYSTEM),
    ("developer", DEVELOPER),
    ("tool", TOOL),
    ("observation", TOOL),
];

/// Reads the messages in a field.
pub fn read(value: &RawValue, field: &str) -> Result<Conversation, BadRow> {
    let items = items(value, field)?;
    let mut conversation = Conversation { messages: Vec::with_capacity(items.len()), is_sharegpt: false };
    for (i, item) in items.into_iter().enumerate() {
        let object = Object::read(item.get(), &format!("message {}", i + 1))?;
        conversation.is_sharegpt |= object.get("from").is_some();
        conversation.messages.push(message(&object, i + 1)?);
    }
    Ok(conversation)
}

/// Returns the elements of a list. Fails if the list is empty.
pub fn items<'a>(value: &'a RawValue, field: &str) -> Result<Vec<&'a RawValue>, BadRow> {
    let field = shown(field);
    let fault = |fault, message: &str| BadRow::new(fault, format!("the field '{field}' is {message}"));
    match json::list(value) {
        Some(items) if items.is_empty() => Err(fault(Fault::NoPrompt, "empty")),
        Some(items) => Ok(items),
        None if value.get() == "null" => Err(fault(Fault::NoPrompt, "null")),
        None => Err(fault(Fault::InvalidField, &format!("{}; it must be a list of messages", json::kind(value)))),
    }
}

fn message(object: &Object<'_>, number: usize) -> Result<Message, BadRow> {
    let written = ["role", "from"].into_iter().find_map(|key| object.get(key).map(|value| (key, value)));
    let Some((key, role)) = written else {
        return Err(BadRow::new(Fault::UnknownRole, format!("message {number} has no role; {}", known_roles())));
    };
    let Some(role) = json::text(role, key)? else {
        let message = format!("the role of message {number} is {}; {}", json::kind(role), known_roles());
        return Err(BadRow::new(Fault::UnknownRole, message));
    };
    let Some((_, role)) = ROLES.iter().find(|(name, _)| *name == role) else {
        let message = format!("message {number} has the unknown role '{}'; {}", shown(&role), known_roles());
        return Err(BadRow::new(Fault::UnknownRole, message));
    };
    let calls_tools = object.get("tool_calls").is_some_and(|calls| !matches!(calls.get(), "null" | "[]"));
    if calls_tools {
        return Err(BadRow::new(Fault::NotText, format!("message {number} has tool calls; only text can be sent")));
    }
    let content = ["content", "value", "text"].into_iter().find_map(|key| object.get(key).map(|value| (key, value)));
    let Some((key, content)) = content else {
        return Err(BadRow::new(Fault::InvalidField, format!("message {number} has no content")));
    };
    let Content { text, media } = content::read(content, key, number)?;
    if !media.is_empty() && *role != USER {
        let message = format!("message {number} has images or audio, but only messages of the user can have them");
        return Err(BadRow::new(Fault::NotText, message));
    }
    Ok(Message { role: (*role).to_owned(), content: text, media })
}

fn known_roles() -> &'static str {
    "roles are system, developer, user, assistant and tool"
}
