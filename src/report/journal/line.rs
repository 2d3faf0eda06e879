//! Formats the lines of a journal. A line contains no line feed, because JSON escapes it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::compact::compact;
use super::{RunHeader, VERSION};
use crate::domain::attempt::AttemptRecord;
use crate::domain::check::ToolCall;
use crate::domain::live::EngineLag;
use crate::domain::session::{EventKind, RunEvent};
use crate::domain::telemetry_event::TelemetryEvent;
use crate::domain::time::Nanos;
use crate::report::model::Resumption;
use crate::report::run_figures::RunFigures;

#[derive(Serialize, Deserialize)]
pub struct Header<'a> {
    pub tokscope_journal: u32,
    pub run: Cow<'a, RunHeader>,
}

#[derive(Serialize, Deserialize)]
pub struct Event {
    #[serde(flatten)]
    pub what: EventKind,
    pub at: Nanos,
}

#[derive(Deserialize)]
pub struct Attempt {
    pub at: Nanos,
    pub record: AttemptRecord,
    /// Tool calls of the answer. They are stored beside the record, so that records of requests without tools stay
    /// small.
    #[serde(default)]
    pub tool_calls: Vec<ToolCall>,
}

#[derive(Serialize)]
struct CompactAttempt<'a> {
    at: Nanos,
    record: Box<RawValue>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tool_calls: &'a [ToolCall],
}

#[derive(Serialize, Deserialize)]
pub struct Lag {
    pub at: Nanos,
    #[serde(default)]
    pub lag: EngineLag,
}

#[derive(Serialize)]
struct Telemetry<'a> {
    events: &'a [TelemetryEvent],
}

#[derive(Serialize, Deserialize)]
pub struct Throughput<'a> {
    pub points: Cow<'a, [(Nanos, Option<f64>)]>,
}

#[derive(Serialize, Deserialize)]
pub struct End {
    pub at: Nanos,
    pub status: u8,
    #[serde(default)]
    pub figures: Option<RunFigures>,
}

/// Figures of a run at a time when all its work was done but the program was still open.
#[derive(Serialize, Deserialize)]
pub struct Figures {
    pub at: Nanos,
    pub figures: RunFigures,
}

#[derive(Serialize, Deserialize)]
pub struct WorkloadNote<'a> {
    pub text: Cow<'a, str>,
}

#[derive(Serialize)]
struct Typed<'a, T> {
    r#type: &'static str,
    #[serde(flatten)]
    what: &'a T,
}

fn line(what: &impl Serialize) -> String {
    // Serialisation fails only for maps whose keys are not strings, and no line has such a map.
    let mut line = serde_json::to_string(what).unwrap_or_default();
    line.push('\n');
    line
}

fn typed(r#type: &'static str, what: &impl Serialize) -> String {
    line(&Typed { r#type, what })
}

/// Returns the header line.
pub fn header(run: &RunHeader) -> String {
    line(&Header { tokscope_journal: VERSION, run: Cow::Borrowed(run) })
}

/// Returns the line of an event, with the attempt's record if the event ends an attempt.
pub fn event(event: &RunEvent, record: Option<&AttemptRecord>) -> String {
    match record {
        Some(record) => match compact(record) {
            Ok(compact) => {
                typed("attempt", &CompactAttempt { at: event.at, record: compact, tool_calls: &record.tool_calls })
            }
            Err(_) => String::new(),
        },
        None => line(&Event { what: event.what, at: event.at }),
    }
}

/// Returns the line with the reading thread's delay up to `at`. These lines also show that the program is still alive.
pub fn lag(at: Nanos, lag: EngineLag) -> String {
    typed("lag", &Lag { at, lag })
}

/// Returns the line with samples of GPUs, host and server. Older versions used its type `gpu` for GPUs only.
pub fn telemetry(events: &[TelemetryEvent]) -> String {
    typed("gpu", &Telemetry { events })
}

/// Returns the line with points of the throughput.
pub fn throughput(points: &[(Nanos, Option<f64>)]) -> String {
    typed("throughput", &Throughput { points: Cow::Borrowed(points) })
}

/// Returns the line with a sentence about the workload.
pub fn workload_note(text: &str) -> String {
    typed("workload_note", &WorkloadNote { text: Cow::Borrowed(text) })
}

/// Returns the line of a resumption: when the run was resumed, on which machine, and by which version.
pub fn resumption(resumption: &Resumption) -> String {
    typed("resumption", resumption)
}

/// Returns the line with a run's figures once all its work is done. The user may still add work.
pub fn figures(at: Nanos, figures: RunFigures) -> String {
    typed("figures", &Figures { at, figures })
}

/// Returns the last line, for a program that ended normally with this exit status.
pub fn end(at: Nanos, status: u8, figures: Option<RunFigures>) -> String {
    typed("end", &End { at, status, figures })
}
