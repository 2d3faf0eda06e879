//! Records one stream: builds the attempt's record from events and their arrival times.

mod choices;
mod document;
mod ending;
mod tool_calls;
mod warnings;

use self::choices::{Choices, keep_reason};
use self::tool_calls::ToolCalls;
use super::failure::Failure;
use super::secrets::{SearchedPrefix, Secrets};
use crate::domain::attempt::{Arrival, AttemptRecord, AttemptStatus, TextKind, count_in_quarter};
use crate::domain::live::{InFlight, StreamPhase, live_tail, recent_gaps_ms};
use crate::domain::time::Nanos;
use crate::domain::trace::Trace;
use crate::protocol::api::{APIS, Api};
use crate::protocol::chunk::Chunk;
use crate::protocol::failure::{capped, kind_in_body, message_in_body};
use crate::protocol::surrogates::SurrogateJoiner;
use crate::protocol::thinking::InlineThinking;
use crate::protocol::usage;

/// Maximum bytes of answer text to keep, and as many of reasoning. Longer texts are cut.
pub const MAX_TEXT_BYTES: usize = 4 * 1024 * 1024;
/// Maximum number of events with text: memory holds the arrival time of each.
pub const MAX_ARRIVALS: usize = 1024 * 1024;
/// Maximum number of events to compare with other APIs, as long as none fits the expected API.
const MAX_EXPLAINED_EVENTS: u32 = 64;
/// Maximum number of server warnings to keep.
const MAX_WARNINGS: usize = 16;
/// Maximum number of arrivals in the live view. The latest ones are kept, and views share their memory.
const LIVE_ARRIVALS: usize = 65_536;

/// Level of detail of an attempt in the live view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Counters only.
    Counters,
    /// Counters and trace.
    Trace,
    /// Counters, trace, text and gaps.
    All,
}

/// Recorder of a running attempt.
#[derive(Debug)]
pub struct Recorder {
    /// The record so far.
    pub record: AttemptRecord,
    /// Number of events with invalid UTF-8. Replacement characters took its place.
    pub invalid_utf8_events: u32,
    api: &'static Api,
    /// Whether the answer's last event has arrived: `[DONE]` or an equivalent of the API.
    end_seen: bool,
    /// Number of events after the answer's last event.
    after_end: u32,
    /// Whether the request was sent. From then on, the server is responsible for any delay.
    is_sent: bool,
    last_bytes_at: Option<Nanos>,
    /// Number of beats during the attempt, for the mean lag.
    beats: u32,
    malformed_events: u32,
    last_read: Option<u64>,
    /// Number of distinct arrival times.
    arrival_times: u32,
    trace: Vec<u16>,
    live: Trace,
    text_cut: bool,
    thinking: InlineThinking,
    choices: Choices,
    tool_calls: ToolCalls,
    joiners: SurrogateJoiners,
    foreign: ForeignContent,
    /// Length of the text in which the live view found no secret.
    text_searched: SearchedPrefix,
    reasoning_searched: SearchedPrefix,
}

/// Content of the body that does not belong to the expected API. Such content may explain a failure.
#[derive(Debug, Default)]
struct ForeignContent {
    /// First text outside the events of the API.
    words: Option<String>,
    /// Another API that the events fit, if none fits the expected API.
    other_api: Option<&'static Api>,
    /// Whether the stream ended in the middle of an event.
    is_cut: bool,
    /// Whether the body is empty.
    is_bodiless: bool,
}

/// Joins surrogate pairs that are split between events, separately for each generated text.
#[derive(Debug, Default)]
struct SurrogateJoiners {
    text: SurrogateJoiner,
    reasoning: SurrogateJoiner,
    arguments: SurrogateJoiner,
}

