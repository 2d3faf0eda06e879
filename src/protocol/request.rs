//! Parts of a request that depend on the server. After a rejection, the request is adapted.

use serde_json::{Value, json};

use crate::domain::nonce::with_nonce;
use crate::domain::suite::{CaseSpec, Message};

/// Token counts to request from the server. Greater values ask for more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsageRequest {
    /// No counts.
    No,
    /// Counts at the end of the stream.
    #[default]
    AtEnd,
    /// Running counts with every event.
    Continuous,
}

impl UsageRequest {
    /// Chooses the counts to request from this kind of server. A server that does not know the field may reject the
    /// request.
    pub fn for_server(server_kind: Option<&str>) -> Self {
        match server_kind {
            Some("vLLM" | "SGLang" | "TensorRT-LLM") => Self::Continuous,
            _ => Self::AtEnd,
        }
    }

    /// Returns the next smaller request, for use after this one was rejected.
    pub const fn less(self) -> Option<Self> {
        match self {
            Self::Continuous => Some(Self::AtEnd),
            Self::AtEnd => Some(Self::No),
            Self::No => None,
        }
    }

    /// Name of the field that [`Self::less`] drops.
    pub const fn field(self) -> &'static str {
        if matches!(self, Self::Continuous) { "continuous_usage_stats" } else { "stream_options" }
    }
}

/// Fields that a request omits or renames because the server rejected them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestDialect {
    /// Token counts to request: what this kind of server supports, or less after a rejection.
    pub usage: UsageRequest,
    /// Whether to send `max_completion_tokens` instead of `max_tokens`, as OpenAI's reasoning models require.
    pub max_completion_tokens: bool,
}

impl RequestDialect {
    /// Returns the dialect to retry with and a notice for the user, if the error is about a field that can be omitted
    /// or renamed.
    pub fn after_rejection(self, http_status: u16, message: &str) -> Option<(Self, String)> {
        if !matches!(http_status, 400 | 422) {
            return None;
        }
        let names = ["stream_options", "include_usage", "continuous_usage_stats"];
        if let (true, Some(usage)) = (names.iter().any(|name| message.contains(name)), self.usage.less()) {
            let notice = format!("the server rejects {}; tokscope now omits it", self.usage.field());
            return Some((Self { usage, ..self }, notice));
        }
        if !self.max_completion_tokens && message.contains("max_tokens") && message.contains("max_completion_tokens") {
            let notice = "the server rejects max_tokens; tokscope now sends max_completion_tokens".to_owned();
            return Some((Self { max_completion_tokens: true, ..self }, notice));
        }
        None
    }

    /// Combines two dialects. Concurrent requests may each have learnt something different.
    #[must_use]
    pub fn combine(self, other: Self) -> Self {
        Self {
            usage: self.usage.min(other.usage),
            max_completion_tokens: self.max_completion_tokens || other.max_completion_tokens,
        }
    }
}

/// Returns the messages to send, with the nonce at the start of the first one.
pub fn conversation(case: &CaseSpec, nonce: Option<&str>) -> Vec<Message> {
    let mut messages = case.messages.clone();
    if let (Some(nonce), Some(first)) = (nonce, messages.first_mut()) {
        first.content = with_nonce(nonce, &first.content);
    }
    messages
}

/// Value of `stream_options`.
pub fn stream_options(usage: UsageRequest) -> Option<Value> {
    match usage {
        UsageRequest::No => None,
        UsageRequest::AtEnd => Some(json!({ "include_usage": true })),
        UsageRequest::Continuous => Some(json!({ "include_usage": true, "continuous_usage_stats": true })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continuous_counts_are_requested_only_from_supporting_servers() {
        for (kind, expected) in [
            (Some("vLLM"), UsageRequest::Continuous),
            (Some("llama.cpp"), UsageRequest::AtEnd),
            (None, UsageRequest::AtEnd),
        ] {
            assert_eq!(UsageRequest::for_server(kind), expected, "{kind:?}");
        }
        assert_eq!(
            stream_options(UsageRequest::Continuous),
            Some(json!({ "include_usage": true, "continuous_usage_stats": true }))
        );
        assert_eq!(UsageRequest::Continuous.less().and_then(UsageRequest::less), Some(UsageRequest::No));
        assert_eq!(UsageRequest::No.less(), None);
        assert!(UsageRequest::Continuous > UsageRequest::AtEnd && UsageRequest::AtEnd > UsageRequest::No);
    }

    #[test]
    fn only_a_rejection_that_names_the_field_changes_the_dialect() {
        let plain = RequestDialect::default();
        let message = "Validation error at #/stream_options: Extra inputs are not permitted";
        let (next, notice) = plain.after_rejection(400, message).unwrap();
        assert_eq!(next, RequestDialect { usage: UsageRequest::No, ..plain });
        assert_eq!(notice, "the server rejects stream_options; tokscope now omits it");
        assert_eq!(next.after_rejection(400, message), None);
        let along = RequestDialect { usage: UsageRequest::Continuous, ..plain };
        let (next, notice) = along.after_rejection(422, "continuous_usage_stats: extra fields not permitted").unwrap();
        assert_eq!((next, notice.contains("continuous_usage_stats")), (plain, true));
        assert_eq!(plain.after_rejection(500, "stream_options"), None);
        assert_eq!(plain.after_rejection(400, "max_tokens is too large"), None);
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        let (renamed, _told) = plain.after_rejection(400, message).unwrap();
        assert_eq!(renamed, RequestDialect { max_completion_tokens: true, ..plain });
        assert_eq!(renamed.after_rejection(400, message), None);
        let both = renamed.combine(RequestDialect { usage: UsageRequest::No, ..plain });
        assert_eq!(both, RequestDialect { usage: UsageRequest::No, max_completion_tokens: true });
    }
}
