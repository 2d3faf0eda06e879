//! How a request is asked, and what a server's refusal teaches about it.

use serde_json::{Value, json};

use crate::domain::nonce::with_nonce;
use crate::domain::suite::{CaseSpec, Message};

/// What is asked about token counts; of two, the greater asks for more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum AskUsage {
    /// Nothing.
    No,
    /// The counts at the end.
    #[default]
    AtEnd,
    /// The counts so far with every event.
    Along,
}

impl AskUsage {
    /// What to ask a server of this kind; those that do not know a field may refuse it.
    pub fn for_server(server_kind: Option<&str>) -> Self {
        match server_kind {
            Some("vLLM" | "SGLang" | "TensorRT-LLM") => Self::Along,
            _ => Self::AtEnd,
        }
    }

    /// What to ask once this was refused.
    pub const fn less(self) -> Option<Self> {
        match self {
            Self::Along => Some(Self::AtEnd),
            Self::AtEnd => Some(Self::No),
            Self::No => None,
        }
    }

    /// The name of what [`Self::less`] leaves out.
    pub const fn field(self) -> &'static str {
        if matches!(self, Self::Along) { "continuous_usage_stats" } else { "stream_options" }
    }
}

/// What is left out or named otherwise because a server refused it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestDialect {
    /// What is asked about token counts: what this kind of server knows, less once it refused.
    pub usage: AskUsage,
    /// `max_completion_tokens` instead of `max_tokens`, as OpenAI's reasoning models want it.
    pub max_completion_tokens: bool,
}

impl RequestDialect {
    /// The manner to ask once more, where an error is about something that can be asked otherwise, and what to tell.
    pub fn after_refusal(self, http_status: u16, message: &str) -> Option<(Self, String)> {
        if !matches!(http_status, 400 | 422) {
            return None;
        }
        let names = ["stream_options", "include_usage", "continuous_usage_stats"];
        if let (true, Some(usage)) = (names.iter().any(|name| message.contains(name)), self.usage.less()) {
            let told = format!("the server refuses {}; asked again without it", self.usage.field());
            return Some((Self { usage, ..self }, told));
        }
        if !self.max_completion_tokens && message.contains("max_tokens") && message.contains("max_completion_tokens") {
            let told = "the server refuses max_tokens; asked again with max_completion_tokens".to_owned();
            return Some((Self { max_completion_tokens: true, ..self }, told));
        }
        None
    }

    /// What two refusals teach together: others in flight may have learnt more meanwhile.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            usage: self.usage.min(other.usage),
            max_completion_tokens: self.max_completion_tokens || other.max_completion_tokens,
        }
    }
}

/// The conversation as it goes out: a nonce goes before everything else of the prompt.
pub fn conversation(case: &CaseSpec, nonce: Option<&str>) -> Vec<Message> {
    let mut messages = case.messages.clone();
    if let (Some(nonce), Some(first)) = (nonce, messages.first_mut()) {
        first.content = with_nonce(nonce, &first.content);
    }
    messages
}

/// The `stream_options` to ask with.
pub fn stream_options(usage: AskUsage) -> Option<Value> {
    match usage {
        AskUsage::No => None,
        AskUsage::AtEnd => Some(json!({ "include_usage": true })),
        AskUsage::Along => Some(json!({ "include_usage": true, "continuous_usage_stats": true })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_along_are_asked_only_of_those_that_know_it_and_less_after_a_refusal() {
        for (kind, expected) in
            [(Some("vLLM"), AskUsage::Along), (Some("llama.cpp"), AskUsage::AtEnd), (None, AskUsage::AtEnd)]
        {
            assert_eq!(AskUsage::for_server(kind), expected, "{kind:?}");
        }
        assert_eq!(
            stream_options(AskUsage::Along),
            Some(json!({ "include_usage": true, "continuous_usage_stats": true }))
        );
        assert_eq!(AskUsage::Along.less().and_then(AskUsage::less), Some(AskUsage::No));
        assert_eq!(AskUsage::No.less(), None);
        assert!(AskUsage::Along > AskUsage::AtEnd && AskUsage::AtEnd > AskUsage::No);
    }

    #[test]
    fn only_a_refusal_that_names_the_field_is_answered_and_only_once() {
        let plain = RequestDialect::default();
        let words = "Validation error at #/stream_options: Extra inputs are not permitted";
        let (next, told) = plain.after_refusal(400, words).unwrap();
        assert_eq!(next, RequestDialect { usage: AskUsage::No, ..plain });
        assert_eq!(told, "the server refuses stream_options; asked again without it");
        assert_eq!(next.after_refusal(400, words), None);
        let along = RequestDialect { usage: AskUsage::Along, ..plain };
        let (next, told) = along.after_refusal(422, "continuous_usage_stats: extra fields not permitted").unwrap();
        assert_eq!((next, told.contains("continuous_usage_stats")), (plain, true));
        assert_eq!(plain.after_refusal(500, "stream_options"), None);
        assert_eq!(plain.after_refusal(400, "max_tokens is too large"), None);
        let words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        let (renamed, _told) = plain.after_refusal(400, words).unwrap();
        assert_eq!(renamed, RequestDialect { max_completion_tokens: true, ..plain });
        assert_eq!(renamed.after_refusal(400, words), None);
        let both = renamed.and(RequestDialect { usage: AskUsage::No, ..plain });
        assert_eq!(both, RequestDialect { usage: AskUsage::No, max_completion_tokens: true });
    }
}
