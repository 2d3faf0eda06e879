//! The supported APIs: for each one the request path, the request body, and the parser of its events.

mod chat;
mod completions;
mod embeddings;
mod messages;
mod ollama;
mod rerank;
mod responses;

use std::fmt;

use serde_json::Value;

use super::chunk::{Chunk, parse_with};
use super::failure::undeclared_error;
use super::items::ExpectedItems;
use super::request::RequestDialect;
use crate::domain::suite::{CaseSpec, DOCUMENT, INPUT, Message, QUERY};
use crate::domain::task::Task;

/// Format of a stream: how its events are separated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Sse,
    /// Newline-delimited JSON: one document per line.
    Ndjson,
}

/// Form of the prompt in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptForm {
    /// A list of messages with roles.
    Messages,
    /// One text.
    Text,
    /// A list of texts, each an input of its own.
    Inputs,
    /// A query, and documents to compare with it.
    QueryAndDocuments,
}

/// HTTP header that carries the API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHeader {
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
    /// Kind of work that a request asks for.
    pub task: Task,
    /// Format of a stream in this API.
    pub framing: Framing,
    /// Whether an address that ends with `root` selects this API.
    pub is_named_by_root: bool,
    /// Whether every base address must end with `root`. If so, another API's root is replaced.
    pub needs_root: bool,
    /// Whether to ignore named events, because this API's own events have no names.
    pub ignores_named_events: bool,
    /// Form of the prompt in a request.
    pub prompt: PromptForm,
    /// HTTP header that carries the API key.
    pub auth: KeyHeader,
    /// Headers sent with every request.
    pub headers: &'static [(&'static str, &'static str)],
    /// Builds the body of a streaming request from the case, the model and the dialect. The optional nonce makes the
    /// prompt unique. Fields in the case's `extra` override everything else.
    pub body: fn(&CaseSpec, &str, RequestDialect, Option<&str>) -> Value,
    /// Names a part of a case that the API does not have; `None` if it can send the case.
    pub unsupported: fn(&CaseSpec) -> Option<&'static str>,
    parse: for<'a> fn(&'a str) -> Result<Chunk<'a>, serde_json::Error>,
}

/// Maximum roles that an error names.
const MAX_ROLES: usize = 4;

impl Api {
    /// Whether a request takes a list of messages. If not, it takes one text.
    pub fn takes_messages(&self) -> bool {
        self.prompt == PromptForm::Messages
    }

    /// Checks that a request can carry these messages.
    ///
    /// # Errors
    ///
    /// In one sentence, if the API takes texts of another form.
    pub fn check_messages(&self, messages: &[Message]) -> Result<(), String> {
        let are = |role: &str| messages.iter().all(|message| message.role == role);
        let is_one_text = messages.len() < 2 && are("user");
        let is_chat = messages.iter().all(|message| ![INPUT, QUERY, DOCUMENT].contains(&message.role.as_str()));
        let (fits, needs) = match self.prompt {
            PromptForm::Messages => (is_chat, "messages; inputs and documents need --api embeddings or --api rerank"),
            PromptForm::Text => (is_one_text, "a single user message"),
            PromptForm::Inputs => (messages.len() == 1 && are("user") || are(INPUT), "one text, or a list of inputs"),
            PromptForm::QueryAndDocuments => {
                let documents = messages.split_first().filter(|(first, _)| first.role == QUERY).map(|(_, rest)| rest);
                let fits = documents.is_some_and(|rest| !rest.is_empty() && rest.iter().all(|m| m.role == DOCUMENT));
                (fits, "a query and documents")
            }
        };
        // The rows of a workload fill in messages later.
        if fits || messages.is_empty() {
            return Ok(());
        }
        let roles: Vec<&str> = messages.iter().map(|message| message.role.as_str()).take(MAX_ROLES).collect();
        let more = if messages.len() > MAX_ROLES { ", …" } else { "" };
        if self.prompt == PromptForm::Text {
            return Err(format!(
                "the {} API takes one text, so it needs a single user message instead of {}{more}; use another --api",
                self.name,
                roles.join(", "),
            ));
        }
        Err(format!(
            "the {} API takes {needs}, not {}{more}; change it, or use another --api",
            self.name,
            roles.join(", ")
        ))
    }