impl Recorder {
    /// Creates a recorder that fills this new record. The answer is expected in this API's format.
    pub fn new(record: AttemptRecord, api: &'static Api) -> Self {
        Self {
            record,
            invalid_utf8_events: 0,
            api,
            end_seen: false,
            after_end: 0,
            is_sent: false,
            last_bytes_at: None,
            beats: 0,
            malformed_events: 0,
            last_read: None,
            arrival_times: 0,
            trace: Vec::new(),
            live: Trace::default(),
            text_cut: false,
            thinking: InlineThinking::default(),
            choices: Choices::default(),
            tool_calls: ToolCalls::default(),
            joiners: SurrogateJoiners::default(),
            foreign: ForeignContent::default(),
            text_searched: SearchedPrefix::default(),
            reasoning_searched: SearchedPrefix::default(),
        }
    }

    /// API of the expected answer.
    pub const fn api(&self) -> &'static Api {
        self.api
    }

    /// Whether the answer is complete. Later errors then do no harm.
    pub fn has_ended(&self) -> bool {
        self.end_seen || self.choices.have_ended(self.record.finish_reason.is_some())
    }

    /// Whether the answer's last event has arrived: `[DONE]` or an equivalent of the API. The usage arrives before this
    /// event.
    pub const fn has_last_event(&self) -> bool {
        self.end_seen
    }

    /// Records that sending the request began at `at`; waiting for the server begins then, too.
    pub const fn note_sent(&mut self, at: Nanos) {
        self.is_sent = true;
        self.record.started = at;
    }

    /// Records that the request is not in progress: it will be sent again later.
    pub const fn note_unsent(&mut self) {
        self.is_sent = false;
    }

    /// Whether the request was sent.
    pub const fn is_sent(&self) -> bool {
        self.is_sent
    }

    /// Records the lag of a beat, milliseconds.
    pub fn note_lag(&mut self, ms: f64) {
        self.beats += 1;
        let mean = self.record.observer_lag_ms.unwrap_or(0.0);
        self.record.observer_lag_ms = Some(mean + (ms - mean) / f64::from(self.beats));
    }

    /// Records that bytes of the response arrived.
    pub const fn note_bytes(&mut self, at: Nanos) {
        self.last_bytes_at = Some(at);
    }

    /// Arrival time of the latest bytes.
    pub const fn last_bytes_at(&self) -> Option<Nanos> {
        self.last_bytes_at
    }

    /// Records an event, whose last byte arrived in the read number `read`, at `at`.
    pub fn event(&mut self, at: Nanos, read: u64, data: &str) -> Result<(), Failure> {
        self.any_event(at, read, data, true)
    }

    /// Records an event with a custom name. Data that is not JSON of the API is ignored.
    pub fn named_event(&mut self, at: Nanos, read: u64, data: &str) -> Result<(), Failure> {
        self.any_event(at, read, data, false)
    }

    /// Records an event named `error`. After the answer's last event, such an event is handled like any other.
    pub fn error_event(&mut self, at: Nanos, read: u64, data: &str) -> Result<(), Failure> {
        if !self.end_seen && !self.api.read(data).is_ok_and(|chunk| chunk.error.is_some()) {
            // Keep text in the same event.
            let text = self.any_event(at, read, data, false);
            let kind = kind_in_body(data).unwrap_or("server");
            return text.and(Err(Failure::new(AttemptStatus::StreamError, kind, message_in_body(data))));
        }
        self.any_event(at, read, data, false)
    }

    /// Records an event that the end of the stream closed, if its data is complete JSON or `[DONE]`. Keeps plain text
    /// as text outside the API. Drops other data: it was cut off.
    pub fn last_event(&mut self, at: Nanos, read: u64, data: &str) -> Result<(), Failure> {
        let data = data.trim_ascii();
        if data == "[DONE]" || self.api.read_or_error(data).is_ok() {
            return self.event(at, read, data);
        }
        if data.is_empty() || data.starts_with(['{', '[']) {
            self.foreign.is_cut = true;
        } else {
            self.stray_words(data);
        }
        Ok(())
    }

    /// Keeps the first text outside the events of the API.
    pub fn stray_words(&mut self, words: &str) {
        self.foreign.words.get_or_insert_with(|| capped(words.to_owned()));
    }

    /// Records that the body was empty.
    pub const fn no_body(&mut self) {
        self.foreign.is_bodiless = true;
    }

    fn any_event(&mut self, at: Nanos, read: u64, data: &str, must_be_json: bool) -> Result<(), Failure> {
        let index = self.record.event_count;
        self.record.event_count += 1;
        let coalesced = self.last_read.replace(read) == Some(read);
        let data = data.trim_ascii();
        if self.end_seen {
            // Some servers end the stream with `[DONE]` in every API.
            self.after_end += u32::from(data != "[DONE]");
            return Ok(());
        }
        if data == "[DONE]" {
            self.end_seen = true;
            return Ok(());
        }
        let chunk = if must_be_json { self.api.read_or_error(data) } else { self.api.read(data) };
        let Ok(mut chunk) = chunk else {
            if must_be_json {
                self.malformed_events += 1;
                self.stray_words(data);
            }
            return Ok(());
        };
        if must_be_json && chunk.is_empty() {
            self.explain(data);
        }
        let error = chunk.error.take();
        // An event with an error may also hold the last text.
        self.take(at, index, coalesced, &chunk)?;
        let failure = |error| Failure::new(AttemptStatus::StreamError, kind_in_body(data).unwrap_or("server"), error);
        error.map_or(Ok(()), |error| Err(failure(error)))
    }

    /// Looks for an explanation in an event without content.
    fn explain(&mut self, data: &str) {
        if self.foreign.words.is_none() && data.contains("\"message\":\"") {
            self.stray_words(&message_in_body(data));
        }
        if self.foreign.other_api.is_none()
            && self.record.arrivals.is_empty()
            && self.record.event_count <= MAX_EXPLAINED_EVENTS
        {
            let says = |api: &&&Api| api.read(data).is_ok_and(|chunk| chunk.is_generated() || chunk.is_end);
            self.foreign.other_api = APIS.iter().filter(|api| **api != self.api).find(says).copied();
        }
    }

    fn take(&mut self, at: Nanos, index: u32, coalesced: bool, chunk: &Chunk<'_>) -> Result<(), Failure> {
        if chunk.is_generated() {
            if self.record.arrivals.len() >= MAX_ARRIVALS {
                return Err(Failure::oversized("the server sent more than a million events with text"));
            }
            self.record.first_token_event_index.get_or_insert(index);
            let kind = self.keep(chunk);
            self.arrival_times += u32::from(self.record.last_arrival() != Some(at));
            self.record.arrivals.push(Arrival { at, kind, coalesced });
            count_in_quarter(&mut self.trace, at.since(self.record.started));
        }
        self.count_along(at, chunk);
        self.note(at, chunk);
        Ok(())
    }

    /// Uses the server's running token counts. The counts reveal when the first token was generated, and how many
    /// tokens the first event holds.
    fn count_along(&mut self, at: Nanos, chunk: &Chunk<'_>) {
        let record = &mut self.record;
        let so_far = chunk.usage.and_then(|u| u.completion_tokens).filter(|&n| n > 0);
        if so_far.is_some() && (record.arrivals.is_empty() || record.arrivals.len() == 1 && chunk.is_generated()) {
            record.first_counted_at.get_or_insert(at);
            record.tokens_in_first_event = so_far.filter(|_| chunk.is_generated());
        }
    }

    /// Records everything but the text: finish reason, usage, warnings and timings.
    fn note(&mut self, at: Nanos, chunk: &Chunk<'_>) {
        let record = &mut self.record;
        self.end_seen |= chunk.is_end;
        let first = chunk.finish_reason.as_deref();
        let mut has_reason = first.is_some_and(|reason| keep_reason(&mut record.finish_reason, reason));
        if let Some(reported) = chunk.usage {
            record.usage = usage::merge(record.usage, reported);
        }
        has_reason |= self.choices.note(chunk);
        if has_reason {
            record.finish_at = Some(at);
        }
        if let (Some(warning), true) = (&chunk.warning, record.warnings.len() < MAX_WARNINGS) {
            let warning = capped(warning.clone().into_owned());
            // Some servers repeat a warning in every event.
            if !record.warnings.contains(&warning) {
                record.warnings.push(warning);
            }
        }
        if let Some(timings) = chunk.server_timings.as_deref() {
            record.server_timings = Some(*timings);
            record.usage.cached_tokens = record.usage.cached_tokens.or(timings.cached_tokens);
        }
    }

    /// Keeps the texts of an event. Returns whether the event belongs to the answer or the reasoning.
    fn keep(&mut self, chunk: &Chunk<'_>) -> TextKind {
        let record = &mut self.record;
        let mut says_more = chunk.has_tool_call;
        for other in &chunk.others {
            says_more |= !other.text.is_empty();
            self.text_cut |= self.choices.keep(other, chunk.has_marks);
        }
        if chunk.has_tool_call {
            let arguments = if chunk.marked_arguments.is_empty() { "-" } else { &chunk.marked_arguments };
            self.joiners.arguments.join(arguments, chunk.has_marks);
            self.tool_calls.add(&chunk.tool_calls, chunk.has_marks);
        }
        if !chunk.reasoning.is_empty() {
            let held = self.thinking.stop();
            self.text_cut |= push(&mut record.text, &held.text);
            self.text_cut |= push(&mut record.reasoning, &held.reasoning);
            let reasoning = self.joiners.reasoning.join(&chunk.reasoning, chunk.has_marks);
            self.text_cut |= push(&mut record.reasoning, &reasoning);
        }
        let text = self.joiners.text.join(&chunk.text, chunk.has_marks);
        let split = self.thinking.take(&text);
        if split.relabels {
            // The opening tag was late or missing, so all text so far was reasoning.
            let thought = std::mem::take(&mut record.text);
            self.text_searched = SearchedPrefix::default();
            self.text_cut |= push(&mut record.reasoning, &thought);
            record.arrivals.iter_mut().for_each(|arrival| arrival.kind = TextKind::Reasoning);
            self.live = Trace::default();
        }
        self.text_cut |= push(&mut record.reasoning, &split.reasoning);
        self.text_cut |= push(&mut record.text, &split.text);
        record.is_text_whole &= !self.text_cut && !chunk.has_tool_call;
        says_more |= !split.text.is_empty() || !(chunk.text.is_empty() || split.is_thinking);
        if says_more { TextKind::Answer } else { TextKind::Reasoning }
    }

    /// Returns the arrivals for the live view. Copies only new arrivals and at most one block of older ones.
    pub fn arrivals(&mut self) -> Trace {
        self.live.extend_from(&self.record.arrivals, LIVE_ARRIVALS);
        self.live.clone()
    }

    /// Returns the attempt's part of the live view, with `secrets` redacted.
    pub fn in_flight(&self, detail: Detail, secrets: &Secrets) -> InFlight {
        let record = &self.record;
        let arrivals = &record.arrivals;
        let mut live = InFlight {
            id: record.id,
            phase: StreamPhase::from_arrivals(arrivals),
            started: record.clock_start(),
            sent: record.started,
            ttft_ms: record.first_text_ms(),
            content_events: arrivals.len() as u32,
            arrival_times: self.arrival_times,
            ..InFlight::default()
        };
        if detail >= Detail::Trace {
            live.trace.clone_from(&self.trace);
        }
        if detail >= Detail::All {
            live.recent_gaps_ms = recent_gaps_ms(arrivals);
            (live.reasoning, live.reasoning_cut) =
                secrets.redact_live(&record.reasoning, live_tail(&record.reasoning), &self.reasoning_searched);
            (live.text, live.text_cut) =
                secrets.redact_live(&record.text, live_tail(&record.text), &self.text_searched);
            live.tool_calls = self.tool_calls.shown(secrets);
            live.thinking_ms = record.thinking_ms();
            live.sent_request.clone_from(&record.sent_request);
        }
        live
    }
}

/// Appends text up to the limit. Returns whether any text was cut.
fn push(kept: &mut String, new: &str) -> bool {
    let mut room = MAX_TEXT_BYTES.saturating_sub(kept.len());
    if new.len() <= room {
        kept.push_str(new);
        return false;
    }
    while !new.is_char_boundary(room) {
        room -= 1;
    }
    kept.push_str(new.split_at(room).0);
    true
}

#[cfg(test)]
mod tests;
