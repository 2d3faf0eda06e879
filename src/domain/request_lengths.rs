//! Lengths that a workload asks for, to compare with the real ones.

use serde::{Deserialize, Serialize};

/// Lengths that a request was built for, tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestLengths {
    /// Length of the prompt; `None` in later turns of a conversation, whose prompts contain the answers before them.
    pub input_tokens: Option<u32>,
    /// Length of the answer.
    pub output_tokens: Option<u32>,
}
