//! Traces of recorded traffic: start times and lengths of requests, and their prompts if the trace has them.

mod azure;
mod checksum;
mod error;
mod format;
mod json;
mod mooncake;
mod openai_log;
#[cfg(any(test, fuzzing))]
pub mod oracle;
mod reader;
mod row;
mod summary;

use std::time::Duration;

pub use self::checksum::fingerprint;
pub use self::error::TraceError;
pub use self::format::TraceFormat;
pub use self::reader::{BadRows, Trace, TraceOptions};
pub use self::summary::TraceSummary;
use crate::domain::suite::Message;

/// One request of a trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceRequest {
    /// Scheduled start, as the time since the first request of the trace, at the speed of the replay.
    pub at: Duration,
    /// Length of the prompt, tokens; `None` if the trace has the prompt but not its length.
    pub input_tokens: Option<u32>,
    /// Length of the answer, tokens; `None` if the trace does not have it.
    pub output_tokens: Option<u32>,
    /// Ids of the prompt's blocks, from the first on. Equal ids mean equal text.
    pub hash_ids: Option<Vec<u64>>,
    /// Messages of the prompt, if the trace has them.
    pub messages: Option<Vec<Message>>,
    /// Model that gave the answer.
    pub model: Option<String>,
}
