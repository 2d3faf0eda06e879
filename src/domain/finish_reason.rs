//! Finish reasons: one table from the server's word to its meaning, for status, findings, screen and reports.

/// Meaning of a finish reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishClass {
    /// The model ended its answer.
    Complete,
    /// The model called a tool.
    ToolCall,
    /// A token limit or the context window ended the answer.
    Length,
    /// A filter ended the answer, or the model refused.
    Filtered,
    /// The server paused or stopped the answer before its end.
    Unfinished,
    /// The server loaded or unloaded the model and generated nothing.
    NotGenerated,
    /// The server failed, or cancelled the request.
    Failure,
    /// Unknown finish reason.
    Unknown,
}

/// Known finish reasons, in lower-case `snake_case`. Sources: the OpenAI, Anthropic, Gemini, Cohere, Mistral, Bedrock
/// and Ollama API references, and the sources of vLLM, SGLang, TGI, LMDeploy and mistral.rs.
const REASONS: &[(FinishClass, &[&str])] = &[
    (
        FinishClass::Complete,
        &[
            "stop",
            "end_turn",
            "stop_sequence",
            "stop_token",
            "stop_str",
            "eos",
            "eos_token",
            "end_of_text",
            "complete",
            "completed",
            "done",
            "finish",
            "finished",
            "success",
        ],
    ),
    (FinishClass::ToolCall, &["tool_calls", "tool_call", "tool_use", "function_call", "function_calls"]),
    (
        FinishClass::Length,
        &[
            "length",
            "max_tokens",
            "max_output_tokens",
            "max_new_tokens",
            "max_completion_tokens",
            "max_length",
            "token_limit",
            "model_length",
            "model_context_window_exceeded",
            "context_length_exceeded",
            "context_window_exceeded",
        ],
    ),
    (
        FinishClass::Filtered,
        &[
            "content_filter",
            "content_filtered",
            "refusal",
            "sensitive",
            "safety",
            "image_safety",
            "recitation",
            "blocklist",
            "prohibited_content",
            "spii",
            "guardrail_intervened",
            "error_toxic",
        ],
    ),
    (
        FinishClass::Unfinished,
        &["pause_turn", "incomplete", "in_progress", "queued", "pause", "paused", "compaction", "repetition"],
    ),
    (FinishClass::NotGenerated, &["load", "unload"]),
    (
        FinishClass::Failure,
        &[
            "abort",
            "aborted",
            "error",
            "failed",
            "failure",
            "server_error",
            "internal_error",
            "internal_server_error",
            "engine_error",
            "error_limit",
            "insufficient_system_resource",
            "insufficient_system_resources",
            "parse_error",
            "network_error",
            "malformed_function_call",
            "cancel",
            "canceled",
            "cancelled",
            "user_cancel",
            "timeout",
            "timed_out",
            "overloaded",
            "exception",
        ],
    ),
];

impl FinishClass {
    /// Class of a server's finish reason. Case and separators do not matter: `MAX_TOKENS`, `max-tokens` and
    /// `maxTokens` are the same. JSON instead of a word (an object, a list, a number) is a failure.
    pub fn from_reason(reason: &str) -> Self {
        let is_number = || reason.parse::<f64>().is_ok_and(f64::is_finite);
        // A long object may have been truncated, so only its first character is checked.
        if reason.starts_with(['{', '[']) || is_number() || matches!(reason, "true" | "false") {
            return Self::Failure;
        }
        let is_same = |known: &str| letters(known).eq(letters(reason));
        let class = REASONS.iter().find(|(_, words)| words.iter().any(|known| is_same(known)));
        class.map_or(Self::Unknown, |(class, _)| *class)
    }
}

/// Letters and digits of a word, in lower case.
fn letters(word: &str) -> impl Iterator<Item = char> {
    word.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_in_the_table_once() {
        let words: Vec<&str> = REASONS.iter().flat_map(|(_, words)| *words).copied().collect();
        let mut unique = words.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), words.len());
    }

    #[test]
    fn reasons_of_servers_are_classified_in_any_spelling() {
        for (class, reasons) in [
            (FinishClass::Complete, vec!["stop", "STOP", "end_turn", "stop_sequence", "eos", "eos_token", "COMPLETE"]),
            (FinishClass::ToolCall, vec!["tool_calls", "function_call", "tool_use", "toolCalls"]),
            (
                FinishClass::Length,
                vec!["length", "max_tokens", "MAX_TOKENS", "maxTokens", "max-tokens", "model_context_window_exceeded"],
            ),
            (FinishClass::Filtered, vec!["content_filter", "content-filter", "refusal", "sensitive", "SAFETY"]),
            (FinishClass::Unfinished, vec!["pause_turn", "incomplete"]),
            (FinishClass::NotGenerated, vec!["load", "unload"]),
            (
                FinishClass::Failure,
                vec![
                    "abort",
                    "error",
                    "ERROR",
                    "insufficient_system_resource",
                    "parse_error",
                    "network_error",
                    "canceled",
                    "cancelled",
                    "{\"type\":\"stop\"}",
                    "{\"type\":\"ab…",
                    "[]",
                    "7",
                    "true",
                ],
            ),
            (FinishClass::Unknown, vec!["", "bored", "停止", "stopped early", "inf"]),
        ] {
            for reason in reasons {
                assert_eq!(FinishClass::from_reason(reason), class, "{reason}");
            }
        }
    }
}
