//! What crosses between the engine and the rest: commands in, facts and the live view out.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::attempt::{Arrival, AttemptId, AttemptRecord, TextKind};
use super::suite::CaseSpec;
use super::time::Nanos;
use super::trace::Trace;

/// Points of the throughput that are kept: at four a second, an hour.
pub const THROUGHPUT_POINTS: usize = 14_400;
/// How much of a text the live view carries.
const TEXT_BYTES: usize = 16 * 1024;
/// How many of the last gaps it carries.
const GAPS: usize = 256;

/// What the engine is told.
#[derive(Clone, Debug)]
pub enum EngineCommand {
    /// Look for the endpoint and its models.
    Discover {
        /// Look again until it answers.
        retry: bool,
        /// No model was named: without the list there is nothing to ask.
        needs_list: bool,
    },
    /// Send this case's request.
    Start {
        /// Every fact about it carries this.
        id: AttemptId,
        /// What to ask.
        case: Arc<CaseSpec>,
        /// Which model to ask.
        model: String,
        /// Not measured.
        warmup: bool,
        /// Not to be sent before then: its intended start in the open loop.
        due: Option<Nanos>,
        /// When it could be sent at the earliest: it was due, and a slot was free. `None` where nothing waited for it.
        ready: Option<Nanos>,
    },
    /// Give an attempt up; its record comes as cancelled.
    Abort(AttemptId),
    /// The whole process is about to be stopped: the times of what is in flight are worth nothing. Sends when noted.
    MarkSuspended(std::sync::mpsc::Sender<()>),
    /// The run is going, or no longer: while it is, the engine notices its own standstills, also between requests.
    SetActive(bool),
    /// Bring the live view up to date. Sends when done.
    Publish(std::sync::mpsc::Sender<()>),
    /// Stop everything.
    Shutdown,
}

/// The [`ServerInfo::kind`] of the built-in simulator.
pub const SIMULATOR_KIND: &str = "tokscope-sim";

/// What a server tells about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerInfo {
    /// `vLLM`, `llama.cpp`, …; `None` when it does not tell.
    pub kind: Option<String>,
    /// Its version, where it tells.
    pub version: Option<String>,
}

/// A fact that must not be lost.
#[derive(Clone, Debug)]
pub enum EngineFact {
    /// The endpoint answered.
    Discovered {
        /// Model names it lists; empty when it has no list.
        models: Vec<String>,
        /// What it is.
        server: ServerInfo,
        /// Why there is no list, where asking for it failed.
        list_error: Option<String>,
    },
    /// The headers of an answer name the server's kind, which was not known.
    Recognised(ServerInfo),
    /// The endpoint did not answer, or refused.
    Unreachable {
        /// What happened.
        reason: String,
        /// The status it refused with.
        http_status: Option<u16>,
        /// It will be tried again.
        retrying: bool,
    },
    /// The request is being sent.
    Started {
        /// Whose.
        id: AttemptId,
        /// When.
        at: Nanos,
    },
    /// The attempt is over, in whatever way.
    Ended {
        /// Whose.
        id: AttemptId,
        /// All that was measured.
        record: Arc<AttemptRecord>,
    },
    /// The engine is gone; nothing more will come.
    Died(String),
}

/// Where a running request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum StreamPhase {
    /// Sent; nothing generated yet.
    #[default]
    Waiting,
    /// Reasoning arrives.
    Reasoning,
    /// The answer arrives.
    Answering,
}

/// Pause between two looks at an endpoint that is not there.
pub const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// The live view carries the arrivals of so many streams, the newest.
pub const TRACED_STREAMS: usize = 32;

impl StreamPhase {
    /// Where a request stands of which these have come.
    pub fn after(arrivals: &[Arrival]) -> Self {
        match arrivals.last().map(|a| a.kind) {
            None => Self::Waiting,
            Some(TextKind::Reasoning) => Self::Reasoning,
            Some(TextKind::Answer) => Self::Answering,
        }
    }
}