    /// The vectors or scores that the answer to a case must have; `None` if the answer is text.
    pub fn expected_items(&self, case: &CaseSpec) -> Option<ExpectedItems> {
        match self.task {
            Task::Generation => None,
            Task::Embeddings => Some(embeddings::expected(case)),
            Task::Rerank => Some(rerank::expected(case)),
        }
    }

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
    task: Task::Generation,
    framing: Framing::Sse,
    is_named_by_root: false,
    needs_root: false,
    ignores_named_events: true,
    prompt: PromptForm::Messages,
    auth: KeyHeader::Bearer,
    headers: &[],
    body: chat::body,
    unsupported: |_case| None,
    parse: super::chunk::parse_strictly,
};

/// OpenAI's legacy Completions API: a text and its continuation.
pub static COMPLETIONS: Api = Api {
    name: "completions",
    root: "/v1",
    path: "/completions",
    models: "/models",
    task: Task::Generation,
    framing: Framing::Sse,
    is_named_by_root: false,
    needs_root: false,
    ignores_named_events: true,
    prompt: PromptForm::Text,
    auth: KeyHeader::Bearer,
    headers: &[],
    body: completions::body,
    unsupported: completions::unsupported,
    parse: completions::parse,
};

/// OpenAI's Responses API.
pub static RESPONSES: Api = Api {
    name: "responses",
    root: "/v1",
    path: "/responses",
    models: "/models",
    task: Task::Generation,
    framing: Framing::Sse,
    is_named_by_root: false,
    needs_root: false,
    ignores_named_events: false,
    prompt: PromptForm::Messages,
    auth: KeyHeader::Bearer,
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
    task: Task::Generation,
    framing: Framing::Sse,
    is_named_by_root: false,
    needs_root: false,
    ignores_named_events: false,
    prompt: PromptForm::Messages,
    auth: KeyHeader::XApiKey,
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
    task: Task::Generation,
    framing: Framing::Ndjson,
    is_named_by_root: true,
    needs_root: true,
    ignores_named_events: false,
    prompt: PromptForm::Messages,
    auth: KeyHeader::Bearer,
    headers: &[],
    body: ollama::body,
    unsupported: ollama::unsupported,
    parse: ollama::parse,
};

/// OpenAI's Embeddings API.
pub static EMBEDDINGS: Api = Api {
    name: "embeddings",
    root: "/v1",
    path: "/embeddings",
    models: "/models",
    task: Task::Embeddings,
    framing: Framing::Sse,
    is_named_by_root: false,
    needs_root: false,
    ignores_named_events: true,
    prompt: PromptForm::Inputs,
    auth: KeyHeader::Bearer,
    headers: &[],
    body: embeddings::body,
    unsupported: embeddings::unsupported,
    parse: super::chunk::parse_strictly,
};

/// The Rerank API of Jina and Cohere, which vLLM, SGLang and llama.cpp serve.
pub static RERANK: Api = Api {
    name: "rerank",
    root: "/v1",
    path: "/rerank",
    models: "/models",
    task: Task::Rerank,
    framing: Framing::Sse,
    is_named_by_root: false,
    needs_root: false,
    ignores_named_events: true,
    prompt: PromptForm::QueryAndDocuments,
    auth: KeyHeader::Bearer,
    headers: &[],
    body: rerank::body,
    unsupported: rerank::unsupported,
    parse: super::chunk::parse_strictly,
};

/// All supported APIs. The first is the default. An address belongs to the first one whose path it ends with.
pub static APIS: &[&Api] = &[&CHAT, &RESPONSES, &MESSAGES, &OLLAMA, &COMPLETIONS, &EMBEDDINGS, &RERANK];

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
