//! The times that a server told of itself.

use serde::{Deserialize, Serialize};

/// Who told the times, and so what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the servers' own")]
pub enum TimingSource {
    #[serde(rename = "llama.cpp")]
    LlamaCpp,
    #[serde(rename = "vLLM")]
    Vllm,
    Groq,
    #[serde(rename = "mistral.rs")]
    MistralRs,
    Azure,
    Ollama,
    #[serde(rename = "LM Studio")]
    LmStudio,
}

impl TimingSource {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LlamaCpp => "llama.cpp",
            Self::Vllm => "vLLM",
            Self::Groq => "Groq",
            Self::MistralRs => "mistral.rs",
            Self::Azure => "Azure",
            Self::Ollama => "Ollama",
            Self::LmStudio => "LM Studio",
        }
    }
}

/// What a server says of the time it took, by its own clock. What it did not say is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerTimings {
    /// Who says so.
    pub source: TimingSource,
    /// To read the prompt, milliseconds.
    pub prompt_ms: Option<f64>,
    /// To generate the output once the prompt was read, milliseconds.
    pub decode_ms: Option<f64>,
    /// In its queue, milliseconds.
    pub queue_ms: Option<f64>,
    /// Its own time to first token, milliseconds.
    pub ttft_ms: Option<f64>,
    /// Its own figure for the decode speed, tokens per second.
    pub tokens_per_s: Option<f64>,
    /// Prompt tokens it took from its cache.
    pub cached_tokens: Option<u64>,
}

impl ServerTimings {
    /// Nothing said yet.
    pub const fn from_source(source: TimingSource) -> Self {
        Self {
            source,
            prompt_ms: None,
            decode_ms: None,
            queue_ms: None,
            ttft_ms: None,
            tokens_per_s: None,
            cached_tokens: None,
        }
    }

    /// Whether it says anything of time.
    pub fn tells(&self) -> bool {
        [self.prompt_ms, self.decode_ms, self.queue_ms, self.ttft_ms, self.tokens_per_s].iter().any(Option::is_some)
    }

    /// What passed at the server before the first token: its own TTFT, else queue and prompt.
    pub fn before_first_token_ms(&self) -> Option<f64> {
        self.ttft_ms.or_else(|| Some(self.prompt_ms? + self.queue_ms.unwrap_or(0.0)))
    }
}
