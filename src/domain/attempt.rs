//! The record of one attempt at a case.

mod arrivals;
mod checked;
mod condensed;
mod figures;
mod packed;
mod prefill;
mod resolution;
mod status;
mod stored_record;
mod unresolved;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::condensed::Condensed;
pub use self::figures::{TokenSource, count_in_quarter};
pub use self::packed::StringPool;
pub use self::prefill::MIN_PREFILLED_TOKENS;
pub use self::resolution::{FASTEST_TOKENS_PER_MS, Resolution};
pub use self::status::{AttemptError, AttemptStatus};
pub use self::stored_record::StoredRecord;
pub use self::unresolved::{ERROR_BOUND, Unresolved};
use super::check::{AnswerParts, CheckResult, ToolCall};
use super::finding::Finding;
use super::media::MediaCount;
use super::request_lengths::RequestLengths;
use super::sent_request::SentRequest;
use super::server_timings::ServerTimings;
use super::task::AnswerItems;
use super::time::Nanos;
use super::turn::Turn;

/// Identifies an attempt: its case and its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// Index of the case in its suite.
    pub case: usize,
    /// Number of the attempt within its case, from 1.
    pub number: u32,
}

/// Kind of generated text in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// Reasoning that precedes the answer.
    Reasoning,
    /// The answer, a refusal, or a tool call.
    Answer,
}

/// One arrival of generated text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Time at which the socket read that completed the event returned.
    pub at: Nanos,
    /// Kind of text; an event with reasoning and answer counts as answer.
    pub kind: TextKind,
    /// Whether the socket read that returned this event also returned the event before.
    pub coalesced: bool,
}

/// A try that failed before its first token and was retried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailedTry {
    /// Time at which the request of the failed try was sent or, in an open loop, due.
    pub started: Nanos,
    /// Kind of error.
    pub kind: String,
    /// HTTP status, if the server responded.
    pub http_status: Option<u16>,
    /// Delay from the end of the failed try to the next try, milliseconds.
    pub waited_ms: f64,
}

/// Token counts as the server reported them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Prompt tokens.
    pub prompt_tokens: Option<u64>,
    /// Generated tokens including reasoning. If a server counts reasoning tokens separately (xAI), they are already
    /// added.
    pub completion_tokens: Option<u64>,
    /// Reasoning tokens among the completion tokens.
    pub reasoning_tokens: Option<u64>,
    /// Prompt tokens served from the prefix cache.
    pub cached_tokens: Option<u64>,
}

