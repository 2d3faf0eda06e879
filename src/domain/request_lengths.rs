//! Properties of a prompt that a workload knows: the lengths it asks for, and whether the prompt is unique.

use serde::{Deserialize, Serialize};

/// How a prompt is kept out of the server's prefix cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uniqueness {
    /// By a nonce before it, unless the run is warm.
    #[default]
    Nonce,
    /// The prompt has a text of its own, written for this run.
    OwnText,
    /// Not at all: prompts share beginnings, as the workload asks.
    Shared,
}

/// Lengths that a request was built for, tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestLengths {
    /// Length of the prompt; `None` in later turns of a conversation, whose prompts contain the answers before them.
    pub input_tokens: Option<u32>,
    /// Length of the answer.
    pub output_tokens: Option<u32>,
    /// How the prompt is kept out of the prefix cache.
    #[serde(default)]
    pub uniqueness: Uniqueness,
}
