//! Times that the server reported about a request.

use serde::{Deserialize, Serialize};

/// Server or provider that reported the times. Each one defines them in its own way.
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
    /// Name of the server or provider for display.
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

/// Times of a request by the server's own clock. Times that the server did not report are `None`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerTimings {
    /// Server or provider that reported the times.
    pub source: TimingSource,
    /// Time to process the prompt, milliseconds.
    pub prompt_ms: Option<f64>,
    /// Time to generate the output after the prompt, milliseconds.
    pub decode_ms: Option<f64>,
    /// Time in the server's queue, milliseconds.
    pub queue_ms: Option<f64>,
    /// TTFT by the server's clock, milliseconds.
    pub ttft_ms: Option<f64>,
    /// Decode speed by the server, tokens per second.
    pub tokens_per_s: Option<f64>,
    /// Prompt tokens taken from the server's prefix cache.
    pub cached_tokens: Option<u64>,
}

impl ServerTimings {
    /// Creates timings without any time.
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

    /// Returns whether any time or speed was reported.
    pub fn has_times(&self) -> bool {
        [self.prompt_ms, self.decode_ms, self.queue_ms, self.ttft_ms, self.tokens_per_s].iter().any(Option::is_some)
    }

    /// Time at the server before the first token, milliseconds: the TTFT that the server reported, or else its times
    /// for queue and prompt.
    pub fn before_first_token_ms(&self) -> Option<f64> {
        self.ttft_ms.or_else(|| Some(self.prompt_ms? + self.queue_ms.unwrap_or(0.0)))
    }
}
