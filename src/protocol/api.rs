//! The supported APIs: for each one the request path, the request body, and the parser of its events.

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

/// Format that separates the events of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Sse,
    /// Newline-delimited JSON: one document per line.
    Ndjson,
}

/// HTTP header that carries the API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer …`
    Bearer,
    /// `x-api-key: …`
    XApiKey,
}

/// One API and everything that distinguishes it from the others.
pub struct Api {
    /// Value of `--api` that selects this API.
    pub name: &'static str,
    /// Path appended to an address that names only a host.
    pub root: &'static str,
    /// Path of a generation request, relative to the base address.
    pub path: &'static str,
    /// Path of the model list, relative to the base address.
    pub models: &'static str,
    /// Format that separates the events of a stream.
    pub framing: Framing,
    /// Whether an address that ends with `root` selects this API.
    pub is_named_by_root: bool,
    /// Whether every base address must end with `root`. If so, another API's root is replaced.
    pub needs_root: bool,
    /// Whether named events are ignored, because this API never names its own.
    pub ignores_named_events: bool,
    /// HTTP header that carries the API key.
    pub auth: Auth,
    /// Headers sent with every request.
    pub headers: &'static [(&'static str, &'static str)],
    /// Builds the body of a streaming request from the case, the model and the dialect. The optional nonce makes the
    /// prompt unique. Fields in the case's `extra` override everything else.
    pub body: fn(&CaseSpec, &str, RequestDialect, Option<&str>) -> Value,
    /// Names a part of a case that the API does not have; `None` if it can send the case.
    pub unsupported: fn(&CaseSpec) -> Option<&'static str>,
    parse: for<'a> fn(&'a str) -> Result<Chunk<'a>, serde_json::Error>,
}

impl Api {
    /// Reads the data of one event, or a complete response that arrived as one document.
    pub fn read<'a>(&self, data: &'a str) -> Result<Chunk<'a>, serde_json::Error> {
        parse_with(self.parse, data)
    }

    /// Reads the data of an event that must belong to this API. Unlike [`Api::read`], it also recognises errors in
    /// undeclared formats, which some servers send in place of a chunk.
    pub fn read_or_error<'a>(&self, data: &'a str) -> Result<Chunk<'a>, serde_json::Error> {
        match self.read(data) {
            Ok(chunk) if chunk.is_empty() => Ok(Chunk { error: undeclared_error(data), ..chunk }),
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

/// OpenAI's Chat Completions API, which nearly every server implements.
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
    unsupported: |_case| None,
    parse: super::chunk::parse_strictly,
};

/// OpenAI's Responses API.
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
    unsupported: responses::unsupported,
    parse: responses::parse,
};

/// Anthropic's Messages API.
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
    unsupported: messages::unsupported,
    parse: messages::parse,
};

/// Ollama's native API.
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
    unsupported: ollama::unsupported,
    parse: ollama::parse,
};

/// All supported APIs. The first is the default.
pub static APIS: &[&Api] = &[&CHAT, &RESPONSES, &MESSAGES, &OLLAMA];

/// Names of all supported APIs, as `--api` accepts them.
pub fn names() -> Vec<&'static str> {
    APIS.iter().map(|api| api.name).collect()
}

/// Looks up an API by its name.
pub fn by_name(name: &str) -> Option<&'static Api> {
    APIS.iter().copied().find(|api| api.name == name)
}

#[cfg(test)]
mod tests;
