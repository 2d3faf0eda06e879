//! Formats of the simulator's events, documents and error responses.

use serde_json::{Value, json};

use super::format::Format;

/// Key of the text of a legacy completion.
const TEXT: &str = r#""text":"#;

/// Part of an answer to which a piece of text belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextPart {
    /// The reasoning before the answer.
    Reasoning,
    /// The answer.
    Answer,
    /// Name of a tool to call.
    ToolName,
    /// Arguments of the call.
    ToolArguments,
}

/// The parts of an answer that is not streamed.
#[derive(Clone, Debug, Default)]
pub struct WholeAnswer {
    /// The reasoning.
    pub reasoning: String,
    /// The answer.
    pub text: String,
    /// Name of the tool to call; empty without a call.
    pub tool_name: String,
    /// Arguments of the call.
    pub tool_arguments: String,
}

impl WholeAnswer {
    /// Adds a token.
    pub fn add(&mut self, part: TextPart, piece: &str) {
        let text = match part {
            TextPart::Reasoning => &mut self.reasoning,
            TextPart::Answer => &mut self.text,
            TextPart::ToolName => &mut self.tool_name,
            TextPart::ToolArguments => &mut self.tool_arguments,
        };
        text.push_str(piece);
    }
}

/// Token counts of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Prompt tokens.
    pub prompt: u64,
    /// Prompt tokens from the prefix cache.
    pub cached: u64,
    /// Generated tokens, including reasoning.
    pub completion: u64,
    /// Reasoning tokens.
    pub reasoning: u64,
}

impl Counts {
    fn json(self) -> Value {
        json!({
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": { "cached_tokens": self.cached },
            "completion_tokens_details": { "reasoning_tokens": self.reasoning },
        })
    }
}

