//! Messages between the engine and the rest of the program: commands to the engine, facts and the live view from it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::attempt::{Arrival, AttemptId, AttemptRecord, TextKind};
use super::check::ToolCall;
use super::request_lengths::RequestLengths;
use super::sent_request::SentRequest;
use super::suite::CaseSpec;
use super::time::Nanos;
use super::trace::Trace;
use super::turn::Turn;

/// Maximum points of the throughput series: an hour at four points per second. Longer runs are stored in lower
/// resolution.
pub const THROUGHPUT_POINTS: usize = 14_400;
/// Maximum text of a stream in the live view, bytes.
const TEXT_BYTES: usize = 16 * 1024;
/// Maximum recent gaps of a stream in the live view.
const GAPS: usize = 256;

/// A command to the engine.
#[derive(Clone, Debug)]
pub enum EngineCommand {
    /// Contact the endpoint and list its models.
    Discover {
        /// Whether to retry until the endpoint answers.
        retry: bool,
        /// Whether the model list is required, because the user named no model.
        needs_list: bool,
    },
    /// Send a case's request.
    Start {
        /// Attempt of the request. All facts about the request refer to it.
        id: AttemptId,
        /// Case that describes the request's content.
        case: Arc<CaseSpec>,
        /// Model to request.
        model: String,
        /// Whether the attempt is an unmeasured warm-up.
        warmup: bool,
        /// Intended start in the open loop; the request must not be sent before.
        due: Option<Nanos>,
        /// Place in a conversation, in which case `case` has the messages of the whole conversation; `None` for a
        /// single request.
        turn: Option<Turn>,
        /// Row of the data set to send.
        row: Option<u32>,
        /// Lengths that a workload asks for.
        lengths: RequestLengths,
        /// Earliest time at which the request could be sent, because it was due and a slot was free. `None` if the
        /// request did not have to wait.
        ready: Option<Nanos>,
    },
    /// Cancel an attempt. Its record arrives with the status cancelled.
    Abort(AttemptId),
    /// Mark the requests in flight as suspended: the process is about to be suspended, which makes their times
    /// meaningless. The engine replies when that is done.
    MarkSuspended(std::sync::mpsc::Sender<()>),
    /// Set whether the run is active. While it is, the engine also detects its own stalls between requests.
    SetActive(bool),
    /// Update the live view. The engine replies when that is done.
    Publish(std::sync::mpsc::Sender<()>),
    /// Stop all requests and the engine.
    Shutdown,
}

/// The [`ServerInfo::kind`] of the built-in simulator.
pub const SIMULATOR_KIND: &str = "tokscope-sim";

/// Kind and version of the server software, as reported by the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerInfo {
    /// Kind, such as `vLLM` or `llama.cpp`; `None` if unknown.
    pub kind: Option<String>,
    /// Version; `None` if unknown.
    pub version: Option<String>,
}

/// A fact from the engine that must not be lost.
#[derive(Clone, Debug)]
pub enum EngineFact {
    /// The endpoint answered.
    Discovered {
        /// Names of the listed models; empty if the endpoint has no list.
        models: Vec<String>,
        /// Server software.
        server: ServerInfo,
        /// Reason why the list could not be read.
        list_error: Option<String>,
    },
    /// Response headers revealed the server's kind, which was unknown before.
    Recognised(ServerInfo),
    /// The endpoint did not answer, or rejected the request.
    Unreachable {
        /// Description of the failure.
        reason: String,
        /// HTTP status of the rejection.
        http_status: Option<u16>,
        /// Whether the engine will retry.
        retrying: bool,
    },
    /// A request is being sent.
    Started {
        /// Attempt of the request.
        id: AttemptId,
        /// Time at which sending began.
        at: Nanos,
    },
    /// An attempt ended, with or without a complete answer.
    Ended {
        /// Attempt that ended.
        id: AttemptId,
        /// Record of the attempt.
        record: Arc<AttemptRecord>,
    },
    /// The engine failed, with the reason. It sends nothing more.
    Died(String),
}

/// Phase of a running request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum StreamPhase {
    /// The request is sent, and no generated text has arrived yet.
    #[default]
    Waiting,
    /// Reasoning arrives.
    Reasoning,
    /// The answer arrives.
    Answering,
}

/// Maximum wait for the endpoint's list of models.
pub const DISCOVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// Delay before an endpoint that does not answer is contacted again.
pub const DISCOVERY_RETRY_DELAY: Duration = Duration::from_secs(2);

/// Maximum streams with arrivals in the live view; the newest are kept.
pub const TRACED_STREAMS: usize = 32;

impl StreamPhase {
    /// Phase of a request with these arrivals.
    pub fn from_arrivals(arrivals: &[Arrival]) -> Self {
        match arrivals.last().map(|a| a.kind) {
            None => Self::Waiting,
            Some(TextKind::Reasoning) => Self::Reasoning,
            Some(TextKind::Answer) => Self::Answering,
        }
    }
}