/// Everything known about an attempt after its end. Records are stored in files, so a new field needs a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttemptRecord {
    /// Case and number of the attempt.
    pub id: AttemptId,
    /// Whether the attempt is a warm-up, which is not measured.
    pub warmup: bool,
    /// Place in a conversation; `None` for a single request.
    pub turn: Option<Turn>,
    /// Prompt and answer lengths that the workload asked for.
    pub lengths: RequestLengths,
    /// Images and audio that were sent; `None` without any.
    pub media: Option<Box<MediaCount>>,
    /// Vectors or scores of a complete answer that is not text; `None` for generated text.
    pub items: Option<AnswerItems>,
    /// Value of the `x-request-id` header.
    pub request_id: String,
    /// Status of the attempt.
    pub status: AttemptStatus,
    /// Error, if the attempt failed.
    pub error: Option<AttemptError>,
    /// Problems outside the timeline that affect the figures, one sentence each.
    pub warnings: Vec<String>,
    /// Findings from the timeline and the token counts, made after the end.
    pub findings: Vec<Finding>,
    /// Requested model.
    pub model: String,
    /// The request as sent; `None` before it is sent and after the record is condensed.
    #[serde(skip)]
    pub sent_request: Option<Arc<SentRequest>>,
    /// Time at which the open loop's schedule has the request due; `None` in a closed loop.
    pub intended: Option<Nanos>,
    /// Time at which the request was sent. In a closed loop the clock starts here.
    pub started: Nanos,
    /// Delay caused by tokscope itself, milliseconds: from when the request was due and a slot was free to when sending
    /// began. `None` for a request that did not have to wait.
    pub own_delay_ms: Option<f64>,
    /// Time at which the attempt ended.
    pub ended: Nanos,
    /// Time to connect, milliseconds; `None` for a reused connection.
    pub connect_ms: Option<f64>,
    /// Time at which the response headers were complete.
    pub headers_at: Option<Nanos>,
    /// HTTP status code.
    pub http_status: Option<u16>,
    /// `Content-Length` of the answer, bytes. Its presence proves that the answer was buffered: only a sender that has
    /// the whole answer can know its length.
    pub content_length: Option<u64>,
    /// Finish reason of the first choice, spelled as the server sent it.
    pub finish_reason: Option<String>,
    /// Finish reason of each choice, by index, for an answer with several choices (`n` > 1); empty otherwise.
    pub choice_finish_reasons: Vec<Option<String>>,
    /// Time at which the finish reason arrived; the last one of several choices.
    pub finish_at: Option<Nanos>,
    /// All arrivals of generated text, in order; empty in a condensed record.
    #[serde(with = "arrivals")]
    pub arrivals: Vec<Arrival>,
    /// Summary of text and arrivals in a condensed record.
    pub condensed: Option<Box<Condensed>>,
    /// Index, among all data events, of the first event with generated text.
    pub first_token_event_index: Option<u32>,
    /// Start and end of each stall of the thread that reads the stream. Events received in a stall have late
    /// timestamps.
    pub observer_stalls: Vec<(Nanos, Nanos)>,
    /// Average delay with which that thread woke up, milliseconds; `None` for an attempt too short to measure it.
    pub observer_lag_ms: Option<f64>,
    /// Number of data events, including `[DONE]`, without comments.
    pub event_count: u32,
    /// Token counts reported by the server.
    pub usage: Usage,
    /// Tokens generated by the end of the first event with text, for a server that reports running counts.
    pub tokens_in_first_event: Option<u64>,
    /// Time of the server's first running count. The server may send the text of that token later.
    pub first_counted_at: Option<Nanos>,
    /// Tokens in reasoning and answer as counted by the user's tokenizer, if one is set.
    pub counted_tokens: Option<u64>,
    /// Whether `reasoning` and `text` together hold everything that was generated: no tool calls, nothing truncated.
    pub is_text_whole: bool,
    /// Failed tries before the measured one.
    pub retries: Vec<FailedTry>,
    /// Text put before the prompt to make it unique; `None` if the prompt was sent unchanged.
    pub nonce: Option<String>,
    /// Times reported by the server.
    pub server_timings: Option<ServerTimings>,
    /// The answer.
    pub text: String,
    /// The reasoning.
    pub reasoning: String,
    /// Calls of tools by the first choice, in order. The journal writes them beside the record; empty in a condensed
    /// record.
    #[serde(skip)]
    pub tool_calls: Vec<ToolCall>,
    /// Results of the case's checks; empty without checks, for a failed attempt, and before they are evaluated.
    pub checks: Vec<CheckResult>,
    /// Parts of the answer that only checks need; `None` if there are none, and after the record was stored.
    #[serde(skip)]
    pub answer_parts: Option<Box<AnswerParts>>,
}

impl Default for AttemptRecord {
    fn default() -> Self {
        Self::started(AttemptId::default(), false, String::new(), String::new(), Nanos::default())
    }
}

impl AttemptRecord {
    /// Creates an empty record of an attempt that starts at `started`.
    pub fn started(id: AttemptId, warmup: bool, request_id: String, model: String, started: Nanos) -> Self {
        Self {
            id,
            warmup,
            turn: None,
            lengths: RequestLengths::default(),
            media: None,
            items: None,
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
            tool_calls: Vec::new(),
            checks: Vec::new(),
            answer_parts: None,
        }
    }

    /// Moves all times of a complete record, as if the run's clock had started this much earlier.
    pub fn move_later(&mut self, by: Duration) {
        let times = [&mut self.started, &mut self.ended].into_iter();
        let times = times.chain(&mut self.intended).chain(&mut self.headers_at).chain(&mut self.finish_at);
        let times = times.chain(&mut self.first_counted_at).chain(self.arrivals.iter_mut().map(|a| &mut a.at));
        let stalls = self.observer_stalls.iter_mut().flat_map(|(from, to)| [from, to]);
        let times = times.chain(stalls).chain(self.retries.iter_mut().map(|retry| &mut retry.started));
        for time in times {
            *time = time.plus(by);
        }
    }

    /// Approximate memory of the record, bytes; almost none without text and arrivals.
    pub fn size_in_memory(&self) -> usize {
        let calls: usize = self.tool_calls.iter().map(|call| call.name.len() + call.arguments.len()).sum();
        size_of::<Self>() + size_of_val(&*self.arrivals) + self.text.len() + self.reasoning.len() + calls
    }
}