/// The last gaps between arrivals, milliseconds, oldest first: as many as the live view carries.
pub fn recent_gaps_ms(arrivals: &[Arrival]) -> Vec<f32> {
    let recent = arrivals.get(arrivals.len().saturating_sub(GAPS + 1)..).unwrap_or_default();
    recent.windows(2).map(|w| w[1].at.millis_since(w[0].at) as f32).collect()
}

/// Distinct times among arrivals, which are in order.
pub fn arrival_times(arrivals: &[Arrival]) -> u32 {
    arrivals.chunk_by(|a, b| a.at == b.at).count() as u32
}

/// The end of a text that the live view carries, from a character's start, and whether it is not the whole.
pub fn live_end(text: &str) -> (Arc<str>, bool) {
    let mut from = text.len().saturating_sub(TEXT_BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    (text.split_at(from).1.into(), from > 0)
}

/// One request in flight, as the screen needs it: the trace only of the newest attempt of each case; gaps and texts only
/// of that of the case which is looked at; arrivals of the newest [`TRACED_STREAMS`].
#[derive(Clone, Debug, Default)]
pub struct InFlight {
    /// Whose.
    pub id: AttemptId,
    /// Where it stands.
    pub phase: StreamPhase,
    /// When its clock started.
    pub started: Nanos,
    /// Time to first token, once it came.
    pub ttft_ms: Option<f64>,
    /// Events with generated text so far: not tokens, an estimate of them.
    pub content_events: u32,
    /// Distinct arrival times of those.
    pub arrival_times: u32,
    /// Content events per quarter of a second since the start.
    pub trace: Vec<u16>,
    /// The last gaps between arrivals, milliseconds, oldest first.
    pub recent_gaps_ms: Vec<f32>,
    /// How its events came: about the last 65 536.
    pub arrivals: Trace,
    /// From when to when the thread that reads it stood still.
    pub observer_stalls: Vec<(Nanos, Nanos)>,
    /// Reasoning so far.
    pub reasoning: Arc<str>,
    /// Answer so far.
    pub text: Arc<str>,
    /// The front of the reasoning is left out.
    pub reasoning_cut: bool,
    /// The front of the answer is left out.
    pub text_cut: bool,
    /// How long it has been thinking, or thought before the answer, milliseconds.
    pub thinking_ms: Option<f64>,
    /// The request, once it went out.
    pub asked: Option<Arc<Asked>>,
}

impl InFlight {
    /// Whether most of its events came in reads of their own: else gaps and decode speed are those of a buffer.
    pub const fn is_resolved(&self) -> bool {
        self.content_events < 2 || self.arrival_times * 2 > self.content_events
    }
}

/// The engine's view of now; the latest wins.
#[derive(Clone, Debug, Default)]
pub struct LiveSnapshot {
    /// When it was made.
    pub at: Nanos,
    /// Content events of all attempts since the run began.
    pub content_events_total: u64,
    /// All requests in flight.
    pub in_flight: Vec<InFlight>,
    /// How late the engine took what was meant for it: over the whole run so far.
    pub lag: EngineLag,
}

/// How late the engine's thread took a wake that another thread sends it 20 times a second while it works, in
/// milliseconds: what the observer itself may have added to a figure. The maximum is exact, percentiles to one per cent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub struct EngineLag {
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub max_ms: Option<f64>,
}

impl EngineLag {
    /// The worse of two, figure by figure: no less than that of both together.
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
    fn the_live_view_carries_the_end_of_a_long_text_and_says_so() {
        assert_eq!(live_end("ab"), ("ab".into(), false));
        let long = format!("ä{}", "b".repeat(TEXT_BYTES - 1));
        let (kept, is_cut) = live_end(&long);
        assert!(is_cut && *kept == *"b".repeat(TEXT_BYTES - 1));
        let whole = "b".repeat(TEXT_BYTES);
        assert_eq!(live_end(&whole), (whole.as_str().into(), false));
    }
}
