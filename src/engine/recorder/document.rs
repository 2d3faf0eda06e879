//! Answers in one JSON document instead of a stream.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::Recorder;
use crate::domain::attempt::AttemptStatus;
use crate::domain::time::Nanos;
use crate::engine::failure::Failure;
use crate::protocol::failure::kind_in_body;
use crate::protocol::items::{ItemsAnswer, ItemsFault};

impl Recorder {
    /// Records an answer of vectors or scores, whose last byte has arrived.
    pub fn items(&mut self, answer: Result<ItemsAnswer, ItemsFault>) -> Result<(), Failure> {
        let answer = answer.map_err(|fault| match fault {
            ItemsFault::Reported(error) => Failure::new(AttemptStatus::HttpError, "server", error),
            ItemsFault::Invalid(why) => Failure::new(AttemptStatus::StreamError, "invalid_answer", why),
        })?;
        self.record.items = Some(answer.items);
        self.record.usage = answer.usage;
        self.record.finish_at = self.last_bytes_at();
        self.end_seen = true;
        Ok(())
    }

    /// Records an answer that arrived as one JSON document. The record has text and tokens, but no TTFT.
    pub fn whole_answer(&mut self, at: Nanos, body: &str) -> Result<(), Failure> {
        let kind = || kind_in_body(body).unwrap_or("json_error");
        let failed = |message: String| Failure::new(AttemptStatus::HttpError, kind(), message);
        let body = body.trim_start_matches('\u{feff}').trim_ascii();
        let mut documents = serde_json::Deserializer::from_str(body).into_iter::<&RawValue>();
        let document = documents.next().and_then(Result::ok).map_or(body, |first| first.get());
        let chunk = self.api.read_or_error(document);
        let mut chunk = chunk.map_err(|e| failed(format!("the response is not valid JSON: {e}")))?;
        if let Some(error) = chunk.error {
            return Err(failed(error));
        }
        if document.len() < body.len() {
            let what = "the server sent several JSON documents, not server-sent events";
            return Err(failed(format!("{what}; for Ollama's own API, pass --api ollama")));
        }
        if !chunk.is_generated() && chunk.finish_reason.is_none() {
            // FastAPI and mistral.rs report errors without an `error` field.
            let value: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
            let has_message = value.get("message").or_else(|| value.get("detail")).is_some();
            let message = "the response is JSON but not an answer from a model".to_owned();
            return Err(failed(if has_message { crate::protocol::failure::message_of(&value) } else { message }));
        }
        let warning =
            "the server sent the whole answer in one piece instead of streaming it; TTFT and ITL are not available";
        self.record.warnings.push(warning.to_owned());
        chunk.finish_reason.get_or_insert(Cow::Borrowed("stop"));
        self.keep(&chunk);
        self.note(at, &chunk);
        self.end_seen = true;
        Ok(())
    }
}
