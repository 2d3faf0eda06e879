//! One attempt at a case: the record it leaves.

mod arrivals;
mod condensed;
mod figures;
mod packed;
mod resolution;
mod status;
mod stored_record;
mod unresolved;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::condensed::Condensed;
pub use self::figures::{TokenSource, count_in_quarter};
pub use self::packed::Words;
pub use self::resolution::{FASTEST_TOKENS_PER_MS, Resolution};
pub use self::status::{AttemptError, AttemptStatus};
pub use self::stored_record::StoredRecord;
pub use self::unresolved::{ERROR_BOUND, Unresolved};
use super::finding::Finding;
use super::sent_request::SentRequest;
use super::server_timings::ServerTimings;
use super::time::Nanos;

/// Which attempt of which case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// Index of the case in its suite.
    pub case: usize,
    /// Counted from 1 within the case.
    pub number: u32,
}

/// What kind of generated text an event carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// Thinking that precedes the answer.
    Reasoning,
    /// The answer, a refusal, or a tool call.
    Answer,
}

/// One arrival of generated text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When the socket read that completed the event returned.
    pub at: Nanos,
    /// What it carried; reasoning and answer in one event count as answer.
    pub kind: TextKind,
    /// It came out of the same read as the event before.
    pub coalesced: bool,
}

/// A try that failed before any token and was followed by another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailedTry {
    /// When its request went out, or was to be.
    pub started: Nanos,
    /// How it failed, as the kind of an error.
    pub kind: String,
    /// HTTP status, if there was an answer.
    pub http_status: Option<u16>,
    /// Time from its end to the next try, milliseconds.
    pub waited_ms: f64,
}

/// Token counts as the server told them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: Option<u64>,
    /// Generated tokens, reasoning included (xAI-style totals are already added up).
    pub completion_tokens: Option<u64>,
    /// Of those, reasoning.
    pub reasoning_tokens: Option<u64>,
    /// Prompt tokens served from the prefix cache.
    pub cached_tokens: Option<u64>,
}

/// All that is known of an attempt once it is over. It is kept in files: what is added must have a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttemptRecord {
    /// Which attempt.
    pub id: AttemptId,
    /// Not measured.
    pub warmup: bool,
    /// Sent as `x-request-id`.
    pub request_id: String,
    /// How it ended.
    pub status: AttemptStatus,
    /// What went wrong, if something did.
    pub error: Option<AttemptError>,
    /// What happened beside the timeline that makes its figures less than clean.
    pub warnings: Vec<String>,
    /// What its timeline and its counts tell, once it is over.
    pub findings: Vec<Finding>,
    /// The model that was asked.
    pub model: String,
    /// The request as it went out; `None` before that, and once the record is condensed.
    #[serde(skip)]
    pub sent_request: Option<Arc<SentRequest>>,
    /// When it was to be sent by the open loop's schedule; `None` in a closed loop.
    pub intended: Option<Nanos>,
    /// When it was sent; in a closed loop the clock starts here.
    pub started: Nanos,
    /// How long tokscope itself kept it waiting, milliseconds: from when it was due and a slot was free to when it began to be
    /// sent. `None` where nothing waited for it.
    pub own_delay_ms: Option<f64>,
    /// When the attempt was over.
    pub ended: Nanos,
    /// Time to connect, when this attempt had to.
    pub connect_ms: Option<f64>,
    /// When the response headers were in.
    pub headers_at: Option<Nanos>,
    /// HTTP status code.
    pub http_status: Option<u16>,
    /// The answer's `Content-Length`, bytes: whatever sent it had the whole answer before it sent any of it.
    pub content_length: Option<u64>,
    /// Finish reason of the first choice, in the server's own word.
    pub finish_reason: Option<String>,
    /// Finish reason of each choice, by index, where the answer has several (`n` > 1); empty otherwise.
    pub choice_finish_reasons: Vec<Option<String>>,
    /// When the finish reason came; of several choices, the last one's.
    pub finish_at: Option<Nanos>,
    /// All arrivals of generated text, in order; empty once it is condensed.
    #[serde(with = "arrivals")]
    pub arrivals: Vec<Arrival>,
    /// What is left of text and arrivals when only the figures were kept.
    pub condensed: Option<Box<Condensed>>,
    /// Index among all data events of the first with generated text.
    pub first_token_event_index: Option<u32>,
    /// From when to when the thread that reads the stream stood still: what came meanwhile is timed late.
    pub observer_stalls: Vec<(Nanos, Nanos)>,
    /// How late that thread was woken meanwhile, on average, milliseconds; `None` where it was too short to tell.
    pub observer_lag_ms: Option<f64>,
    /// All data events, `[DONE]` included, comments not.
    pub event_count: u32,
    /// What the server counted.
    pub usage: Usage,
    /// What had been generated once the first event with text was there, where the server counts along.
    pub tokens_in_first_event: Option<u64>,
    /// When the server first counted a token, where it counts along: it may hold the text of that token back.
    pub first_counted_at: Option<Nanos>,
    /// What the user's tokenizer counts in reasoning and answer, if there is one.
    pub counted_tokens: Option<u64>,
    /// Reasoning and answer hold all that was generated: no tool calls beside them, nothing cut off.
    pub is_text_whole: bool,
    /// The tries before the one that is measured.
    pub retries: Vec<FailedTry>,
    /// What stood before the prompt to make it unique; `None`: it went out as it is.
    pub nonce: Option<String>,
    /// What the server says of its own time.
    pub server_timings: Option<ServerTimings>,
    /// The answer.
    pub text: String,
    /// The reasoning.
    pub reasoning: String,
}

impl Default for AttemptRecord {
    fn default() -> Self {
        Self::started(AttemptId::default(), false, String::new(), String::new(), Nanos::default())
    }
}

impl AttemptRecord {
    /// An empty record of an attempt that starts now.
    pub fn started(id: AttemptId, warmup: bool, request_id: String, model: String, started: Nanos) -> Self {
        Self {
            id,
            warmup,
            request_id,
            status: AttemptStatus::Truncated,
            error: None,
            warnings: Vec::new(),
            findings: Vec::new(),
            model,
            sent_request: None,
            intended: None,
            started,
            own_delay_ms: None,
            ended: started,
            connect_ms: None,
            headers_at: None,
            http_status: None,
            content_length: None,
            finish_reason: None,
            choice_finish_reasons: Vec::new(),
            finish_at: None,
            arrivals: Vec::new(),
            condensed: None,
            first_token_event_index: None,
            observer_stalls: Vec::new(),
            observer_lag_ms: None,
            event_count: 0,
            usage: Usage::default(),
            tokens_in_first_event: None,
            first_counted_at: None,
            counted_tokens: None,
            is_text_whole: true,
            retries: Vec::new(),
            nonce: None,
            server_timings: None,
            text: String::new(),
            reasoning: String::new(),
        }
    }
}