/// One event of a stream.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The role, without a token.
    Role,
    /// One token.
    Token(TextPart, &'a str),
    /// Reason why generation ended.
    Finish(&'a str),
    /// Token counts.
    Usage(Counts),
    /// Error message of the server.
    Error(&'a str),
    /// Malformed JSON.
    Malformed,
    /// `[DONE]`.
    Done,
}

/// Writes the events and documents of one answer. All of them share some fields.
#[derive(Clone, Debug)]
pub struct Writer {
    id: String,
    created: u64,
    model: String,
    format: Format,
    /// Start of a token's event up to the key of its text. Built once, to save CPU time: the simulator shares its
    /// cores with the client.
    before_delta: String,
}

impl Writer {
    /// Creates the writer of one answer. `created` is its time in seconds since 1970.
    pub fn new(id: String, created: u64, model: String, format: Format) -> Self {
        let name = Value::from(model.as_str());
        let (object, delta) = (object_of_events(format), if format == Format::Chat { r#""delta":{"# } else { "" });
        let before_delta = format!(
            r#"data: {{"id":"{id}","object":"{object}","created":{created},"model":{name},"choices":[{{"index":0,{delta}"#
        );
        Self { id, created, model, format, before_delta }
    }

    /// Appends one event.
    pub fn event(&self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            // Legacy completions have no role.
            Event::Role if self.format == Format::Completion => {}
            Event::Role => self.delta(r#""role":"assistant","content":"""#, None, "null", out),
            Event::Token(part, piece) => self.token(part, piece, out),
            Event::Finish(reason) => {
                let reason = Value::from(reason).to_string();
                match self.format {
                    Format::Chat => self.delta("", None, &reason, out),
                    Format::Completion => self.delta(TEXT, Some(""), &reason, out),
                }
            }
            Event::Usage(counts) => {
                let event = json!({ "id": self.id, "object": object_of_events(self.format), "created": self.created,
                    "model": self.model, "choices": [], "usage": counts.json() });
                out.extend_from_slice(format!("data: {event}\n\n").as_bytes());
            }
            Event::Error(message) => {
                let error = json!({ "error": { "message": message, "type": "InternalServerError", "param": null,
                    "code": 500 } });
                out.extend_from_slice(format!("data: {error}\n\n").as_bytes());
            }
            Event::Malformed => {
                out.extend_from_slice(self.before_delta.as_bytes());
                let key = if self.format == Format::Chat { r#""content":"# } else { TEXT };
                out.extend_from_slice(key.as_bytes());
                out.extend_from_slice(b"\"\n\n");
            }
            Event::Done => out.extend_from_slice(b"data: [DONE]\n\n"),
        }
    }

    fn token(&self, part: TextPart, piece: &str, out: &mut Vec<u8>) {
        let call = match part {
            TextPart::Reasoning => return self.delta(r#""reasoning_content":"#, Some(piece), "null", out),
            TextPart::Answer if self.format == Format::Completion => return self.delta(TEXT, Some(piece), "null", out),
            TextPart::Answer => return self.delta(r#""content":"#, Some(piece), "null", out),
            TextPart::ToolName => {
                json!({ "index": 0, "id": self.call_id(), "type": "function",
                    "function": { "name": piece, "arguments": "" } })
            }
            TextPart::ToolArguments => json!({ "index": 0, "function": { "arguments": piece } }),
        };
        self.delta(&format!(r#""tool_calls":[{call}]"#), None, "null", out);
    }

    fn call_id(&self) -> String {
        format!("call-{}", self.id)
    }

    fn delta(&self, key: &str, text: Option<&str>, finish_reason: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(self.before_delta.as_bytes());
        out.extend_from_slice(key.as_bytes());
        if let Some(text) = text {
            // Writing to memory cannot fail.
            let _written = serde_json::to_writer(&mut *out, text);
        }
        out.extend_from_slice(if self.format == Format::Chat { b"}," } else { b"," });
        out.extend_from_slice(br#""logprobs":null,"finish_reason":"#);
        out.extend_from_slice(finish_reason.as_bytes());
        out.extend_from_slice(b"}]}\n\n");
    }

    /// Returns the complete answer as one document.
    pub fn document(&self, answer: &WholeAnswer, finish_reason: &str, counts: Option<Counts>) -> Value {
        if self.format == Format::Completion {
            let choice = json!({ "index": 0, "text": answer.text, "logprobs": null, "finish_reason": finish_reason });
            return self.document_with("text_completion", &choice, counts);
        }
        let mut message = json!({ "role": "assistant", "content": answer.text });
        if !answer.reasoning.is_empty() {
            message["reasoning_content"] = answer.reasoning.as_str().into();
        }
        if !answer.tool_name.is_empty() {
            let function = json!({ "name": answer.tool_name, "arguments": answer.tool_arguments });
            message["tool_calls"] = json!([{ "id": self.call_id(), "type": "function", "function": function }]);
        }
        let choice = json!({ "index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason });
        self.document_with("chat.completion", &choice, counts)
    }

    fn document_with(&self, object: &str, choice: &Value, counts: Option<Counts>) -> Value {
        let mut document = json!({ "id": self.id, "object": object, "created": self.created, "model": self.model,
            "choices": [choice] });
        if let Some(counts) = counts {
            document["usage"] = counts.json();
        }
        document
    }
}

/// Value of `object` in events.
const fn object_of_events(format: Format) -> &'static str {
    match format {
        Format::Chat => "chat.completion.chunk",
        Format::Completion => "text_completion",
    }
}

/// Returns the list of models.
pub fn models(model: &str, created: u64) -> Value {
    json!({ "object": "list",
        "data": [{ "id": model, "object": "model", "created": created, "owned_by": "tokscope-sim" }] })
}

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    message: String,
    kind: &'static str,
    parameter: Option<&'static str>,
    code: Option<&'static str>,
}

impl Refusal {
    /// Creates an error without parameter and code.
    pub fn new(status: u16, kind: &'static str, message: &str) -> Self {
        Self { status, message: message.to_owned(), kind, parameter: None, code: None }
    }

    /// Creates an error for an invalid request.
    pub fn bad(message: &str) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// Creates an error for an invalid field.
    pub fn bad_parameter(name: &'static str, message: &str) -> Self {
        Self { parameter: Some(name), ..Self::bad(&format!("{name}: {message}")) }
    }

    /// Creates an error for an unknown model.
    pub fn unknown_model(name: &str) -> Self {
        let refusal = Self::new(404, "invalid_request_error", &format!("The model '{name}' does not exist"));
        Self { parameter: Some("model"), code: Some("model_not_found"), ..refusal }
    }

    /// Returns the error body in OpenAI's format.
    pub fn body(&self) -> Value {
        json!({ "error": { "message": self.message, "type": self.kind, "param": self.parameter, "code": self.code } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::api::COMPLETIONS;
    use crate::protocol::chunk::{Chunk, parse};

    fn sent(event: Event<'_>) -> String {
        let mut out = Vec::new();
        Writer::new("chatcmpl-1".into(), 7, "a \"b\"".into(), Format::Chat).event(event, &mut out);
        let text = String::from_utf8(out).unwrap();
        text.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap().to_owned()
    }

    fn read(event: Event<'_>) -> Chunk<'static> {
        parse(&sent(event)).unwrap().into_owned()
    }

    #[test]
    fn every_event_is_read_by_the_client_parser() {
        assert_eq!(read(Event::Role), Chunk { choices: 1, has_first_choice: true, ..Chunk::default() });
        let hostile = "\"\\\n\u{1b}[2J\u{2028}é";
        assert_eq!(read(Event::Token(TextPart::Reasoning, hostile)).reasoning, hostile);
        assert_eq!(read(Event::Token(TextPart::Answer, hostile)).text, hostile);
        let name = read(Event::Token(TextPart::ToolName, "get"));
        assert_eq!((name.tool_calls[0].name.as_str(), name.tool_calls[0].index), ("get", Some(0)));
        assert_eq!(read(Event::Token(TextPart::ToolArguments, hostile)).tool_calls[0].arguments, hostile);
        assert_eq!(read(Event::Finish("stop")).finish_reason.as_deref(), Some("stop"));
        assert_eq!(read(Event::Error("boom")).error.as_deref(), Some("boom"));
        let usage = read(Event::Usage(Counts { prompt: 3, cached: 1, completion: 5, reasoning: 2 })).usage.unwrap();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (Some(3), Some(5)));
        assert_eq!((usage.reasoning_tokens, usage.cached_tokens), (Some(2), Some(1)));
        assert!(parse(&sent(Event::Malformed)).is_err());
        assert_eq!(sent(Event::Done), "[DONE]");
    }

    #[test]
    fn events_of_a_completion_are_read_by_its_parser() {
        let read = |event: Event<'_>| {
            let mut out = Vec::new();
            Writer::new("cmpl-1".into(), 7, "m".into(), Format::Completion).event(event, &mut out);
            let text = String::from_utf8(out).unwrap();
            text.strip_prefix("data: ").map(|data| COMPLETIONS.read(data.trim_end()).unwrap().into_owned())
        };
        assert_eq!(read(Event::Role), None);
        let token = read(Event::Token(TextPart::Answer, " a\"")).unwrap();
        assert_eq!((token.text.as_ref(), token.warning), (" a\"", None));
        let finish = read(Event::Finish("length")).unwrap();
        assert!(finish.finish_reason.as_deref() == Some("length") && !finish.is_generated());
        assert_eq!(
            read(Event::Usage(Counts { prompt: 3, ..Counts::default() })).unwrap().usage.unwrap().prompt_tokens,
            Some(3)
        );
    }

    #[test]
    fn events_name_the_answer_and_the_model() {
        for event in
            [Event::Role, Event::Token(TextPart::Answer, "x"), Event::Finish("length"), Event::Usage(Counts::default())]
        {
            let value: Value = serde_json::from_str(&sent(event)).unwrap();
            assert_eq!(value["id"], "chatcmpl-1");
            assert_eq!(value["object"], "chat.completion.chunk");
            assert_eq!((&value["created"], &value["model"]), (&json!(7), &json!("a \"b\"")));
        }
    }
}