/// Returns the most recent gaps between arrivals, milliseconds, oldest first. The number is limited for the live view.
pub fn recent_gaps_ms(arrivals: &[Arrival]) -> Vec<f32> {
    let recent = arrivals.get(arrivals.len().saturating_sub(GAPS + 1)..).unwrap_or_default();
    recent.windows(2).map(|w| w[1].at.millis_since(w[0].at) as f32).collect()
}

/// Number of distinct times among arrivals, which must be in order.
pub fn arrival_times(arrivals: &[Arrival]) -> u32 {
    arrivals.chunk_by(|a, b| a.at == b.at).count() as u32
}

/// Returns the end of a text, limited for the live view and cut at a character boundary, and whether the start was cut
/// off.
pub fn live_tail(text: &str) -> (Arc<str>, bool) {
    let mut from = text.len().saturating_sub(TEXT_BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    (text.split_at(from).1.into(), from > 0)
}

/// A request in flight, as the screen shows it. To save time, not every request has all details: only the newest
/// attempt of each case has a trace, only the newest of the selected case has gaps and texts, and only the newest
/// [`TRACED_STREAMS`] have arrivals.
#[derive(Clone, Debug, Default)]
pub struct InFlight {
    /// Attempt of the request.
    pub id: AttemptId,
    /// Phase of the request.
    pub phase: StreamPhase,
    /// Start of the clock for TTFT and latency.
    pub started: Nanos,
    /// Time at which the request was sent; later than the start of the clock if it was due before a slot was free.
    pub sent: Nanos,
    /// Time to the first event with text, milliseconds; `None` before this event. Differs from the record's TTFT, which
    /// is `None` if the first text may have been held back.
    pub ttft_ms: Option<f64>,
    /// Number of events with generated text so far, which estimates the number of tokens.
    pub content_events: u32,
    /// Number of distinct arrival times of those events.
    pub arrival_times: u32,
    /// Number of content events in each quarter of a second since the start.
    pub trace: Vec<u16>,
    /// Most recent gaps between arrivals, milliseconds, oldest first.
    pub recent_gaps_ms: Vec<f32>,
    /// Most recent arrivals, about 65,536.
    pub arrivals: Trace,
    /// Start and end of each stall of the thread that reads the stream.
    pub observer_stalls: Vec<(Nanos, Nanos)>,
    /// Reasoning so far.
    pub reasoning: Arc<str>,
    /// Answer so far.
    pub text: Arc<str>,
    /// Calls of tools so far; long arguments are cut at their end.
    pub tool_calls: Vec<ToolCall>,
    /// Whether the start of the reasoning is cut off.
    pub reasoning_cut: bool,
    /// Whether the start of the answer is cut off.
    pub text_cut: bool,
    /// Duration of the reasoning so far, or until the answer began, milliseconds.
    pub thinking_ms: Option<f64>,
    /// The request, once sent.
    pub sent_request: Option<Arc<SentRequest>>,
}

impl InFlight {
    /// Returns whether most events had their own read. Otherwise gaps and decode speed would be those of a buffer, not
    /// of the model.
    pub const fn is_resolved(&self) -> bool {
        self.content_events < 2 || self.arrival_times * 2 > self.content_events
    }
}

/// Current state of the engine; only the latest snapshot matters.
#[derive(Clone, Debug, Default)]
pub struct LiveSnapshot {
    /// Time of the snapshot.
    pub at: Nanos,
    /// Number of content events of all attempts since the run began.
    pub content_events_total: u64,
    /// All requests in flight.
    pub in_flight: Vec<InFlight>,
    /// Scheduling delay of the engine over the run so far.
    pub lag: EngineLag,
}

/// Scheduling delay of the engine's thread, milliseconds: the time from a wake-up, which another thread sends 20 times
/// per second during the run, to its reception. The delay bounds the error that tokscope itself adds to a figure. The
/// maximum is exact; percentiles are exact to 1%.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub struct EngineLag {
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub max_ms: Option<f64>,
}

impl EngineLag {
    /// Combines two lags, taking the larger value of each figure: an upper bound of the lag over both.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        let worse = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::max);
        Self {
            p50_ms: worse(self.p50_ms, other.p50_ms),
            p99_ms: worse(self.p99_ms, other.p99_ms),
            max_ms: worse(self.max_ms, other.max_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_live_view_has_the_end_of_a_long_text_and_marks_the_cut() {
        assert_eq!(live_tail("ab"), ("ab".into(), false));
        let long = format!("ä{}", "b".repeat(TEXT_BYTES - 1));
        let (tail, is_cut) = live_tail(&long);
        assert!(is_cut && *tail == *"b".repeat(TEXT_BYTES - 1));
        let full = "b".repeat(TEXT_BYTES);
        assert_eq!(live_tail(&full), (full.as_str().into(), false));
    }
}
