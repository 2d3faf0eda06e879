//! Properties of a request that a workload determines: the intended lengths, and whether the prompt is unique.

use serde::{Deserialize, Serialize};

/// Method that keeps a prompt out of the server's prefix cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uniqueness {
    /// A nonce before the prompt, unless the run is warm.
    #[default]
    Nonce,
    /// A text of its own that was generated for this run.
    OwnText,
    /// None: prompts share beginnings, as the workload requires.
    Shared,
}

/// Intended lengths of a request, tokens.
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
