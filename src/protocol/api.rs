//! The APIs that are spoken: where each is asked, with which body, and how its events are read.

mod chat;
mod messages;
mod ollama;
mod responses;

use std::fmt;

use serde_json::Value;

use super::chunk::{Chunk, parse_with};
use super::failure::undeclared_error;
use super::request::RequestDialect;
use crate::domain::suite::CaseSpec;

/// How events are set apart in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Sse,
    /// A JSON document a line.
    Ndjson,
}

/// How the key is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer …`
    Bearer,
    /// `x-api-key: …`
    XApiKey,
}

/// An API and all that sets it apart.
pub struct Api {
    /// What `--api` calls it.
    pub name: &'static str,
    /// The path that a bare host gets.
    pub root: &'static str,
    /// Where a request goes, below the base address.
    pub path: &'static str,
    /// Where the models are listed, below the base address.
    pub models: &'static str,
    /// How events are set apart.
    pub framing: Framing,
    /// Whether an address that ends with `root` alone names this API.
    pub is_named_by_root: bool,
    /// Whether every base address ends with `root`, also one that was typed with another API's.
    pub needs_root: bool,
    /// Whether events with a name are none of this API's: it names no event of its own.
    pub ignores_named_events: bool,
    /// How the key is sent.
    pub auth: Auth,
    /// Headers that every request carries.
    pub headers: &'static [(&'static str, &'static str)],
    /// The body of a streaming request to a model, with the nonce that makes its prompt unique; `extra` of the case has
    /// the last word.
    pub body: fn(&CaseSpec, &str, RequestDialect, Option<&str>) -> Value,
    parse: for<'a> fn(&'a str) -> Result<Chunk<'a>, serde_json::Error>,
}

impl Api {
    /// Reads the data of one event, or a whole answer that came as one document.
    pub fn read<'a>(&self, data: &'a str) -> Result<Chunk<'a>, serde_json::Error> {
        parse_with(self.parse, data)
    }

    /// Reads the data of an event in which only this API can be meant: an error may stand in place of a chunk, in a shape
    /// of its own.
    pub fn read_or_error<'a>(&self, data: &'a str) -> Result<Chunk<'a>, serde_json::Error> {
        match self.read(data) {
            Ok(chunk) if chunk.is_void() => Ok(Chunk { error: undeclared_error(data), ..chunk }),
            Err(not_a_chunk) => match undeclared_error(data) {
                Some(error) => Ok(Chunk { error: Some(error), ..Chunk::default() }),
                None => Err(not_a_chunk),
            },
            other => other,
        }
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Api {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// OpenAI's chat completions, which nearly every server speaks.
pub static CHAT: Api = Api {
    name: "chat",
    root: "/v1",
    path: "/chat/completions",
    models: "/models",
    framing: Framing::Sse,
    is_named_by_root: false,
    needs_root: false,
    ignores_named_events: true,
    auth: Auth::Bearer,
    headers: &[],
    body: chat::body,
    parse: super::chunk::parse_strictly,
};

/// OpenAI's Responses.
pub static RESPONSES: Api = Api {
    name: "responses",
    root: "/v1",
    path: "/responses",
    models: "/models",
    framing: Framing::Sse,
    is_named_by_root: false,
    needs_root: false,
    ignores_named_events: false,
    auth: Auth::Bearer,
    headers: &[],
    body: responses::body,
    parse: responses::parse,
};

/// Anthropic's Messages.
pub static MESSAGES: Api = Api {
    name: "messages",
    root: "/v1",
    path: "/messages",
    models: "/models",
    framing: Framing::Sse,
    is_named_by_root: false,
    needs_root: false,
    ignores_named_events: false,
    auth: Auth::XApiKey,
    headers: &[("anthropic-version", "2023-06-01")],
    body: messages::body,
    parse: messages::parse,
};

/// Ollama's own.
pub static OLLAMA: Api = Api {
    name: "ollama",
    root: "/api",
    path: "/chat",
    models: "/tags",
    framing: Framing::Ndjson,
    is_named_by_root: true,
    needs_root: true,
    ignores_named_events: false,
    auth: Auth::Bearer,
    headers: &[],
    body: ollama::body,
    parse: ollama::parse,
};

/// All of them; the first is spoken where nothing says otherwise.
pub static APIS: &[&Api] = &[&CHAT, &RESPONSES, &MESSAGES, &OLLAMA];

/// The names of all of them.
pub fn names() -> Vec<&'static str> {
    APIS.iter().map(|api| api.name).collect()
}

/// The API of that name.
pub fn by_name(name: &str) -> Option<&'static Api> {
    APIS.iter().copied().find(|api| api.name == name)
}

#[cfg(test)]
mod tests;
