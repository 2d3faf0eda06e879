//! Lines of a journal, written. None holds a line feed: JSON has none inside.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{RunHeader, VERSION};
use crate::domain::attempt::AttemptRecord;
use crate::domain::live::EngineLag;
use crate::domain::session::restore::{AttemptFacts, Standing};
use crate::domain::telemetry_event::TelemetryEvent;
use crate::domain::time::Nanos;
use crate::report::model::Resumption;

#[derive(Serialize, Deserialize)]
pub struct Header<'a> {
    pub tokscope_journal: u32,
    pub run: Cow<'a, RunHeader>,
}

#[derive(Serialize, Deserialize)]
pub struct Attempt<'a> {
    pub facts: AttemptFacts,
    pub record: Cow<'a, AttemptRecord>,
}

#[derive(Serialize, Deserialize)]
pub struct State<'a> {
    pub at: Nanos,
    pub standing: Cow<'a, Standing>,
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
}

#[derive(Serialize)]
struct Typed<'a, T> {
    r#type: &'static str,
    #[serde(flatten)]
    what: &'a T,
}

fn line(what: &impl Serialize) -> String {
    // Only maps with keys that are no text can fail, and there are none.
    let mut line = serde_json::to_string(what).unwrap_or_default();
    line.push('\n');
    line
}

fn typed(r#type: &'static str, what: &impl Serialize) -> String {
    line(&Typed { r#type, what })
}

/// The first line.
pub fn header(run: &RunHeader) -> String {
    line(&Header { tokscope_journal: VERSION, run: Cow::Borrowed(run) })
}

/// An attempt that is over.
pub fn attempt(facts: AttemptFacts, record: &AttemptRecord) -> String {
    typed("attempt", &Attempt { facts, record: Cow::Borrowed(record) })
}

/// Where the session stands, and how late the engine has been.
pub fn state(at: Nanos, standing: &Standing, lag: EngineLag) -> String {
    typed("state", &State { at, standing: Cow::Borrowed(standing), lag })
}

/// What was told of machine and server; the first of them were GPUs, and gave the line its name.
pub fn telemetry(events: &[TelemetryEvent]) -> String {
    typed("gpu", &Telemetry { events })
}

/// Points of the throughput.
pub fn throughput(points: &[(Nanos, Option<f64>)]) -> String {
    typed("throughput", &Throughput { points: Cow::Borrowed(points) })
}

/// The program begins to end, and gives up what is in flight.
pub fn closing(at: Nanos, standing: &Standing) -> String {
    typed("closing", &State { at, standing: Cow::Borrowed(standing), lag: EngineLag::default() })
}

/// The run goes on after the program had ended.
pub fn resumed(resumption: &Resumption) -> String {
    typed("resumed", resumption)
}

/// The program ended in order, with this exit status.
pub fn end(at: Nanos, status: u8) -> String {
    typed("end", &End { at, status })
}
